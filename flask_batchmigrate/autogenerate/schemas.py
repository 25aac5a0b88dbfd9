"""Chooses the schemas that are compared, if the user does not choose them."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa


def compare_schemas_of_models(options: dict[str, t.Any]) -> None:
    """Have Alembic compare the schemas that the models name, besides the default one.

    Without the option, it would take each table of another schema for a new one:
    https://alembic.sqlalchemy.org/en/latest/api/runtime.html#alembic.runtime.environment.EnvironmentContext.configure.params.include_schemas

    :param options: the options for Alembic; changed in place, unless the user has
        chosen ``include_schemas``.
    """
    target = options.get("target_metadata")
    metadata = [target] if isinstance(target, sa.MetaData) else list(target or ())
    tables = [table for each in metadata for table in each.tables.values()]
    schemas = {table.schema for table in tables if table.schema is not None}
    if not schemas or "include_schemas" in options:
        return
    users = options.get("include_name")

    def include_name(name: str | None, type_: str, parents: t.Any) -> bool:
        if type_ == "schema" and name is not None and name not in schemas:
            return False
        return users is None or bool(users(name, type_, parents))

    options |= {"include_schemas": True, "include_name": include_name}
