"""Compares how a server numbers the rows of a column: ``GENERATED ... AS IDENTITY``.

See https://www.postgresql.org/docs/current/sql-createsequence.html for the options that
are meant where a model says none.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa

_USUAL: t.Final = {"start": 1, "increment": 1, "minvalue": 1, "cache": 1}
_OPTIONS: t.Final = ("always", "cycle", *_USUAL, "maxvalue")


class Identities(t.NamedTuple):
    """The numbering of a column before and after a change."""

    stored: sa.Identity | None
    wanted: sa.Identity | None


def changed_identity(
    column: sa.Column[t.Any], stored: cabc.Mapping[str, t.Any]
) -> Identities | None:
    """Return how the numbering of a column changes; None if it does not.

    A key that the server numbers in another way is no difference.

    :param column: the column of the model.
    :param stored: the inspector's description of the stored column.
    """
    options = stored.get("identity")
    default = column.server_default
    wanted = default if isinstance(default, sa.Identity) else None
    if wanted is None and (not options or column.table.autoincrement_column is column):
        return None
    if wanted is not None and not options and stored.get("autoincrement") is True:
        return None
    before = _identity(options) if options else None
    if before is not None and wanted is not None and _same(before, wanted):
        return None
    return Identities(before, wanted)


def _identity(options: cabc.Mapping[str, t.Any]) -> sa.Identity:
    return sa.Identity(**{name: options[name] for name in _OPTIONS if name in options})


def _same(stored: sa.Identity, wanted: sa.Identity) -> bool:
    return all(
        _said(stored, name) == _said(wanted, name)
        for name in _OPTIONS
        if name != "maxvalue" or wanted.maxvalue is not None
    )


def _said(identity: sa.Identity, name: str) -> t.Any:
    """Return an option, or what is meant without it where the numbers go up."""
    value = getattr(identity, name)
    if name in ("always", "cycle"):
        return bool(value)
    if value is None and name == "start" and identity.minvalue is not None:
        return identity.minvalue
    return _USUAL.get(name) if value is None else value
