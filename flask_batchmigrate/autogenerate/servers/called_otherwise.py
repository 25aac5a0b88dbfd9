"""Finds a constraint on a server that a script calls by another usual name.

A constraint that nobody named gets its name from whoever makes it: ``create_all()``
leaves it to the server, and generated scripts give it one. So a script that was
generated for a database of the one kind has to find the constraint in one of the other.
A name that somebody chose is never taken for another.
"""

from __future__ import annotations

import collections.abc as cabc
import re
import typing as t

import sqlalchemy as sa

from ...sqlite.errors import ChangeRefused
from ...value_classes import value_class
from ..script.names import default_name
from ..script.names import mentioned

#: What PostgreSQL puts at the end of a name, and generated scripts at its beginning.
_ENDS: t.Final = {
    "unique": ("key", "uq"),
    "check": ("check", "ck"),
    "foreignkey": ("fkey", "fk"),
    "primary": ("pkey", "pk"),
}
#: https://www.postgresql.org/docs/current/limits.html
_LONGEST: t.Final = 63
#: What MySQL and MariaDB make up besides the name of a column.
_NUMBERED: t.Final = re.compile(r".+_ibfk_\d+|CONSTRAINT_\d+|.+_chk_\d+")
_KINDS: t.Final[dict[type[sa.Constraint], str]] = {
    sa.UniqueConstraint: "unique",
    sa.CheckConstraint: "check",
    sa.ForeignKeyConstraint: "foreignkey",
    sa.PrimaryKeyConstraint: "primary",
}


