"""Describes the tables of a server's database, to compare them later."""

from __future__ import annotations

import collections.abc as cabc
import typing as t
import warnings

import sqlalchemy as sa

from ...value_classes import value_class


@value_class
class Snapshot:
    """What SQLAlchemy's inspector tells of a database.

    :param tables: for each table, its parts by kind and name.
    :param types: the types of PostgreSQL with their members.
    """

    tables: dict[str, dict[tuple[str, str], str]]
    types: dict[str, str]


def snapshot(connection: sa.Connection, version_table: str) -> Snapshot:
    """Describe a database.

    :param version_table: the table that the revision is stored in, which is left out.
    """
    inspector = sa.inspect(connection)
    default = inspector.default_schema_name
    system = ("information_schema", "pg_catalog")
    schemas: list[str | None] = [None]
    if connection.dialect.name == "postgresql":
        named = set(inspector.get_schema_names()) - {default, *system}
        schemas += sorted(named)
    tables: dict[str, dict[tuple[str, str], str]] = {}
    with warnings.catch_warnings():
        # Types that SQLAlchemy does not know are compared by their text.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        for schema in schemas:
            for name in inspector.get_table_names(schema=schema):
                if name != version_table:
                    label = ".".join(filter(None, (schema, name)))
                    tables[label] = _parts(inspector, name, schema)
    enums: t.Any = getattr(inspector, "get_enums", None)
    found = enums(schema="*") if enums is not None else ()
    types = {
        f"{each['schema']}.{each['name']}": repr(each["labels"])
        for each in found
        if each["schema"] not in system
    }
    return Snapshot(tables, types)


def _parts(
    inspector: sa.Inspector, table: str, schema: str | None
) -> dict[tuple[str, str], str]:
    """Return the parts of a table, by kind and name, as the server describes them."""
    found: dict[tuple[str, str], str] = {}

    def add(kind: str, items: cabc.Iterable[t.Any]) -> None:
        for item in items:
            described = {key: item[key] for key in sorted(item) if key != "comment"}
            found[kind, str(item["name"])] = repr(described)

    add("column", inspector.get_columns(table, schema=schema))
    add("unique constraint", inspector.get_unique_constraints(table, schema=schema))
    add("foreign key", inspector.get_foreign_keys(table, schema=schema))
    add("check", inspector.get_check_constraints(table, schema=schema))
    add("index", inspector.get_indexes(table, schema=schema))
    key = inspector.get_pk_constraint(table, schema=schema)
    if key["constrained_columns"]:
        found["primary key", str(key["name"])] = repr(key["constrained_columns"])
    return found


def not_restored(before: Snapshot, between: Snapshot, after: Snapshot) -> list[str]:
    """Describe what a downgrade did not restore.

    :param before: the database before the upgrade.
    :param between: after the upgrade.
    :param after: after the downgrade.
    """
    sentences = [*_listed("type", before.types, after.types)]
    sentences += _listed("table", before.tables, after.tables, compare=False)
    for table, parts in before.tables.items():
        now = after.tables.get(table)
        if now is None or parts == now:
            continue
        for kind, name in sorted(parts.keys() | now.keys()):
            old, new = parts.get((kind, name)), now.get((kind, name))
            if old == new or _is_left_by_mysql(kind, name, old, between, table):
                continue
            sentences.append(f"{kind} '{table}.{name}' {_what(old, new)}")
    return [f"after the downgrade, {text}" for text in sentences]


def _listed(
    kind: str,
    before: cabc.Mapping[str, t.Any],
    after: cabc.Mapping[str, t.Any],
    compare: bool = True,
) -> cabc.Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if (old is None) != (new is None) or (compare and old != new):
            yield f"{kind} '{name}' {_what(old, new)}"


def _what(old: object, new: object) -> str:
    if new is None:
        return "is missing"
    return "is still there" if old is None else f"differs: {new} instead of {old}"


def _is_left_by_mysql(
    kind: str, name: str, old: str | None, between: Snapshot, table: str
) -> bool:
    """Tell whether an index is that of a foreign key, which MySQL does not drop."""
    keys = between.tables.get(table, {})
    return kind == "index" and old is None and ("foreign key", name) in keys
