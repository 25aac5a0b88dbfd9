"""Says what to do about an index that PostgreSQL did not make concurrently."""

from __future__ import annotations

import re
import typing as t

#: https://www.postgresql.org/docs/current/sql-createindex.html
_CREATE: t.Final = re.compile(
    r"\s*CREATE (?P<unique>UNIQUE )?INDEX CONCURRENTLY (?:IF NOT EXISTS )?"
    r'(?P<name>"(?:[^"]|"")+"|\S+)',
    re.IGNORECASE,
)


def remedy_for_index(error: Exception, revision: str, line: int | None) -> str:
    """Return what to do where a script stopped at such an index.

    What the script did before is committed, so it cannot run again as it is.

    :param error: the error of the script.
    :param revision: the id of the script's revision.
    :param line: the line of the script that failed.
    :return: nothing if another statement failed.
    """
    created = _CREATE.match(str(getattr(error, "statement", None) or ""))
    if created is None:
        return ""
    first = "Correct the rows, drop" if created["unique"] else "Drop"
    where = "that index" if line is None else f"line {line}"
    return (
        f"{first} the INVALID index {created['name']} if PostgreSQL has kept it, do by "
        f"hand what the script does from {where} on, and then run "
        f"'flask db stamp {revision}'."
    )
