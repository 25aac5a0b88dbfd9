"""Keeps Alembic's comparison from telling the user what it found."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import logging


@contextlib.contextmanager
def without_alembics_log() -> cabc.Iterator[None]:
    """Suppress the log of Alembic's comparison, whose result is corrected later.

    The log reports differences that do not exist, and misses others.
    """

    def keep(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING

    names = ("tables", "constraints", "server_defaults", "types", "comments", "schema")
    loggers = [
        logging.getLogger("alembic.autogenerate.compare"),
        *(logging.getLogger(f"alembic.autogenerate.compare.{name}") for name in names),
        logging.getLogger("alembic.ddl.postgresql"),
        # Contexts that are made to look at copies.
        logging.getLogger("alembic.runtime.migration"),
    ]
    for logger in loggers:
        logger.addFilter(keep)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(keep)
