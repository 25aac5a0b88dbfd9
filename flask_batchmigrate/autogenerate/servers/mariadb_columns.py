"""Reads the defaults of MariaDB's columns that SQLAlchemy does not see.

MariaDB writes ``DEFAULT uuid()`` without parentheses, ``ON UPDATE`` after it, and in
the default of a ``TEXT`` a backslash before an apostrophe. What SQLAlchemy does not
understand there it leaves out, with the comment that follows, and a column would lose
both whenever it is defined anew.
See https://mariadb.com/kb/en/information-schema-columns-table/
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

import sqlalchemy as sa

_QUERY: t.Final = sa.text(
    "SELECT table_name, column_name, column_default, extra, column_comment"
    " FROM information_schema.columns"
    " WHERE table_schema = coalesce(:schema, database())"
    " AND generation_expression IS NULL"
    " AND (column_default LIKE '%(%' OR extra LIKE 'on update%'"
    " OR instr(column_default, char(92)))"
)
#: The default and comment of a column, by its table and name.
_Details: t.TypeAlias = dict[tuple[str, str], tuple[str, str]]


def restore_defaults(
    connection: sa.Connection,
    schema: str | None,
    columns: cabc.Mapping[t.Any, cabc.Iterable[t.Any]],
) -> None:
    """Add what SQLAlchemy did not see to the columns of a schema.

    :param columns: what SQLAlchemy's inspector returns, by schema and table; its
        descriptions of columns are changed in place.
    """
    if not getattr(connection.dialect, "is_mariadb", False):
        return
    details = _read(connection, schema)
    for (_, table), described in columns.items() if details else ():
        for column in described:
            _add(column, details.get((table, column["name"])))


def restore_defaults_of_twin(
    connection: sa.Connection, table: str, columns: cabc.Iterable[t.Any]
) -> None:
    """Add the same to the columns of a temporary table."""
    if not getattr(connection.dialect, "is_mariadb", False):
        return
    query = f"SHOW FULL COLUMNS FROM {table}"
    rows = {row["Field"]: row for row in connection.exec_driver_sql(query).mappings()}
    for column in columns:
        row = rows[column["name"]]
        detail = _detail(row["Default"], row["Extra"])
        _add(column, None if detail is None else (detail, row["Comment"]))


@contextlib.contextmanager
def defaults_seen() -> cabc.Iterator[None]:
    """Let Alembic's comparison see them as well, until the end of the block."""
    read: dict[str | None, _Details] = {}

    def complete(inspector: sa.Inspector, table: sa.Table, column: t.Any) -> None:
        connection: t.Any = inspector.bind
        if not getattr(inspector.dialect, "is_mariadb", False):
            return
        if table.schema not in read:
            read[table.schema] = _read(connection, table.schema)
        _add(column, read[table.schema].get((str(table.name), column["name"])))

    sa.event.listen(sa.Table, "column_reflect", complete)
    try:
        yield
    finally:
        sa.event.remove(sa.Table, "column_reflect", complete)


def _read(connection: sa.Connection, schema: str | None) -> _Details:
    found: _Details = {}
    for table, column, default, extra, comment in connection.execute(
        _QUERY, {"schema": schema}
    ):
        detail = _detail(default, extra)
        if detail is not None:
            found[table, column] = detail, comment
    return found


def _detail(default: str | None, extra: str) -> str | None:
    """Return a default with what follows it; None if there is neither."""
    if extra.lower().startswith("on update"):
        return f"{default or 'NULL'} ON UPDATE {extra[len('on update ') :]}"
    return None if default in (None, "NULL") else default


def _add(column: t.Any, detail: tuple[str, str] | None) -> None:
    """Add a default, and the comment after it, to a column that seems to have none."""
    if detail is None or column.get("computed") or column.get("default") is not None:
        return
    column["default"] = detail[0]
    column["comment"] = column.get("comment") or detail[1] or None
