"""Decides whether a new default changes what stored rows hold.

A row that is older than its column stores nothing for it, and reads the default:
https://www.sqlite.org/lang_altertable.html#alter_table_add_column
"""

from __future__ import annotations

import collections.abc as cabc

from ..schema.database import Database
from ..schema.records import short_columns
from ..target.target import Target
from .ways import Difference

MayBeShort = cabc.Callable[[str], bool]


def settle_defaults(
    db: Database,
    target: Target,
    compared: tuple[Difference, ...],
    may_be_short: MayBeShort | None,
) -> tuple[Difference, ...]:
    """Find out whether rows read a default that the block changes.

    :param may_be_short: answers for rows that are in another database.
    """
    origins = {
        d.subject: origin
        for d in compared
        if d.case == "default"
        and (origin := target.source(d.subject).origin)
        # No row reads the default of a computed column.
        and not target.before.text.column(origin).generated
    }
    if not origins:
        return compared
    if not db.can_write_schema:
        readers = set(origins)
    else:
        elsewhere = {s for s, o in origins.items() if may_be_short and may_be_short(o)}
        origins_here = [o for s, o in origins.items() if s not in elsewhere]
        short = short_columns(db, target.before, origins_here)
        readers = elsewhere | {s for s, origin in origins.items() if origin in short}
    return tuple(
        Difference("default of older rows", d.subject)
        if d.case == "default" and d.subject in readers
        else d
        for d in compared
    )
