"""Reports the progress of a long statement, and lets it be interrupted.

SQLite calls a function after a number of steps of its virtual machine
(https://www.sqlite.org/c3ref/progress_handler.html). The compiled statement shows how
many steps a row takes, so the progress can be worked out without counting rows.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

from ...value_classes import value_class
from ..ddl.statements import explain
from .database import Database

if t.TYPE_CHECKING:
    from .catalogue import StoredTable

STEPS: t.Final = 250_000
"""The steps between two calls: some milliseconds, so that calls cost very little."""


@value_class
class Progress:
    """The progress of one step of a change.

    :param table: the table that is changed.
    :param step: what is done, for instance ``"copying rows"``.
    :param fraction: the part that is done, from 0 to 1, as an estimate.
    :param rows: how many rows the table has.
    """

    table: str
    step: str
    fraction: float
    rows: int


Listener = cabc.Callable[[Progress], object]


@t.runtime_checkable
class Watchable(t.Protocol):
    """A connection that can report its progress."""

    @property
    def listener(self) -> Listener | None:
        """Gets the progress; an exception that it raises stops the statement."""

    def ticking(
        self, tick: cabc.Callable[[], object], steps: int
    ) -> contextlib.AbstractContextManager[None]:
        """Call a function every ``steps`` steps, inside the block."""


def run_long(
    db: Database,
    table: StoredTable,
    step: str,
    statement: str,
    rows: int | None = None,
) -> None:
    """Run a statement that visits every row of a table.

    :param step: what it does, for the listener.
    :param rows: how many rows the table has, where that is known.
    """
    if not isinstance(db, Watchable) or db.listener is None:
        db.execute(statement)
        return
    listener = db.listener
    if rows is None:
        rows = int(db.execute(f"SELECT count(*) FROM {table.path}")[0][0])
    expected = max(1, rows * _steps_for_a_row(db, statement))
    done = 0

    def tick() -> None:
        nonlocal done
        done += STEPS
        listener(Progress(table.name, step, min(1.0, done / expected), rows))

    with db.ticking(tick, STEPS):
        db.execute(statement)
    listener(Progress(table.name, step, 1.0, rows))


def _steps_for_a_row(db: Database, statement: str) -> int:
    """Return how many steps the loops of a compiled statement have."""
    total = 0
    for address, opcode, _, target, *_ in db.execute(explain(statement)):
        if opcode in ("Next", "Prev", "SorterNext") and target < address:
            total += address - target + 1
    return total


@contextlib.contextmanager
def ticking(
    connection: t.Any, tick: cabc.Callable[[], object], steps: int
) -> cabc.Iterator[None]:
    """Have a driver's connection call a function every ``steps`` steps.

    An exception of the function stops the statement and, with it, the transaction. A
    KeyboardInterrupt is raised as it is. Any other becomes the cause of the driver's
    error, which says that the statement was interrupted.

    :param connection: a connection of :mod:`sqlite3` or of a similar driver.
    """
    raised: list[BaseException] = []

    def handler() -> int:
        try:
            tick()
        except BaseException as error:
            raised.append(error)
        return bool(raised)

    connection.set_progress_handler(handler, steps)
    try:
        yield
    except Exception as error:
        if raised and not isinstance(raised[0], Exception):
            raise raised[0] from error
        raise error from (raised[0] if raised else error.__cause__)
    finally:
        connection.set_progress_handler(None, steps)
