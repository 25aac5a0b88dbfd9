"""Reads the errors of drivers, which agree on names and codes, not on classes.

See https://www.sqlite.org/rescode.html.
"""

from __future__ import annotations

import typing as t

#: ``SQLITE_BUSY`` and ``SQLITE_LOCKED``
BUSY: t.Final = frozenset({5, 6})
_READ_ONLY: t.Final = 8


def is_about_rows(error: Exception) -> bool:
    """Tell whether an error of a driver says that a row breaks a rule.

    Other errors (a full disk, an interrupt) say nothing about rows.

    :param error: an error of any driver: they agree on names, not on classes.
    """
    names = {"IntegrityError", "ConstraintError", "MismatchError"}
    if any(cls.__name__ in names for cls in type(error).__mro__):
        return True
    # The driver of libSQL knows one class only.
    return type(error) is ValueError and "constraint failed" in str(error)


def is_verdict(error: Exception) -> bool:
    """Tell whether an error of a driver is SQLite's answer to a statement.

    Errors of its surroundings (a full disk, an interrupt, a lock) are none: the same
    statement might succeed the next time.

    :param error: an error of any driver.
    """
    code = getattr(error, "sqlite_errorcode", getattr(error, "result", None))
    if isinstance(code, int):
        return code & 0xFF not in _OF_SURROUNDINGS
    # Python 3.10 does not hand over the code, so its text has to do.
    return not any(text in str(error) for text in _SURROUNDINGS_TEXTS)


# https://www.sqlite.org/rescode.html: ABORT, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT,
# IOERR, FULL, CANTOPEN, PROTOCOL, SCHEMA (an interrupt while the schema is being read
# again), AUTH, NOTADB
_OF_SURROUNDINGS = frozenset({4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 17, 23, 26})
_SURROUNDINGS_TEXTS = (
    "query aborted",
    " is locked",
    "out of memory",
    "attempt to write a readonly database",
    "interrupted",
    "disk I/O error",
    "database or disk is full",
    "unable to open database",
    "locking protocol",
    "database schema has changed",
    "not authorized",
    "file is not a database",
)


def is_busy(error: BaseException) -> bool:
    """Tell whether an error of the driver means that another connection has a lock."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in BUSY
    return " is locked" in str(error)


def is_unwritable(error: BaseException) -> bool:
    """Tell whether an error of the driver is about the file, its folder, or the disk.

    SQLite makes a journal beside the file when the first page changes, so a folder that
    cannot be written is noticed as late as that.
    """
    if "unable to open database file" in str(error):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in (_READ_ONLY, 10, 13)  # SQLITE_IOERR, SQLITE_FULL
    texts = ("readonly database", "disk I/O error", "database or disk is full")
    return any(text in str(error) for text in texts)


def is_read_only(error: BaseException) -> bool:
    """Tell whether an error of the driver means that the database cannot be written."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return bool(code & 0xFF == _READ_ONLY)
    return "readonly database" in str(error)


def remedy_for_lack(message: str) -> str:
    """Return what to do where SQLite lacks what an application adds to a connection.

    :param message: an error that has SQLite's own words in it.
    :return: a sentence; empty if nothing is lacking.
    """
    for words, remedy in _LACKS.items():
        if words in message:
            return remedy
    return ""


_ON_CONNECT = (
    "{} on each connection, in a listener to the engine's 'connect' event that is"
    " there before the migration runs."
)
_LACKS: t.Final = {
    "no such collation sequence": _ON_CONNECT.format(
        "Register the collation with create_collation()"
    ),
    "no such function": _ON_CONNECT.format(
        "If the function is the application's own, register it with create_function()"
    ),
    "no such module": _ON_CONNECT.format("Load the extension that has the module"),
}