@value_class
class Stored:
    """A constraint as the server describes it.

    :param kind: its kind, as ``drop_constraint`` takes it.
    :param columns: its columns; for a CHECK, those that its expression names.
    :param parent: the table that a foreign key refers to.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    parent: str = ""


def kind_of(constraint: sa.Constraint) -> str | None:
    """Return the kind of a constraint, if it says one."""
    return next((k for c, k in _KINDS.items() if isinstance(constraint, c)), None)


def name_in_use(connection: sa.Connection, constraint: sa.Constraint) -> str | None:
    """Return the name under which a server has a constraint that a script drops.

    :param constraint: what the script says of it: its name, table and maybe its kind.
    :return: None if the server has it under the script's name, or has no such thing.
    :raises ChangeRefused: several fit.
    """
    table, wanted = t.cast(t.Any, constraint).table, str(constraint.name)
    try:
        stored = list(
            constraints(connection, table.name, table.schema, kind_of(constraint))
        )
    except sa.exc.NoSuchTableError:
        return None
    if any(same_name(each.name, wanted) for each in stored):
        return None
    on_mysql = connection.dialect.name != "postgresql"
    found = [
        each for each in stored if _is_meant(each, wanted, str(table.name), on_mysql)
    ]
    if len(found) > 1:
        names = "' or '".join(each.name for each in found)
        raise ChangeRefused(
            f"Table '{table.name}': it is not clear which constraint '{wanted}' is,"
            f" since it could be '{names}'",
            "Give the one that is meant this name in the database, or its name in the"
            " database to the script.",
            table=str(table.name),
        )
    return found[0].name if found else None


def index_in_use(connection: sa.Connection, index: sa.Index) -> str | None:
    """Return the name under which MySQL or MariaDB has an index that a script drops.

    The index is that of a ``UNIQUE`` or of a foreign key.

    :param index: what the script says of it: its name and its table.
    :return: None if the server has it under the script's name, or has no such thing.
    """
    table, wanted = t.cast(t.Any, index).table, str(index.name)
    inspector = sa.inspect(connection)
    try:
        stored = inspector.get_indexes(table.name, schema=table.schema)
    except sa.exc.NoSuchTableError:
        return None
    if any(same_name(str(each["name"]), wanted) for each in stored):
        return None
    parents = inspector.get_table_names(schema=table.schema)
    found = [
        str(each["name"])
        for each in stored
        if is_index_of(str(each["name"]), each["column_names"])
        and any(
            same_name(wanted, name)
            for name in _names_of_index(str(table.name), each, parents)
        )
    ]
    return found[0] if len(found) == 1 else None


def _names_of_index(
    table: str, index: t.Any, parents: cabc.Iterable[str]
) -> cabc.Iterator[str]:
    """Yield the names that scripts give what an index of MySQL or MariaDB belongs to.

    :param parents: the tables that a foreign key may refer to.
    """
    columns = [str(column) for column in index["column_names"]]
    if index["unique"]:
        yield default_name("unique", table, columns)
    else:
        # The foreign key may be gone, which would tell the table.
        for parent in parents:
            yield default_name("foreignkey", table, columns, parent)


def is_index_of(name: str, columns: cabc.Sequence[str | None]) -> bool:
    """Tell whether MySQL named an index for its first column, or for a foreign key."""
    first = re.escape(str(columns[0]))
    is_for_column = re.fullmatch(rf"{first}(_\d+)?", name, re.IGNORECASE) is not None
    return is_for_column or _NUMBERED.fullmatch(name) is not None


def constraints(
    connection: sa.Connection, table: str, schema: str | None, kind: str | None
) -> cabc.Iterator[Stored]:
    """Yield the constraints of a table that have names, of one kind or all kinds."""
    inspector = sa.inspect(connection)
    if kind in (None, "primary"):
        key = inspector.get_pk_constraint(table, schema=schema)
        if key["name"]:
            yield Stored(key["name"], "primary", tuple(key["constrained_columns"]))
    if kind in (None, "unique"):
        for unique in inspector.get_unique_constraints(table, schema=schema):
            columns = tuple(unique["column_names"])
            yield Stored(str(unique["name"]), "unique", columns)
    if kind in (None, "foreignkey"):
        for each in inspector.get_foreign_keys(table, schema=schema):
            columns = tuple(each["constrained_columns"])
            parent = each["referred_table"]
            yield Stored(str(each["name"]), "foreignkey", columns, parent)
    if kind in (None, "check"):
        checks = inspector.get_check_constraints(table, schema=schema)
        known = inspector.get_columns(table, schema=schema) if checks else []
        names = [column["name"] for column in known]
        for check in checks:
            columns = tuple(mentioned(check["sqltext"], names))
            yield Stored(str(check["name"]), "check", columns)


def same_name(one: str, other: str) -> bool:
    """Tell whether two names are one for every server."""
    return one.lower() == other.lower()


def is_made_up(stored: Stored, table: str, on_mysql: bool) -> bool:
    """Tell whether nobody chose the name of a constraint.

    :param on_mysql: whether MySQL or MariaDB has it, which number constraints, or name
        them for their first column.
    """
    usual, number = set(_usual_names(stored, table)), r"\d+$"
    if on_mysql:
        if _NUMBERED.fullmatch(stored.name):
            return True
        usual |= set(stored.columns[:1])
        number = r"_?\d+$"
    unnumbered = {stored.name, re.sub(number, "", stored.name)}
    return not {name.lower() for name in usual}.isdisjoint(map(str.lower, unnumbered))


def generated_name(stored: Stored, table: str) -> str:
    """Return the name that generated scripts give a constraint."""
    return default_name(stored.kind, table, stored.columns, stored.parent)


def _usual_names(stored: Stored, table: str) -> list[str]:
    """Return the names that PostgreSQL and generated scripts give a constraint."""
    end, _ = _ENDS[stored.kind]
    columns = () if stored.kind == "primary" else stored.columns
    if stored.kind == "check" and len(columns) != 1:
        columns = ()
    return [
        _postgresql_name(table, "_".join(columns), end),
        generated_name(stored, table),
    ]


def _postgresql_name(table: str, columns: str, end: str) -> str:
    """Return the name that PostgreSQL makes of its parts, the longer one being cut."""
    room = _LONGEST - len(end) - 1 - bool(columns)
    first, second = table.encode(), columns.encode()
    while len(first) + len(second) > room:
        if len(first) > len(second):
            first = first[:-1]
        else:
            second = second[:-1]
    parts = (part.decode(errors="ignore") for part in (first, second))
    return "_".join([*filter(None, parts), end])


def _is_meant(stored: Stored, wanted: str, table: str, on_mysql: bool) -> bool:
    """Tell whether a constraint is one that a script calls by another usual name."""
    usual = [name.lower() for name in _usual_names(stored, table)]
    if wanted.lower() in usual:
        return is_made_up(stored, table, on_mysql)
    # The names keep those of tables and columns that were renamed since.
    return _correspond(stored, stored.name, wanted) or (
        _correspond(stored, wanted, stored.name)
    )


def _correspond(stored: Stored, one: str, other: str) -> bool:
    """Tell whether PostgreSQL gives the one name where scripts give the other."""
    end, start = _ENDS[stored.kind]
    body = one.lower().removesuffix(f"_{end}")
    parts = filter(None, (start, body, stored.parent))
    return body != one.lower() and same_name(other, "_".join(parts))
