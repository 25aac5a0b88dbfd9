"""Keeps the CHECKs that MariaDB forgets when a column is defined anew.

MariaDB has the CHECK that ``create_all()`` writes beside a column as a part of that
column, and drops it when ``ALTER TABLE ... MODIFY`` does not repeat it:
https://mariadb.com/kb/en/constraint/#check-constraints. Alembic does not know of it.
"""

from __future__ import annotations

import functools
import re
import typing as t

import sqlalchemy as sa

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

_CLAUSE: t.Final = sa.text(
    "SELECT check_clause FROM information_schema.check_constraints"
    " WHERE level = 'Column' AND table_name = :table AND constraint_name = :column"
    " AND constraint_schema = coalesce(:schema, database())"
)


def keep_column_checks(context: MigrationContext) -> None:
    """Have a context make the CHECK of a column again that an alteration drops.

    The CHECK comes back as one of the table, with the name that generated scripts give.

    :param context: Alembic's context of a database that scripts may change.
    """
    connection, impl = context.connection, t.cast(t.Any, context.impl)
    if connection is None or context.as_sql:
        return
    if getattr(context.dialect, "is_mariadb", False):
        impl.alter_column = functools.partial(
            _alter_column, connection, impl.alter_column
        )


def _alter_column(
    connection: sa.Connection, alter: t.Any, table: str, column: str, **options: t.Any
) -> None:
    """Alter a column, and keep its CHECK."""
    schema = options.get("schema")
    check = _check(connection, table, column, schema)
    if check == f"json_valid({_quoted(column)})":
        check = None  # It is a part of the type JSON, and changes with the type.
    alter(table, column, **options)
    later = str(options.get("name") or column)
    if check is None or _check(connection, table, later, schema) is not None:
        return
    # Few columns have such a CHECK.
    from ..autogenerate.servers.mysql_names import free_check_name

    quote = connection.dialect.identifier_preparer.quote
    place = ".".join(quote(part) for part in (schema, table) if part)
    name = quote(free_check_name(connection, table, later, schema))
    expression = _renamed(check, column, later)
    statement = f"ALTER TABLE {place} ADD CONSTRAINT {name} CHECK ({expression})"
    connection.exec_driver_sql(statement.replace("%", "%%"))


def _check(
    connection: sa.Connection, table: str, column: str, schema: str | None
) -> str | None:
    """Return the CHECK that is a part of a column."""
    place = {"table": table, "column": column, "schema": schema}
    return t.cast("str | None", connection.execute(_CLAUSE, place).scalar())


def _renamed(expression: str, old: str, new: str) -> str:
    """Return an expression of MariaDB with another name of a column."""
    before, after = _quoted(old), _quoted(new)
    pattern = rf"'(?:[^'\\]|\\.|'')*'|{re.escape(before)}"
    return re.sub(
        pattern,
        lambda match: after if match[0] == before else match[0],
        expression,
        flags=re.DOTALL,
    )


def _quoted(name: str) -> str:
    """Return a name as MariaDB writes it in expressions."""
    return f"`{name.replace('`', '``')}`"
