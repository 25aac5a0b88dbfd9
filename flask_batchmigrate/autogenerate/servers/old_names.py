"""Compares models with a server's database whose renames are not made yet.

A server is only read from, so a rename cannot be tried there. Instead, the models are
compared under the names that the database has. The operations are then translated to
the names of the models, so that they can follow the renames.
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import re
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from ...value_classes import value_class
from ..choices.rename import Rename
from ..script.copies import copy_table
from ..script.operations import AddCheck
from ..script.operations import DropColumn
from ..script.operations import DropConstraint
from ..script.operations import DropIndex
from ..script.operations import plain_text
from .completion import complete_on_server

_Place = tuple[str | None, str]
#: Follows a name of the models that the database still uses for something else.
_NEW: t.Final = "__new"


class _Names:
    """The names that tables and columns have in the database and in the models.

    :param renames: the renames that the script makes.
    :param tables: the tables of the models.
    """

    def __init__(
        self, renames: cabc.Sequence[Rename], tables: cabc.Mapping[_Place, sa.Table]
    ) -> None:
        #: The name of a table in the database, by its place in the models.
        self.old: dict[_Place, str] = {}
        #: The name of a column in the database, by its table and name in the models.
        self.old_columns: dict[_Place, dict[str, str]] = {}
        for rename in renames:
            if rename.table is None:
                self.old[rename.schema, rename.new] = rename.old
            else:
                place = rename.schema, rename.table
                self.old_columns.setdefault(place, {})[rename.new] = rename.old
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


@value_class
class _Models:
    """Tables as Alembic's comparison asks a ``MetaData`` for them."""

    tables: dict[str, sa.Table]
    sorted_tables: list[sa.Table]


def differences(
    context: MigrationContext,
    renames: cabc.Sequence[Rename],
    tables: cabc.Mapping[_Place, sa.Table],
) -> list[ops.MigrateOperation]:
    """Return the differences apart from names, for a script that renames first.

    :param context: Alembic's context of the database.
    :param tables: the tables of the models.
    """
    names = _Names(renames, tables)
    target = context.opts["target_metadata"]
    metadata = [target] if isinstance(target, sa.MetaData) else list(target)
    models = _under_old_names(metadata, names)
    assert context.connection is not None
    compared = MigrationContext.configure(
        context.connection, opts={**context.opts, "target_metadata": models}
    )
    script = produce_migrations(compared, t.cast(t.Any, models))
    upgrade = script.upgrade_ops
    assert upgrade is not None
    translate = _Translator(names, tables)
    operations = complete_on_server(compared, upgrade.ops)
    return [translate.operation(each) for each in operations]


def _under_old_names(metadata: list[sa.MetaData], names: _Names) -> _Models:
    """Return copies of tables under the names that the database has."""
    copied = sa.MetaData()
    tables = [
        copy_table(table, copied) for each in metadata for table in each.sorted_tables
    ]
    for table in tables:
        for key in table.foreign_keys:
            # A foreign key looks its column up by name once, and then keeps the column.
            assert key.column is not None
    for table in tables:
        place = table.schema, str(table.name)
        columns = names.old_columns.get(place, {})
        for column in table.columns:
            column.name = columns.get(str(column.name), str(column.name))
        table.name = names.old.get(place, str(table.name))
        table.fullname = ".".join(filter(None, (table.schema, str(table.name))))
    return _Models({table.fullname: table for table in tables}, tables)


