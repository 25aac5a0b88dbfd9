"""Counts what a revision's downgrade would lose, without running it on a database.

The function is run in Alembic's offline mode, which only writes SQL. The SQL is that of
PostgreSQL whatever the database is, since there every change is a statement of its own.
"""

from __future__ import annotations

import collections.abc as cabc
import inspect
import io
import re
import typing as t

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

_NAME: t.Final = r'((?:"(?:[^"]|"")+"|\w+)(?:\.(?:"(?:[^"]|"")+"|\w+))?)'
_DROP_TABLE: t.Final = re.compile(
    rf"\s*DROP TABLE (?:IF EXISTS )?{_NAME}", re.IGNORECASE
)
_DROP_COLUMN: t.Final = re.compile(
    rf"\s*ALTER TABLE {_NAME} DROP (?:COLUMN )?(?:IF EXISTS )?{_NAME}\s*;?\s*\Z",
    re.IGNORECASE,
)
_RENAME_TABLE: t.Final = re.compile(
    rf"\s*ALTER TABLE {_NAME} RENAME TO {_NAME}", re.IGNORECASE
)
_RENAME_COLUMN: t.Final = re.compile(
    rf"\s*ALTER TABLE {_NAME} RENAME (?:COLUMN )?{_NAME} TO {_NAME}", re.IGNORECASE
)
_DELETES: t.Final = re.compile(r"\s*(DELETE|TRUNCATE)\b", re.IGNORECASE)
_SINGLE: t.Final = re.compile(r'"((?:[^"]|"")+)"|(\w+)')


class _Statements(io.StringIO):
    """Collects the statements that Alembic writes in its offline mode."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def write(self, text: str) -> int:
        """Store one statement."""
        self.all.append(text)
        return len(text)


def downgrade_losses(
    function: cabc.Callable[..., None], name: str, connection: sa.Connection
) -> list[str]:
    """Return what a downgrade loses, such as ``3 values of 'user.email'``.

    :param function: the ``downgrade`` of a script.
    :param name: the name of the bind, for a script for several binds.
    :param connection: a connection to the database at the script's revision.
    """
    statements = _statements(function, name)
    if statements is None:
        return ["an unknown number of rows, since the downgrade reads the database"]
    inspector = sa.inspect(connection)
    old_tables: dict[str, str] = {}
    old_columns: dict[tuple[str, str], str] = {}
    losses: list[str] = []
    for sql in statements:
        if match := _RENAME_COLUMN.match(sql):
            table, old, new = match.groups()
            old_columns[table, new] = old_columns.get((table, old), old)
        elif match := _RENAME_TABLE.match(sql):
            old, new = match.groups()
            old_tables[new] = old_tables.get(old, old)
        elif match := _DROP_TABLE.match(sql):
            table = old_tables.get(match[1], match[1])
            losses += _counted(connection, inspector, table, None)
        elif match := _DROP_COLUMN.match(sql):
            column = old_columns.get((match[1], match[2]), match[2])
            table = old_tables.get(match[1], match[1])
            losses += _counted(connection, inspector, table, column)
        elif _DELETES.match(sql):
            losses.append(f"the rows that '{' '.join(sql.split())}' deletes")
    return losses


def _statements(function: cabc.Callable[..., None], name: str) -> list[str] | None:
    """Return the statements of a script's function; None if it reads the database."""
    buffer = _Statements()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer}
    )
    several = "engine_name" in inspect.signature(function).parameters
    try:
        with Operations.context(context):
            function(**({"engine_name": name} if several else {}))
    except Exception:
        # Whatever the function needs from a database, it does not find it here.
        return None
    return buffer.all


def _counted(
    connection: sa.Connection, inspector: sa.Inspector, table: str, column: str | None
) -> cabc.Iterator[str]:
    """Yield how many rows a table, or values a column, has; nothing if it has none."""
    parts = [_plain(part) for part in _SINGLE.findall(table)]
    schema = parts[0] if len(parts) > 1 else None
    if not inspector.has_table(parts[-1], schema=schema):
        return
    what, noun = f"table '{parts[-1]}'", "row"
    described = sa.table(parts[-1], schema=schema)
    query = sa.select(sa.func.count()).select_from(described)
    if column is not None:
        (name,) = [_plain(part) for part in _SINGLE.findall(column)]
        columns = inspector.get_columns(parts[-1], schema)
        stored = {each["name"] for each in columns if not each.get("computed")}
        if name not in stored:
            return
        what, noun = f"'{parts[-1]}.{name}'", "value"
        query = query.where(sa.column(name).is_not(None))
    number = connection.execute(query).scalar_one()
    if number:
        yield f"{number} {noun}{'' if number == 1 else 's'} of {what}"


def _plain(found: tuple[str, str]) -> str:
    quoted, bare = found
    return quoted.replace('""', '"') or bare
