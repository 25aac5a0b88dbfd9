"""Asks the user's filters of tables, ``include_name`` and ``include_object``."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext


def included(context: AutogenContext) -> list[sa.Table]:
    """Return the tables of the models that the user's filters let through."""
    return [table for table in context.sorted_tables if _includes(context, table)]


def _includes(context: AutogenContext, table: sa.Table) -> bool:
    parents: t.Any = {"schema_name": table.schema}
    name = str(table.name)
    return context.run_name_filters(
        name, "table", parents
    ) and context.run_object_filters(table, name, "table", False, None)
