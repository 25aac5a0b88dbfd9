"""Shows the log records of Alembic and this project while a command runs.

Only the command line uses this; the commands as functions leave logging alone.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import logging
import pathlib
import re
import sys
import typing as t

from .console import Console

if t.TYPE_CHECKING:
    import configparser

#: Loggers whose records the commands show.
SHOWN_LOGGERS = ("alembic", "flask_migrate", "flask_batchmigrate")

#: Alembic's log of its own set-up, which says nothing about the user's database.
PLUGIN_LOGGER = "alembic.runtime.plugins"

#: Alembic's log of each step, in place of which the commands show progress lines.
STEP_LOGGER = "alembic.runtime.migration"


#: Matches the words with which Alembic describes a constraint without a name.
_NAMELESS = re.compile(r"\b((?:unique |check )?constraint|foreign key) None\b")


class _ConsoleHandler(logging.Handler):
    """Shows log records as lines of the command's own output."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING if console.quiet else logging.INFO)
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        is_redundant = record.name in {PLUGIN_LOGGER, STEP_LOGGER}
        if is_redundant and record.levelno < logging.WARNING:
            return
        try:
            message = _NAMELESS.sub(r"\1 without a name", self.format(record))
            if record.levelno >= logging.ERROR:
                self.console.error(message)
            elif record.levelno >= logging.WARNING:
                self.console.warn(message)
            else:
                self.console.say(message)
        except Exception:
            self.handleError(record)


@contextlib.contextmanager
def shown_logs(console: Console, ini: pathlib.Path | None) -> cabc.Iterator[bool]:
    """Show the log of a migration inside the block, and restore all loggers after it.

    If the user's ini file has a logging section, that is applied, as Flask-Migrate's
    environments apply it; if not, Alembic's messages become lines of the command's
    output. Because the process's loggers are restored, a test or an application can
    call a command without a change to its own logging.

    :param ini: the user's ini file, if there is one.
    :return: whether the ini file decides how the log is shown.
    :raises click.ClickException: the ini file or its logging section cannot be read.
    """
    parser = _read_ini(ini) if ini is not None else None
    if parser is not None and parser.has_section("loggers"):
        names = [section.get("qualname", "") for section in _logger_sections(parser)]
        with _loggers_restored(names):
            _apply(parser, ini)
            _default_level(PLUGIN_LOGGER, logging.WARNING)
            if console.quiet:
                for name in SHOWN_LOGGERS:
                    logging.getLogger(name).setLevel(logging.WARNING)
            yield True
    else:
        with _loggers_restored(()):
            _show_on(console)
            yield False


def _apply(parser: configparser.ConfigParser, ini: pathlib.Path | None) -> None:
    import logging.config

    try:
        logging.config.fileConfig(parser, disable_existing_loggers=False)
    except Exception as error:
        from ..errors import MigrationFolderError

        raise MigrationFolderError(
            f"The logging section of '{ini}' cannot be used: {error!r}",
            "Correct or remove it.",
            path=ini,
        ) from error


def _logger_sections(
    parser: configparser.ConfigParser,
) -> list[configparser.SectionProxy]:
    return [parser[name] for name in parser.sections() if name.startswith("logger_")]


def _show_on(console: Console) -> None:
    handler = _ConsoleHandler(console)
    # If the application logs to the terminal itself, each line would appear twice.
    propagate = not _writes_to_terminal(logging.getLogger())
    for name in SHOWN_LOGGERS:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.propagate = propagate
        _default_level(name, logging.INFO)


def _read_ini(path: pathlib.Path) -> configparser.ConfigParser | None:
    if not path.is_file():
        return None
    import configparser

    here = str(path.parent.absolute()).replace("%", "%%")
    parser = configparser.ConfigParser({"here": here})
    try:
        parser.read(path, encoding="utf-8")
    except (OSError, UnicodeError, configparser.Error) as error:
        reason = " ".join(str(error).split())
        from ..errors import MigrationFolderError

        raise MigrationFolderError(
            f"'{path}' cannot be read: {reason}", path=path
        ) from error
    return parser


def _default_level(name: str, level: int) -> None:
    logger = logging.getLogger(name)
    if logger.level == logging.NOTSET:
        logger.setLevel(level)


def _writes_to_terminal(logger: logging.Logger) -> bool:
    streams = [stream for stream in (sys.stdout, sys.stderr) if stream is not None]
    return any(
        getattr(handler, "stream", None) in streams for handler in logger.handlers
    )


@contextlib.contextmanager
def _loggers_restored(names: cabc.Iterable[str]) -> cabc.Iterator[None]:
    # Create them first: a logger that does not exist yet would keep its changes.
    for name in (*SHOWN_LOGGERS, PLUGIN_LOGGER, *names):
        logging.getLogger(name)
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    before = [
        (logger, logger.level, logger.handlers[:], logger.propagate, logger.disabled)
        for logger in loggers
        if isinstance(logger, logging.Logger)
    ]
    try:
        yield
    finally:
        for logger, level, handlers, propagate, disabled in before:
            logger.setLevel(level)
            logger.handlers[:] = handlers
            logger.propagate = propagate
            logger.disabled = disabled
