"""Finds the tables of SQLite that no model owns: virtual tables and their shadows."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from ...sqlite.ddl.table import is_virtual_table
from ...sqlite.ddl.tokens import upper
from ...sqlite.schema.catalogue import Catalogue
from ...sqlite.schema.catalogue import read_catalogue
from ...sqlite.transaction.driver import Driver


def internal_tables(catalogue: Catalogue) -> frozenset[str]:
    """Return the virtual tables, and the tables that hold their rows.

    Alembic can neither create nor alter them, so scripts leave them out.
    """
    return frozenset(
        o.name
        for o in catalogue.of_type("table")
        if upper(o.name) in catalogue.shadows or is_virtual_table(o.sql or "")
    )


def leave_out_virtual_tables(options: dict[str, t.Any]) -> None:
    """Keep Alembic from reading the virtual tables of a SQLite database.

    SQLite does not tell their columns while their module is not loaded. Tables of the
    models are read all the same.

    :param options: the options for Alembic; changed in place.
    """
    connection, target = options.get("connection"), options.get("target_metadata")
    if not isinstance(connection, sa.Connection):
        return
    users = options.get("include_name")
    metadata = [target] if isinstance(target, sa.MetaData) else list(target or ())
    models = {table.name for each in metadata for table in each.tables.values()}
    known: dict[str, frozenset[str]] = {}

    def include_name(name: str | None, type_: str, parents: t.Any) -> bool:
        if type_ == "table" and name is not None and name not in models:
            schema = parents.get("schema_name") or "main"
            if schema not in known:
                known[schema] = internal_tables(
                    read_catalogue(Driver(connection), schema)
                )
            if name in known[schema]:
                return False
        return users is None or bool(users(name, type_, parents))

    options["include_name"] = include_name
