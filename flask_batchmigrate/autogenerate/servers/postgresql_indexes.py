"""Compares the indexes of PostgreSQL by what the server says of them.

Alembic compares neither the condition of an index nor its method, operator classes,
included columns and parameters. The server writes the definition of the model's index
for a temporary table, in the same way as that of the stored one.
See https://www.postgresql.org/docs/current/functions-info.html
"""

from __future__ import annotations

import collections.abc as cabc
import re
import typing as t

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from .collations import Place
from .twin import NAME
from .twin import not_compared
from .twin import twin

#: The indexes that belong to no constraint, and whether each has nothing but columns.
_STORED: t.Final = sa.text("""
    SELECT r.relname, i.relname, pg_get_indexdef(indexrelid),
        indpred IS NULL AND indexprs IS NULL AND i.reloptions IS NULL
        AND amname = 'btree' AND indnatts = indnkeyatts
        AND pg_get_indexdef(indexrelid) NOT LIKE '% NULLS NOT DISTINCT%'
        AND NOT EXISTS (SELECT 1 FROM unnest(indoption) o WHERE o <> 0)
        AND NOT EXISTS (SELECT 1 FROM unnest(indclass) c JOIN pg_opclass p
            ON p.oid = c WHERE NOT opcdefault)
    FROM pg_index JOIN pg_class r ON r.oid = indrelid
        JOIN pg_class i ON i.oid = indexrelid JOIN pg_am m ON m.oid = i.relam
    WHERE r.relnamespace = (SELECT oid FROM pg_namespace
            WHERE nspname = coalesce(:schema, current_schema()))
        AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
""")
_OF_TWIN: t.Final = (
    "SELECT relname, pg_get_indexdef(indexrelid)"
    " FROM pg_index JOIN pg_class c ON c.oid = indexrelid"
    f" WHERE indrelid = 'pg_temp.{NAME}'::regclass"
)
#: What differs only because of the type of a text, and how it is written.
_CAST: t.Final = re.compile(r"::(?:text|character varying)(?:\[\])?")
_TEXT: t.Final = r"'(?:[^']|'')*'"
_PARENTHESES: t.Final = re.compile(
    r"(?<![\w\"])\((\"(?:[^\"]|\"\")+\"|\w+"
    rf"|{_TEXT}|ARRAY\[(?:[^\[\]']|{_TEXT})*\])\)"
)
_CONCURRENTLY: t.Final = "postgresql_concurrently"
#: What the names of index, schema and table come before.
_HEAD: t.Final = re.compile(r"CREATE (UNIQUE )?INDEX .*? USING ", re.DOTALL)


def compare_indexes(
    context: AutogenContext,
    tables: cabc.Iterable[sa.Table],
    block: cabc.Callable[[Place], ops.ModifyTableOps],
) -> None:
    """Add the changes of indexes to the operations on tables.

    :param tables: the tables of the models that are compared.
    :param block: returns the operations on a table, which are changed in place.
    """
    connection = context.connection
    assert connection is not None
    stored: dict[str | None, dict[str, dict[str, tuple[str, bool]]]] = {}
    for table in tables:
        if not table.indexes:
            continue
        schema, name = table.schema, str(table.name)
        if schema not in stored:
            stored[schema] = _read(connection, schema)
        definitions = stored[schema].get(name, {})
        compared = [
            index
            for index in sorted(table.indexes, key=lambda each: str(each.name))
            if str(index.name) in definitions
            and not (definitions[str(index.name)][1] and _is_plain(index))
            and context.run_object_filters(index, str(index.name), "index", False, None)
        ]
        wanted = _written(connection, table, compared) if compared else {}
        differing = [
            index
            for index in compared
            if str(index.name) in wanted
            and _plain(wanted[str(index.name)])
            != _plain(definitions[str(index.name)][0])
        ]
        same = {str(i.name) for i in compared} & wanted.keys()
        same -= {str(index.name) for index in differing}
        if differing or same:
            _correct(connection, block((schema, name)), differing, same)


def _read(
    connection: sa.Connection, schema: str | None
) -> dict[str, dict[str, tuple[str, bool]]]:
    """Return the definitions of indexes, by table and name."""
    found: dict[str, dict[str, tuple[str, bool]]] = {}
    for table, index, text, plain in connection.execute(_STORED, {"schema": schema}):
        found.setdefault(table, {})[index] = text, plain
    return found


def _is_plain(index: sa.Index) -> bool:
    """Tell whether an index has columns and nothing else."""
    options = {k: v for k, v in index.dialect_kwargs.items() if _counts(k, v)}
    return not options and all(isinstance(c, sa.Column) for c in index.expressions)


def _counts(option: str, value: t.Any) -> bool:
    is_said = isinstance(value, sa.ClauseElement) or bool(value)
    return (
        is_said
        and option.startswith("postgresql_")
        and not option.endswith("_concurrently")
    )


def _written(
    connection: sa.Connection, table: sa.Table, indexes: cabc.Iterable[sa.Index]
) -> dict[str, str]:
    """Return the definitions of a model's indexes as the server writes them.

    :return: the definitions by name; none if the server does not make them, of which a
        warning tells.
    """
    names = {index.name for index in indexes}
    try:
        with twin(table, connection) as copied:
            for index in copied.indexes:
                if index.name in names:
                    index.dialect_options["postgresql"]["concurrently"] = False
                    connection.execute(sa.schema.CreateIndex(index))
            rows = connection.exec_driver_sql(_OF_TWIN)
            return {str(name): str(text) for name, text in rows}
    except sa.exc.DBAPIError as error:
        not_compared("indexes", table, error)
        return {}


def _plain(definition: str) -> str:
    """Return a definition without names, and without what only looks different."""
    text = _HEAD.sub(lambda found: found[1] or "", definition, count=1)
    text, number = _CAST.sub("", text), 1
    while number:
        text, number = _PARENTHESES.subn(r"\1", text)
    return text


def _correct(
    connection: sa.Connection,
    block: ops.ModifyTableOps,
    differing: list[sa.Index],
    same: cabc.Set[str],
) -> None:
    """Have the operations on a table make differing indexes anew, and no others.

    :param block: the operations that Alembic found; changed in place.
    :param same: the names of indexes that do not differ.
    """
    made = {o.index_name for o in block.ops if isinstance(o, ops.CreateIndexOp)}
    known = {o.index_name for o in block.ops if isinstance(o, ops.DropIndexOp)} & made
    others = [o for o in block.ops if getattr(o, "index_name", None) not in same]
    missed = [index for index in differing if index.name not in known]
    stored: dict[t.Any, sa.Index] = {}
    if missed:
        reflected = sa.Table(
            block.table_name,
            sa.MetaData(),
            schema=block.schema,
            autoload_with=connection,
            resolve_fks=False,
        )
        stored = {index.name: index for index in reflected.indexes}
    block.ops[:] = [
        *(ops.DropIndexOp.from_index(stored[index.name]) for index in missed),
        *others,
        *(ops.CreateIndexOp.from_index(index) for index in missed),
    ]
