"""Chooses the schemas that are compared, if the user does not choose them."""

from __future__ import annotations

import pathlib
import re
import typing as t

import sqlalchemy as sa

if t.TYPE_CHECKING:
    from alembic.script import ScriptDirectory

#: A schema as scripts name it.
_NAMED: t.Final = re.compile(r"""\bschema=(["'])(.+?)\1""")


def compare_known_schemas(options: dict[str, t.Any], scripts: ScriptDirectory) -> None:
    """Have Alembic compare the schemas that models or revisions name.

    Without the option, it would take each table of another schema for a new one:
    https://alembic.sqlalchemy.org/en/latest/api/runtime.html#alembic.runtime.environment.EnvironmentContext.configure.params.include_schemas

    :param options: the options for Alembic; changed in place, unless the user has
        chosen ``include_schemas``.
    :param scripts: the revisions, which may name schemas that the models name no more.
    """
    if options.get("include_schemas") is not None:
        return
    schemas = _of_models(options.get("target_metadata")) | _of_revisions(scripts)
    if not schemas:
        return
    users = options.get("include_name")

    def include_name(name: str | None, type_: str, parents: t.Any) -> bool:
        if type_ == "schema" and name is not None and name not in schemas:
            return False
        return users is None or bool(users(name, type_, parents))

    options |= {"include_schemas": True, "include_name": include_name}


def _of_models(target: t.Any) -> set[str]:
    metadata = [target] if isinstance(target, sa.MetaData) else list(target or ())
    tables = [table for each in metadata for table in each.tables.values()]
    return {str(table.schema) for table in tables if table.schema is not None}


def _of_revisions(scripts: ScriptDirectory) -> set[str]:
    texts = (
        pathlib.Path(script.path).read_text(encoding="utf-8", errors="replace")
        for script in scripts.walk_revisions()
    )
    return {match[2] for text in texts for match in _NAMED.finditer(text)}
