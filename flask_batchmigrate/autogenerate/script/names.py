"""Names the constraints that have no name.

Each database makes up its own name for such a constraint. A script that names its
constraints works on all databases, up and down.
"""

from __future__ import annotations

import collections.abc as cabc
import hashlib
import re
import typing as t

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.sql.elements import conv

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN
from .copies import copy_table
from .rendering import one_line

#: The longest name that every database of a script can store: PostgreSQL's limit.
#: https://www.postgresql.org/docs/current/limits.html
_LONGEST: t.Final = 63

_PREFIXES: t.Final = {
    "unique": "uq",
    "check": "ck",
    "foreignkey": "fk",
    "primary": "pk",
}


def default_name(
    kind: str, table: str, columns: cabc.Iterable[str], parent: str = ""
) -> str:
    """Return the name of a constraint by the default convention.

    The convention is that of Alembic's documentation, with all columns:
    ``uq_user_email``, ``fk_pet_owner_id_user``, ``ck_book_pages``, ``pk_book``.
    https://alembic.sqlalchemy.org/en/latest/naming.html

    :param kind: the kind of constraint, as ``drop_constraint`` takes it.
    :param columns: its columns; for a CHECK, those that its expression names.
    :param parent: the table that a foreign key refers to.
    """
    middle = () if kind == "primary" else columns
    parts = [_PREFIXES[kind], table, *middle, parent]
    return fitting("_".join(filter(None, parts)))


def fitting(name: str) -> conv:
    """Return a name as final, shortened so that every database can store it.

    A name that is too long is cut as SQLAlchemy cuts it, with a piece of its hash.
    """
    if len(name.encode()) > _LONGEST:
        mark = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[-4:]
        start = name.encode()[: _LONGEST - 8].decode(errors="ignore")
        name = f"{start}_{mark}"
    return conv(name)


def free(name: str, taken: cabc.Container[str]) -> conv:
    """Return a name that is not taken, with a number at its end if necessary."""
    number, candidate = 0, fitting(name)
    while candidate.lower() in taken:
        number += 1
        candidate = fitting(f"{name[: _LONGEST - 4]}{number}")
    return candidate


def name_everything(operations: ops.OpContainer) -> None:
    """Name the constraints that operations make, also those of new tables.

    The names are final: the metadata may have another naming convention, or its first
    one, when the script is run once more.

    :param operations: the operations, for any database; changed in place.
    """
    for position, operation in enumerate(operations.ops):
        if isinstance(operation, ops.OpContainer):
            name_everything(operation)
        elif isinstance(operation, ops.CreateTableOp):
            operations.ops[position] = _with_names(operation)
        elif isinstance(operation, ops.CreateUniqueConstraintOp):
            if operation.constraint_name is None:
                columns = _column_names(operation.columns)
                name = default_name("unique", operation.table_name, columns)
                operation.constraint_name = name
            _make_final(operation)
        elif isinstance(operation, ops.CreateForeignKeyOp):
            if operation.constraint_name is None:
                operation.constraint_name = default_name(
                    "foreignkey",
                    operation.source_table,
                    operation.local_cols,
                    operation.referent_table,
                )
            _make_final(operation)
        elif isinstance(operation, ops.DropConstraintOp):
            _make_final(operation)


def _make_final(operation: t.Any) -> None:
    """Let no naming convention change the name of an operation's constraint."""
    if isinstance(operation.constraint_name, str):
        operation.constraint_name = conv(operation.constraint_name)


def _column_names(columns: cabc.Iterable[t.Any]) -> list[str]:
    return [str(getattr(column, "name", column)) for column in columns]


def _with_names(operation: ops.CreateTableOp) -> ops.CreateTableOp:
    """Return an operation that makes the same table, with names of all constraints."""
    constraints = [c for c in operation.columns if isinstance(c, sa.Constraint)]
    of_columns = [
        c for each in operation.columns for c in getattr(each, "constraints", ())
    ]
    as_it_is = all(map(_is_final, constraints)) and not of_columns
    if not constraints or (as_it_is and not _shared_names(constraints)):
        return operation
    original = t.cast("sa.Table", t.cast(t.Any, constraints[0]).table)
    table = with_names(original)
    return ops.CreateTableOp.from_table(table, _namespace_metadata=original.metadata)


def checks_of(table: sa.Table) -> list[sa.CheckConstraint]:
    """Return the CHECKs of a table, and those of its single columns."""
    of_columns = (each for column in table.columns for each in column.constraints)
    return [t.cast(t.Any, c) for c in (*table.constraints, *of_columns) if _is_check(c)]


def checks_of_column(column: sa.Column[t.Any]) -> list[sa.CheckConstraint]:
    """Return the checks that the type of a column of a table makes."""
    constraints = column.table.constraints
    return [
        t.cast(t.Any, each)
        for each in constraints
        if getattr(each, "_type_bound", False)
        and column.name in _column_names(getattr(each, "columns", ()))
    ]


def conventional_name(constraint: sa.Constraint) -> str | None:
    """Return the name that the naming convention gives a type's check without one.

    :return: None if the convention says nothing of it. SQLAlchemy applies it to such a
        check only when the table is made.
    """
    if not getattr(constraint, "_type_bound", False):
        return None
    preparer: t.Any = DefaultDialect().identifier_preparer
    try:
        name = preparer.format_constraint(constraint, _alembic_quote=False)
    except sa.exc.InvalidRequestError:
        # The convention needs the name that is missing; the table cannot be made.
        return None
    return str(name) if name is not None else None


