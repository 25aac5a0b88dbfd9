"""Chooses how Alembic compares types and defaults."""

from __future__ import annotations

import collections.abc as cabc
import typing as t


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
    """Return Alembic's option of this name, which compares what Alembic does not.

    :param chosen: the option that the user chose.
    """
    is_server = dialect in ("postgresql", "mysql", "mariadb")
    return _compare_details if is_server and chosen is True else chosen


def _compare_details(
    context: t.Any,
    stored_column: t.Any,
    model_column: t.Any,
    stored: t.Any,
    model: t.Any,
) -> bool | None:
    """Return whether types differ; None leaves them to Alembic."""
    from .type_details import differ

    return differ(stored, model, context.dialect)


def compares_types(options: cabc.Mapping[str, t.Any]) -> bool:
    """Tell whether types are compared, and not by a function of the user's.

    :param options: the options that Alembic was configured with.
    """
    return options.get("compare_type", True) in (True, _compare_details)
