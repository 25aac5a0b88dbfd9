"""Chooses how Alembic compares types and defaults."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa


def compare_server_default(dialect: str, chosen: t.Any) -> t.Any:
    """Return Alembic's option of this name.

    On servers :mod:`.defaults` compares, for a user who does not choose otherwise:
    MySQL and MariaDB rewrite defaults, which Alembic takes for a difference, and its
    comparison fails on PostgreSQL where values cannot be compared.

    :param chosen: the option that the user chose; None if none was chosen.
    """
    if dialect == "sqlite":
        return True if chosen is None else chosen
    return None if chosen is True else chosen


def compares_defaults(options: cabc.Mapping[str, t.Any]) -> bool:
    """Tell whether defaults are compared, and not by a function of the user's.

    :param options: the options that Alembic was configured with.
    """
    return options.get("compare_server_default") is None


def compare_type(dialect: str, chosen: t.Any) -> t.Any:
    """Return Alembic's option of this name, which compares the members of Enums, too.

    On MySQL and MariaDB the older of the supported releases of Alembic do not.

    :param chosen: the option that the user chose.
    """
    is_mysql = dialect in ("mysql", "mariadb")
    return _compare_members if is_mysql and chosen is True else chosen


def _compare_members(
    context: t.Any,
    stored_column: t.Any,
    model_column: t.Any,
    stored: t.Any,
    model: t.Any,
) -> bool | None:
    """Return whether an ENUM has other members; None leaves other types to Alembic."""
    if isinstance(stored, sa.Enum) and isinstance(model, sa.Enum):
        return set(stored.enums) != set(model.enums)
    return None


def compares_types(options: cabc.Mapping[str, t.Any]) -> bool:
    """Tell whether types are compared, and not by a function of the user's.

    :param options: the options that Alembic was configured with.
    """
    return options.get("compare_type", True) in (True, _compare_members)
