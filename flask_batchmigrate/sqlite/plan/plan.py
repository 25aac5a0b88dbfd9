"""A plan: what will be done to a table, in which way, and why. A value to be shown."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses

from ..errors import ChangeRefused
from ..schema.catalogue import Catalogue
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.dependants import broken_objects
from ..schema.records import short_columns
from ..target import changes
from ..target.build import build_target
from ..target.find_constraint import Naming
from ..target.find_constraint import NoNaming
from ..target.gone import NO_PAST
from ..target.gone import Past
from ..target.numbering import with_numbers
from ..target.target import Target
from .differences import differences
from .ways import Difference
from .ways import Way

MOST_DROPS_IN_PLACE = 2
"""Each ``DROP COLUMN`` rewrites the whole table; from three on a copy is quicker."""


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """What is asked of a block besides its changes.

    :param naming: what names constraints without a stored name.
    :param recreate: ``"auto"`` for the cheapest safe way, ``"always"`` to write the
        rows anew in any case, ``"never"`` to refuse that.
    :param keep_indexes: let a copy keep the indexes that stay valid, by the engine's
        own reckoning, instead of building them anew.
    :param named_by: gives the table's constraints without a name one that is stored.
    :param past: what the block has done before.
    """

    naming: Naming = dataclasses.field(default_factory=NoNaming)
    recreate: str = "auto"
    keep_indexes: bool = False
    named_by: Naming | None = None
    past: Past = NO_PAST


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What a block does to one table.

    :param target: the table before and after.
    :param way: the cheapest way that is safe.
    :param differences: what differs, each with the reason for its way.
    :param options: what is asked besides the changes.
    """

    target: Target
    way: Way
    differences: tuple[Difference, ...]
    options: Options = Options()

    @property
    def reason(self) -> str:
        """Why this way and no cheaper one."""
        deciding = [d for d in self.differences if d.way is self.way]
        if deciding:
            return str(deciding[0])
        if self.way is Way.COPY:
            return "a cheaper way is not open to this SQLite library or schema"
        return str(self.differences[0]) if self.differences else "only indexes change"

    def __str__(self) -> str:
        return f"{self.target.before.name}: {self.way.title}, {self.reason}"


def make_plan(
    db: Database,
    catalogue: Catalogue,
    stored: StoredTable,
    block: cabc.Iterable[changes.Change],
    options: Options,
) -> Plan:
    """Plan a block of changes; nothing is changed.

    :param catalogue: all objects of the table's schema.
    :param stored: the table, after the block's renames.
    :param block: the other changes of the block.
    :raises ChangeRefused: a change cannot be applied to this table.
    """
    target = build_target(
        stored,
        block,
        options.naming,
        options.recreate == "always",
        options.past,
        options.named_by,
    )
    target = with_numbers(db, target)
    found = _settle_defaults(db, target, differences(target))
    way = max((d.way for d in found), default=Way.ALTER)
    if any(d.case == "column dropped" for d in found):
        way = max(way, _way_to_drop(db, catalogue, found))
    if way is Way.EDIT and not db.can_write_schema:
        way = Way.COPY
    plan = Plan(target, way, found, options)
    if options.recreate == "never" and way is Way.COPY:
        raise ChangeRefused(
            f"Table '{stored.name}' would have to be copied, which recreate='never'"
            f" rules out: {plan.reason}. Nothing was changed."
        )
    return plan


def _settle_defaults(
    db: Database, target: Target, found: tuple[Difference, ...]
) -> tuple[Difference, ...]:
    """Find out whether rows read a default that is to change."""
    origins = {
        d.subject: origin
        for d in found
        if d.case == "default"
        and (origin := target.source(d.subject).origin)
        # No row reads a default of what is computed.
        and not target.before.text.column(origin).generated
    }
    if not origins:
        return found
    if not db.can_write_schema:
        read = set(origins)
    else:
        short = short_columns(db, target.before, origins.values())
        read = {subject for subject, origin in origins.items() if origin in short}
    return tuple(
        Difference("default of older rows", d.subject)
        if d.case == "default" and d.subject in read
        else d
        for d in found
    )


def _way_to_drop(
    db: Database, catalogue: Catalogue, found: tuple[Difference, ...]
) -> Way:
    """Choose between dropping columns in place and a copy.

    In place they go by ``ALTER TABLE``, and the text is then set to what it is to be,
    comments included.
    """
    drops = sum(d.case == "column dropped" for d in found)
    if drops > MOST_DROPS_IN_PLACE or db.version < (3, 35, 0):
        return Way.COPY
    if not db.can_write_schema or broken_objects(db, catalogue):
        # A broken view or trigger anywhere stops SQLite's own ALTER TABLE.
        return Way.COPY
    return Way.EDIT
