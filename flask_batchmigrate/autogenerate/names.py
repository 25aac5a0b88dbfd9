"""Names the constraints that nobody named.

Another database makes up a name for a constraint without one, and each its own. A
script that names what it makes works on all of them, both ways.
"""

from __future__ import annotations

import collections.abc as cabc
import hashlib
import re
import typing as t

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.sql.elements import conv

#: The shortest limit of the databases that scripts are written for: PostgreSQL's.
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

    It is the one of Alembic's documentation, with all columns of the constraint:
    ``uq_user_email``, ``fk_pet_owner_id_user``, ``ck_book_pages``, ``pk_book``.
    https://alembic.sqlalchemy.org/en/latest/naming.html

    :param kind: as ``drop_constraint`` takes it.
    :param columns: its columns; those that the expression of a CHECK names.
    :param parent: the table that a foreign key refers to.
    """
    middle = () if kind == "primary" else columns
    parts = [_PREFIXES[kind], table, *middle, parent]
    return fitting("_".join(filter(None, parts)))


def fitting(name: str) -> conv:
    """Return a name that every database can store, and that is final.

    One that is too long is cut as SQLAlchemy cuts it, with a piece of its hash.
    """
    if len(name.encode()) > _LONGEST:
        mark = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[-4:]
        start = name.encode()[: _LONGEST - 8].decode(errors="ignore")
        name = f"{start}_{mark}"
    return conv(name)


def free(name: str, taken: cabc.Container[str]) -> conv:
    """Return a name that is not taken: the one given, else with a number behind it."""
    number, found = 0, fitting(name)
    while found.lower() in taken:
        number += 1
        found = fitting(f"{name[: _LONGEST - 4]}{number}")
    return found


def name_everything(operations: ops.OpContainer) -> None:
    """Name the constraints that operations make, those of new tables included.

    :param operations: for any database; changed in place.
    """
    for position, each in enumerate(operations.ops):
        if isinstance(each, ops.OpContainer):
            name_everything(each)
        elif isinstance(each, ops.CreateTableOp):
            operations.ops[position] = _with_names(each)
        elif isinstance(each, ops.CreateUniqueConstraintOp):
            if each.constraint_name is None:
                columns = _column_names(each.columns)
                name = default_name("unique", each.table_name, columns)
                each.constraint_name = name
        elif isinstance(each, ops.CreateForeignKeyOp) and each.constraint_name is None:
            each.constraint_name = default_name(
                "foreignkey", each.source_table, each.local_cols, each.referent_table
            )


def _column_names(columns: cabc.Iterable[t.Any]) -> list[str]:
    return [str(getattr(column, "name", column)) for column in columns]


def _with_names(operation: ops.CreateTableOp) -> ops.CreateTableOp:
    """Return an operation that makes the same table with all constraints named."""
    constraints = [c for c in operation.columns if isinstance(c, sa.Constraint)]
    of_columns = [
        c for each in operation.columns for c in getattr(each, "constraints", ())
    ]
    if not constraints or (all(map(_is_named, constraints)) and not of_columns):
        return operation
    original = t.cast("sa.Table", t.cast(t.Any, constraints[0]).table)
    table = with_names(original, of_columns)
    return ops.CreateTableOp.from_table(table, _namespace_metadata=original.metadata)


def with_names(original: sa.Table, of_columns: cabc.Iterable[t.Any] = ()) -> sa.Table:
    """Return a copy of a table in which every constraint has a name.

    :param of_columns: checks that columns have, which Alembic does not render.
    """
    naming = original.metadata.naming_convention
    table = original.to_metadata(sa.MetaData(naming_convention=naming))
    for check in of_columns:
        table.append_constraint(sa.CheckConstraint(check.sqltext, name=check.name))
    taken = {str(c.name).lower() for c in table.constraints if _is_named(c)}
    for constraint in sorted(table.constraints, key=_order):
        if not _is_named(constraint):
            name = free(_name_of(constraint, str(table.name)), taken)
            taken.add(name.lower())
            _set_name(constraint, name)
    return table


def _is_named(constraint: sa.Constraint) -> bool:
    """Tell whether a constraint has a name, or needs none."""
    empty = isinstance(constraint, sa.PrimaryKeyConstraint) and not constraint.columns
    return isinstance(constraint.name, str) or empty


def _order(constraint: sa.Constraint) -> tuple[str, list[str], str]:
    """Sort constraints, which a table keeps in a set."""
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
    return default_name("check", table, _mentioned(constraint))


def _mentioned(constraint: t.Any) -> list[str]:
    """Return the columns that a CHECK names, in the order of the table."""
    columns = _column_names(constraint.table.columns)
    words = set(re.findall(r"\w+", str(constraint.sqltext)))
    return [name for name in columns if name in words]


def _set_name(constraint: sa.Constraint, name: conv) -> None:
    """Name a constraint; one that a type makes is named by its type."""
    constraint.name = name
    if getattr(constraint, "_type_bound", False):
        for column in t.cast(t.Any, constraint).table.columns:
            made = column.type
            if (
                isinstance(made, (sa.Boolean, sa.Enum))
                and made.name is None
                and column.name in _column_names(getattr(constraint, "columns", ()))
            ):
                made.name = name
