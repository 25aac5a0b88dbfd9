"""Compares models with a server's database in which things have their old names.

A server is only read from, so a rename cannot be tried there. The models are compared
under the names that the database has. What differs is said with the names of the models
then, so that it can come after the renames.
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import dataclasses
import re
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from .operations import AddCheck
from .operations import DropColumn
from .operations import DropConstraint
from .operations import DropIndex
from .operations import plain_text
from .renames import Rename
from .server_tables import complete_on_server

_Place = tuple[str | None, str]
#: Follows a name of the models that the database still uses for something else.
_NEW: t.Final = "__new"


class _Names:
    """The names that tables and columns have in the database and in the models.

    :param renames: what was renamed.
    :param tables: those of the models.
    """

    def __init__(
        self, renames: cabc.Sequence[Rename], tables: cabc.Mapping[_Place, sa.Table]
    ) -> None:
        #: By place in the models: the name of the table in the database.
        self.old: dict[_Place, str] = {}
        #: By place in the models and name of a column there: that in the database.
        self.old_columns: dict[_Place, dict[str, str]] = {}
        for each in renames:
            if each.table is None:
                self.old[each.schema, each.new] = each.old
            else:
                place = each.schema, each.table
                self.old_columns.setdefault(place, {})[each.new] = each.old
        for schema, name in tables:
            if (schema, name) not in self.old and (schema, name) in {
                (place[0], old) for place, old in self.old.items()
            }:
                self.old[schema, name] = name + _NEW
        for place, columns in self.old_columns.items():
            for column in tables[place].columns if place in tables else ():
                name = str(column.name)
                if name not in columns and name in columns.values():
                    columns[name] = name + _NEW
        self._new = {(p[0], old): p[1] for p, old in self.old.items()}

    def table(self, schema: str | None, old: str) -> str:
        """Return the name that a table of the database has in the models."""
        return self._new.get((schema, old), old)

    def columns(self, schema: str | None, old_table: str) -> dict[str, str]:
        """Return the new names of a table's columns, by the old ones."""
        place = schema, self.table(schema, old_table)
        return {old: new for new, old in self.old_columns.get(place, {}).items()}


@dataclasses.dataclass(frozen=True)
class _Models:
    """Tables as Alembic's comparison asks a ``MetaData`` for them."""

    tables: dict[str, sa.Table]
    sorted_tables: list[sa.Table]


def differences(
    context: MigrationContext,
    renames: cabc.Sequence[Rename],
    tables: cabc.Mapping[_Place, sa.Table],
) -> list[ops.MigrateOperation]:
    """Return what differs besides names, for a script that makes the renames first.

    :param context: Alembic's context of the database.
    :param tables: those of the models.
    """
    names = _Names(renames, tables)
    given = context.opts["target_metadata"]
    metadata = [given] if isinstance(given, sa.MetaData) else list(given)
    models = _under_old_names(metadata, names)
    assert context.connection is not None
    compared = MigrationContext.configure(
        context.connection, opts={**context.opts, "target_metadata": models}
    )
    script = produce_migrations(compared, t.cast(t.Any, models))
    upgrade = script.upgrade_ops
    assert upgrade is not None
    translate = _Translator(names, tables)
    found = complete_on_server(compared, upgrade.ops)
    return [translate.operation(each) for each in found]


def _under_old_names(metadata: list[sa.MetaData], names: _Names) -> _Models:
    """Return copies of tables that have the names in the database."""
    copied = sa.MetaData()
    made = [
        table.to_metadata(copied) for each in metadata for table in each.sorted_tables
    ]
    for table in made:
        for key in table.foreign_keys:
            # A foreign key finds its column by name, and keeps it.
            assert key.column is not None
    for table in made:
        place = table.schema, str(table.name)
        columns = names.old_columns.get(place, {})
        for column in table.columns:
            column.name = columns.get(str(column.name), str(column.name))
        table.name = names.old.get(place, str(table.name))
        table.fullname = ".".join(filter(None, (table.schema, str(table.name))))
    return _Models({table.fullname: table for table in made}, made)


