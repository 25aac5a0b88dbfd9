"""Checks that the new type of a column holds its default, as it holds the rows."""

from __future__ import annotations

import dataclasses

from ..error_codes import is_verdict
from ..errors import ChangeRefused
from ..schema.database import Database
from ..schema.database import temporary
from ..target.target import Target
from ..target.value_types import misfit_condition
from .row_checks import misfit

_TABLE = "_batchmigrate_default"


def check_defaults(db: Database, target: Target) -> None:
    """Refuse a type that does not hold the default of its column.

    A default that the old type did not hold either is left alone.

    :raises ChangeRefused: names the column and its default.
    """
    for column, source in zip(target.text.columns, target.sources, strict=True):
        if source.origin is None or source.keep_misfits or column.default is None:
            continue
        stored = dataclasses.replace(source, using=None)
        new = misfit(target, column, stored, "value")
        old_type = target.before.text.column(source.origin).type
        old = misfit_condition(old_type, "value")
        affinities = (
            target.before.text.affinity(source.origin).value,
            target.text.affinity(column.name).value,
        )
        if new is None or (old and _is_true(db, affinities[0], column.default, old)):
            continue
        if _is_true(db, affinities[1], column.default, new):
            raise ChangeRefused(
                f"Table '{target.before.name}': column '{column.name}' cannot become"
                f" {column.type} with DEFAULT {column.default}, which that type does"
                " not hold",
                "Give the column another default in the same alter_column()"
                " (server_default=...), or none, or say that values stay as they are"
                " (sqlite_keep_values=True).",
                table=target.before.name,
                column=column.name,
            )


def _is_true(db: Database, affinity: str, default: str, condition: str) -> bool:
    """Tell whether a condition is true for what a column stores by default."""
    with temporary(db, "batchmigrate_default", f"temp.{_TABLE}"):
        try:
            db.execute(
                f"CREATE TEMP TABLE {_TABLE} (value {affinity} DEFAULT {default}, x)"
            )
            db.execute(f"INSERT INTO temp.{_TABLE} (x) VALUES (1)")
            rows = db.execute(f"SELECT 1 FROM temp.{_TABLE} WHERE {condition}")
        except db.driver_error as error:
            if not is_verdict(error):
                raise
            return False  # a default that cannot be computed stores nothing
        return bool(rows)
