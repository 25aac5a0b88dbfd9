"""Compares the collations of columns on a server, which Alembic does not."""

from __future__ import annotations

import collections.abc as cabc
import copy
import typing as t

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from ..script.operations import stored_default

Place: t.TypeAlias = tuple[str | None, str]

#: The collations of columns, and those that they have if nothing is said. PostgreSQL's
#: query leaves out the columns of which nothing is said.
_QUERIES: t.Final = {
    "postgresql": """
        SELECT relname, attname, collname, NULL
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
            JOIN pg_type t ON t.oid = atttypid
            JOIN pg_collation l ON l.oid = attcollation
        WHERE attcollation <> typcollation AND attnum > 0 AND NOT attisdropped
            AND relkind IN ('r', 'p') AND relnamespace = (SELECT oid
                FROM pg_namespace WHERE nspname = coalesce(:schema, current_schema()))
    """,
    "mysql": """
        SELECT c.table_name, c.column_name, c.collation_name, t.table_collation
        FROM information_schema.columns c JOIN information_schema.tables t
            ON t.table_schema = c.table_schema AND t.table_name = c.table_name
        WHERE c.collation_name IS NOT NULL
            AND c.table_schema = coalesce(:schema, database())
    """,
}
#: Arguments of MySQL's types that choose a collation without naming it.
_CHARACTER_SETS: t.Final = ("charset", "ascii", "unicode", "binary", "national")


def set_collations(
    context: AutogenContext,
    tables: cabc.Iterable[sa.Table],
    columns: cabc.Callable[[str | None], cabc.Mapping[Place, t.Any]],
    block: cabc.Callable[[Place], ops.ModifyTableOps],
) -> None:
    """Add the changes of collations to the operations on tables.

    :param tables: the tables of the models that are compared.
    :param columns: returns the columns of all tables of a schema, as SQLAlchemy's
        inspector does.
    :param block: returns the operations on a table, which are changed in place.
    """
    stored_collations: dict[str | None, _Collations] = {}
    for table in tables:
        schema, name = table.schema, str(table.name)
        wanted = {str(c.name): c for c in table.columns if _may_differ(c, context)}
        stored = columns(schema).get((schema, name), ()) if wanted else ()
        for column in stored:
            model = wanted.get(column["name"])
            if model is None:
                continue
            if schema not in stored_collations:
                stored_collations[schema] = _read(context, schema)
            actual, usual = stored_collations[schema].get(
                (name, column["name"]), (None, None)
            )
            said = _collation(model, context.dialect)
            if _folded(said or usual) != _folded(actual) and (
                context.run_object_filters(
                    model, str(model.name), "column", False, None
                )
            ):
                before = None if actual == usual else actual
                _alter(block((schema, name)), model, column, before)


_Collations: t.TypeAlias = dict[tuple[str, str], tuple[str | None, str | None]]


def _read(context: AutogenContext, schema: str | None) -> _Collations:
    """Return the collation of each column of a schema, and the usual one."""
    query = sa.text(_QUERIES[_kind(context.dialect)])
    assert context.connection is not None
    rows = context.connection.execute(query, {"schema": schema})
    return {(table, column): (said, usual) for table, column, said, usual in rows}


def _kind(dialect: sa.Dialect) -> str:
    return "mysql" if dialect.name == "mariadb" else dialect.name


def _may_differ(column: sa.Column[t.Any], context: AutogenContext) -> bool:
    """Tell whether a column has a text whose collation the model may name."""
    if _kind(context.dialect) not in _QUERIES:
        return False
    type_: t.Any = _stored_as(column, context.dialect)
    return (
        isinstance(type_, sa.String)
        and not isinstance(type_, sa.Enum)
        and (
            type_.collation is not None
            or not any(getattr(type_, name, None) for name in _CHARACTER_SETS)
        )
    )


def _stored_as(column: sa.Column[t.Any], dialect: sa.Dialect) -> t.Any:
    type_: t.Any = column.type.dialect_impl(dialect)
    while isinstance(type_, sa.TypeDecorator):
        type_ = type_.impl_instance
    return type_


def _collation(column: sa.Column[t.Any], dialect: sa.Dialect) -> str | None:
    return t.cast("str | None", _stored_as(column, dialect).collation)


def _folded(collation: str | None) -> str:
    """Return a collation as it is compared: MySQL has two names for ``utf8``."""
    return (collation or "").lower().replace("utf8mb3_", "utf8_")


def _alter(
    block: ops.ModifyTableOps,
    model: sa.Column[t.Any],
    stored: t.Any,
    collation: str | None,
) -> None:
    """Have a block give a column the type of the model, with its collation.

    :param collation: the stored one, if it is not the usual one.
    """
    altered = next(
        (
            o
            for o in block.ops
            if isinstance(o, ops.AlterColumnOp) and o.column_name == model.name
        ),
        None,
    )
    if altered is None:
        altered = ops.AlterColumnOp(
            block.table_name,
            str(model.name),
            schema=block.schema,
            existing_nullable=stored["nullable"],
            existing_comment=stored.get("comment"),
            existing_server_default=stored_default(stored["default"]),
        )
        block.ops.append(altered)
    existing = copy.copy(stored["type"])
    if isinstance(existing, sa.String):
        existing.collation = collation
    altered.existing_type = existing
    altered.modify_type = model.type
