"""Keeps Alembic from telling the user of what does not concern the database."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import logging
import typing as t

_COMPARISON: t.Final = (
    "alembic.autogenerate.compare",
    *(
        f"alembic.autogenerate.compare.{name}"
        for name in (
            "tables",
            "constraints",
            "server_defaults",
            "types",
            "comments",
            "schema",
        )
    ),
    "alembic.ddl.postgresql",
    # Contexts that are made to look at copies.
    "alembic.runtime.migration",
)
#: The runs of revisions; the second is the name in the environments of Flask-Migrate.
_STEPS: t.Final = ("alembic.runtime.migration", "alembic.env")


@contextlib.contextmanager
def without_alembics_log() -> cabc.Iterator[None]:
    """Suppress the log of Alembic's comparison, whose result is corrected later.

    The log reports differences that do not exist, and misses others.
    """
    with _warnings_only(_COMPARISON):
        yield


@contextlib.contextmanager
def without_alembics_steps() -> cabc.Iterator[None]:
    """Suppress the log of revisions that run on a database that is no one's.

    It reads as if they were run on the application's.
    """
    with _warnings_only(_STEPS):
        yield


@contextlib.contextmanager
def _warnings_only(names: cabc.Iterable[str]) -> cabc.Iterator[None]:
    """Let loggers pass on nothing but warnings and errors."""

    def keep(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING

    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(keep)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(keep)