@value_class
class _Translator:
    """Translates operations from the database's names to those of the models."""

    names: _Names
    tables: cabc.Mapping[_Place, sa.Table]

    def operation(self, operation: t.Any) -> ops.MigrateOperation:
        """Translate an operation and the operations that it contains."""
        if isinstance(operation, ops.DropTableOp) or not hasattr(
            operation, "table_name"
        ):
            return self._of_key(operation)
        schema, old = operation.schema, str(operation.table_name)
        new = self.names.table(schema, old)
        if isinstance(operation, ops.ModifyTableOps):
            inside = [self.operation(o) for o in operation.ops]
            return ops.ModifyTableOps(new, inside, schema=schema)
        model = self.tables.get((schema, new))
        if isinstance(operation, ops.CreateTableOp):
            assert model is not None
            return ops.CreateTableOp.from_table(model)
        return self._in_table(operation, model, new, self.names.columns(schema, old))

    def _in_table(
        self,
        operation: t.Any,
        model: sa.Table | None,
        table: str,
        columns: cabc.Mapping[str, str],
    ) -> ops.MigrateOperation:
        if isinstance(operation, ops.AddColumnOp) and model is not None:
            name = columns.get(str(operation.column.name), str(operation.column.name))
            (column,) = [c for c in model.columns if c.name == name]
            return ops.AddColumnOp(table, column, schema=operation.schema)
        if isinstance(operation, ops.DropColumnOp):
            dropped = operation.to_column()
            if dropped.computed is not None:
                text = _renamed(str(dropped.computed.sqltext), columns)
                clause = sa.Computed(plain_text(text), dropped.computed.persisted)
                dropped = sa.Column(
                    dropped.name, dropped.type, clause, nullable=dropped.nullable
                )
            return DropColumn(table, dropped, operation.schema)
        if isinstance(operation, ops.DropConstraintOp):
            create = t.cast("ops.AddConstraintOp", self.operation(operation.reverse()))
            return DropConstraint(
                create, table, str(operation.constraint_type), operation.schema
            )
        if isinstance(operation, ops.DropIndexOp):
            create_index = self.operation(operation.reverse())
            return DropIndex(t.cast("ops.CreateIndexOp", create_index))
        if isinstance(operation, ops.CreateIndexOp) and model is not None:
            for index in model.indexes:
                if index.name == operation.index_name:
                    return ops.CreateIndexOp.from_index(index)
        if isinstance(operation, ops.CreateCheckConstraintOp):
            text = _renamed(str(operation.condition), columns)
            return AddCheck(
                str(operation.constraint_name), table, text, operation.schema
            )
        return self._plain(operation, table, columns)

    def _plain(
        self, operation: t.Any, table: str, columns: cabc.Mapping[str, str]
    ) -> ops.MigrateOperation:
        """Translate an operation whose attributes are names."""
        translated = copy.copy(operation)
        translated.table_name = table
        if isinstance(operation, ops.AlterColumnOp):
            translated.column_name = columns.get(
                operation.column_name, operation.column_name
            )
        elif hasattr(operation, "columns"):
            translated.columns = [_named(part, columns) for part in operation.columns]
        return t.cast("ops.MigrateOperation", translated)

    def _of_key(self, operation: t.Any) -> ops.MigrateOperation:
        """Translate a foreign key, which names two tables; return others unchanged."""
        if not isinstance(operation, ops.CreateForeignKeyOp):
            return t.cast("ops.MigrateOperation", operation)
        schemas = [operation.kw.get(f"{end}_schema") for end in ("source", "referent")]
        own_columns = self.names.columns(schemas[0], operation.source_table)
        other_columns = self.names.columns(schemas[1], operation.referent_table)
        return ops.CreateForeignKeyOp(
            operation.constraint_name,
            self.names.table(schemas[0], operation.source_table),
            self.names.table(schemas[1], operation.referent_table),
            [own_columns.get(column, column) for column in operation.local_cols],
            [other_columns.get(column, column) for column in operation.remote_cols],
            **operation.kw,
        )


def _named(part: t.Any, columns: cabc.Mapping[str, str]) -> t.Any:
    """Return a part of an index or constraint with the new names of columns."""
    if isinstance(part, (str, sa.Column)):
        name = str(part.name if isinstance(part, sa.Column) else part)
        return columns.get(name, name)
    return plain_text(_renamed(str(part), columns))


def _renamed(expression: str, columns: cabc.Mapping[str, str]) -> str:
    """Return an expression in which columns have their new names."""
    for old, new in columns.items():
        expression = re.sub(rf"\b{re.escape(old)}\b", new, expression)
    return expression