def _is_check(constraint: sa.Constraint) -> bool:
    return isinstance(constraint, sa.CheckConstraint)


def with_names(original: sa.Table) -> sa.Table:
    """Return a copy of a table in which every constraint has a final name.

    The checks of single columns become checks of the table: Alembic does not render
    them where they are, and MariaDB does not list them.
    """
    naming = original.metadata.naming_convention
    table = copy_table(original, sa.MetaData(naming_convention=naming))
    for column in table.columns:
        for check in filter(_is_check, tuple(column.constraints)):
            column.constraints.discard(check)
            text = t.cast(t.Any, check).sqltext
            table.append_constraint(sa.CheckConstraint(text, name=check.name))
    shared = _shared_names(table.constraints)
    for constraint in table.constraints:
        if str(constraint.name).lower() in shared:
            constraint.name = None
    taken = {str(c.name).lower() for c in table.constraints if _is_named(c)}
    for constraint in sorted(table.constraints, key=_order):
        if not _is_named(constraint):
            name = free(
                conventional_name(constraint) or _name_of(constraint, str(table.name)),
                taken,
            )
            taken.add(name.lower())
            _set_name(constraint, name)
        elif not _is_final(constraint):
            constraint.name = conv(str(constraint.name))
    return table


def _shared_names(constraints: cabc.Iterable[sa.Constraint]) -> set[str]:
    """Return the names, in small letters, that several constraints have.

    A naming convention gives them one name where it says their first column only. No
    server makes them, so each gets a name that says all its columns. The checks of
    types keep the names of the types.
    """
    names = [
        str(each.name).lower()
        for each in constraints
        if isinstance(each.name, str) and not getattr(each, "_type_bound", False)
    ]
    return {name for name in names if names.count(name) > 1}


def refuse_shared_names(tables: cabc.Iterable[sa.Table]) -> None:
    """Refuse constraints of one table that have one name, which no server makes.

    Alembic compares them by their names, and would take one for the other.

    :param tables: the tables of the models.
    :raises BatchMigrateError: there are such constraints, and they are not the same.
    """
    for table in tables:
        for name in sorted(_shared_names(table.constraints)):
            alike = [c for c in table.constraints if str(c.name).lower() == name]
            said = sorted({_described(c) for c in alike})
            if len(said) > 1:
                raise BatchMigrateError(
                    f"Several constraints of table '{table.name}' have the name "
                    f"'{alike[0].name}': {', '.join(said)}",
                    "Give each one its own name in the models.",
                    state=NOTHING_WRITTEN,
                    table=str(table.name),
                )


def _described(constraint: t.Any) -> str:
    """Describe a constraint by its columns or its expression."""
    sql = getattr(constraint, "sqltext", None)
    if sql is not None:
        return f"CHECK ({one_line(str(sql))})"
    kind = str(constraint.__visit_name__).replace("_", " ").upper()
    return f"{kind} ({', '.join(_column_names(constraint.columns))})".replace(
        " CONSTRAINT", ""
    )


def _is_named(constraint: sa.Constraint) -> bool:
    """Tell whether a constraint has a name, or needs none."""
    empty = isinstance(constraint, sa.PrimaryKeyConstraint) and not constraint.columns
    return isinstance(constraint.name, str) or empty


def _is_final(constraint: sa.Constraint) -> bool:
    """Tell whether no naming convention changes the name of a constraint.

    The check of a type has the name of the type, which the type's own text says.
    """
    of_type, name = getattr(constraint, "_type_bound", False), constraint.name
    return _is_named(constraint) and (
        of_type or not isinstance(name, str) or isinstance(name, conv)
    )


def _order(constraint: sa.Constraint) -> tuple[str, list[str], str]:
    """Return a key to sort constraints by, which a table keeps in a set."""
    columns = _column_names(getattr(constraint, "columns", ()))
    return (type(constraint).__name__, columns, str(getattr(constraint, "sqltext", "")))


def _name_of(constraint: sa.Constraint, table: str) -> str:
    columns = _column_names(getattr(constraint, "columns", ()))
    if isinstance(constraint, sa.UniqueConstraint):
        return default_name("unique", table, columns)
    if isinstance(constraint, sa.PrimaryKeyConstraint):
        return default_name("primary", table, columns)
    if isinstance(constraint, sa.ForeignKeyConstraint):
        parent = constraint.elements[0].target_fullname.split(".")[-2]
        return default_name("foreignkey", table, columns, parent)
    check: t.Any = constraint
    columns = _column_names(check.table.columns)
    return default_name("check", table, mentioned(str(check.sqltext), columns))


def mentioned(expression: str, columns: cabc.Iterable[str]) -> list[str]:
    """Return the columns of a table that a CHECK names, in their order there."""
    words = set(re.findall(r"\w+", expression))
    return [name for name in columns if name in words]


def _set_name(constraint: sa.Constraint, name: conv) -> None:
    """Name a constraint, and the type of a constraint that a type makes."""
    constraint.name = name
    if getattr(constraint, "_type_bound", False):
        for column in t.cast(t.Any, constraint).table.columns:
            type_ = column.type
            if (
                isinstance(type_, (sa.Boolean, sa.Enum))
                and type_.name is None
                and column.name in _column_names(getattr(constraint, "columns", ()))
            ):
                type_.name = name