@dataclasses.dataclass(frozen=True)
class _Translator:
    """Says operations on the database's names with those of the models."""

    names: _Names
    tables: cabc.Mapping[_Place, sa.Table]

    def operation(self, each: t.Any) -> ops.MigrateOperation:
        """Translate one operation and those that it contains."""
        if isinstance(each, ops.DropTableOp) or not hasattr(each, "table_name"):
            return self._of_key(each)
        schema, old = each.schema, str(each.table_name)
        new = self.names.table(schema, old)
        if isinstance(each, ops.ModifyTableOps):
            inside = [self.operation(o) for o in each.ops]
            return ops.ModifyTableOps(new, inside, schema=schema)
        model = self.tables.get((schema, new))
        if isinstance(each, ops.CreateTableOp):
            assert model is not None
            return ops.CreateTableOp.from_table(model)
        return self._in_table(each, model, new, self.names.columns(schema, old))

    def _in_table(
        self,
        each: t.Any,
        model: sa.Table | None,
        table: str,
        columns: cabc.Mapping[str, str],
    ) -> ops.MigrateOperation:
        if isinstance(each, ops.AddColumnOp) and model is not None:
            name = columns.get(str(each.column.name), str(each.column.name))
            (column,) = [c for c in model.columns if c.name == name]
            return ops.AddColumnOp(table, column, schema=each.schema)
        if isinstance(each, ops.DropColumnOp):
            return DropColumn(table, each.to_column(), each.schema)
        if isinstance(each, ops.DropConstraintOp):
            create = t.cast("ops.AddConstraintOp", self.operation(each.reverse()))
            return DropConstraint(create, table, str(each.constraint_type), each.schema)
        if isinstance(each, ops.DropIndexOp):
            made = self.operation(each.reverse())
            return DropIndex(t.cast("ops.CreateIndexOp", made))
        if isinstance(each, ops.CreateIndexOp) and model is not None:
            for index in model.indexes:
                if index.name == each.index_name:
                    return ops.CreateIndexOp.from_index(index)
        if isinstance(each, ops.CreateCheckConstraintOp):
            text = _renamed(str(each.condition), columns)
            return AddCheck(str(each.constraint_name), table, text, each.schema)
        return self._plain(each, table, columns)

    def _plain(
        self, each: t.Any, table: str, columns: cabc.Mapping[str, str]
    ) -> ops.MigrateOperation:
        """Translate an operation whose attributes are names."""
        translated = copy.copy(each)
        translated.table_name = table
        if isinstance(each, ops.AlterColumnOp):
            translated.column_name = columns.get(each.column_name, each.column_name)
        elif hasattr(each, "columns"):
            translated.columns = [_named(part, columns) for part in each.columns]
        return t.cast("ops.MigrateOperation", translated)

    def _of_key(self, each: t.Any) -> ops.MigrateOperation:
        """Translate a foreign key, which is about two tables."""
        if not isinstance(each, ops.CreateForeignKeyOp):
            return t.cast("ops.MigrateOperation", each)
        schemas = [each.kw.get(f"{end}_schema") for end in ("source", "referent")]
        own = self.names.columns(schemas[0], each.source_table)
        others = self.names.columns(schemas[1], each.referent_table)
        return ops.CreateForeignKeyOp(
            each.constraint_name,
            self.names.table(schemas[0], each.source_table),
            self.names.table(schemas[1], each.referent_table),
            [own.get(column, column) for column in each.local_cols],
            [others.get(column, column) for column in each.remote_cols],
            **each.kw,
        )


def _named(part: t.Any, columns: cabc.Mapping[str, str]) -> t.Any:
    """Return a member of an index or constraint with the new names."""
    if isinstance(part, (str, sa.Column)):
        name = str(part.name if isinstance(part, sa.Column) else part)
        return columns.get(name, name)
    return plain_text(_renamed(str(part), columns))


def _renamed(expression: str, columns: cabc.Mapping[str, str]) -> str:
    """Return an expression in which columns have their new names."""
    for old, new in columns.items():
        expression = re.sub(rf"\b{re.escape(old)}\b", new, expression)
    return expression
