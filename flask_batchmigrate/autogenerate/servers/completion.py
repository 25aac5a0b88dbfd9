"""Finds differences on a server that Alembic's comparison misses.

A server rewrites the text of a CHECK or a computed column, so the model's text cannot
be compared with the stored one. Instead, a temporary table that only this connection
sees is created from the model and read in the same way as the stored table.
"""

from __future__ import annotations

import collections.abc as cabc
import functools
import typing as t
import warnings

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy.sql.elements import conv

from ...value_classes import value_class
from ..script.copies import column_of
from ..script.enums import portable
from ..script.names import checks_of
from ..script.names import default_name
from ..script.names import free
from ..script.names import with_names
from ..script.operations import AddCheck
from ..script.operations import AddPrimaryKey
from ..script.operations import DropColumn
from ..script.operations import DropConstraint
from ..script.operations import DropIndex
from ..tables.columns import computed_apart
from ..tables.columns import with_named_check
from ..tables.type_checks import without_check
from .check_names import is_about
from .check_names import names_in_scripts
from .collations import Place
from .collations import set_collations
from .column_order import last_columns_first
from .computed import drops_of
from .defaults import set_defaults
from .filters import included
from .mariadb_columns import restore_defaults
from .mariadb_json import restore_json
from .mysql_indexes import correct_indexes
from .mysql_names import say_usual_names
from .own_comparisons import compares_defaults
from .own_comparisons import compares_types
from .postgresql_indexes import compare_indexes
from .postgresql_terms import compare_terms
from .twin import checks_of_columns
from .twin import Parts
from .twin import parts
from .twin import parts_of_model
from .twin import same_check
from .twin import text_of_check

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


def complete_on_server(
    context: MigrationContext, operations: cabc.Iterable[ops.MigrateOperation]
) -> list[ops.MigrateOperation]:
    """Return Alembic's operations, and those for the parts of tables that it misses.

    These are CHECKs, computed columns, defaults, collations and members of the primary
    key.

    :param operations: the operations that Alembic found.
    """
    assert context.connection is not None
    completed = list(operations)
    blocks = {
        (o.schema, o.table_name): o
        for o in completed
        if isinstance(o, ops.ModifyTableOps)
    }

    def block(place: Place) -> ops.ModifyTableOps:
        if place not in blocks:
            blocks[place] = ops.ModifyTableOps(place[1], [], schema=place[0])
            completed.append(blocks[place])
        return blocks[place]

    for each in blocks.values():
        improved = map(_improved, last_columns_first(each.ops))
        each.ops[:] = computed_apart(list(improved))
    inspector = sa.inspect(context.connection)
    for table in _tables_of_both(context, inspector):
        table.complete(block(table.place))
    autogen = AutogenContext(context)
    tables = included(autogen)
    if compares_types(context.opts):
        columns = functools.partial(_columns, inspector)
        set_collations(autogen, tables, columns, block)
    if context.dialect.name == "postgresql":
        compare_indexes(autogen, tables, block)
        compare_terms(autogen, tables, block)
    if context.dialect.name in ("mysql", "mariadb"):
        correct_indexes(context.connection, blocks.values())
        say_usual_names(context.connection, blocks.values())
    if getattr(context.dialect, "is_mariadb", False):
        completed = restore_json(context.connection, completed)
    for operation in completed:
        if isinstance(operation, ops.ModifyTableOps):
            operation.ops.sort(key=lambda each: not _drops_key(each))
    return [
        o for o in completed if not (isinstance(o, ops.ModifyTableOps) and not o.ops)
    ]


def _drops_key(operation: ops.MigrateOperation) -> bool:
    """Tell whether an operation drops a foreign key, which is in the way of others.

    No server gives its column a type that the other column does not have.
    """
    return isinstance(operation, ops.DropConstraintOp) and isinstance(
        operation.reverse(), ops.CreateForeignKeyOp
    )


def _columns(
    inspector: sa.Inspector, schema: str | None
) -> cabc.Mapping[t.Any, cabc.Sequence[t.Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        columns = inspector.get_multi_columns(schema=schema)
    restore_defaults(t.cast("sa.Connection", inspector.bind), schema, columns)
    return columns


def _improved(operation: ops.MigrateOperation) -> ops.MigrateOperation:
    """Return an operation on a column with the details that Alembic leaves out."""
    if isinstance(operation, ops.AddColumnOp):
        return with_named_check(operation)
    if isinstance(operation, ops.DropColumnOp):
        column = portable(operation.to_column())
        return DropColumn(str(operation.table_name), column, operation.schema)
    return operation


def _tables_of_both(
    context: MigrationContext, inspector: sa.Inspector
) -> cabc.Iterator[_Table]:
    """Yield the tables of both the models and the server that have parts to compare."""
    autogen = AutogenContext(context)
    connection = context.connection
    assert connection is not None
    defaults = compares_defaults(context.opts)
    tables = included(autogen)
    for schema in dict.fromkeys(table.schema for table in tables):
        checks = inspector.get_multi_check_constraints(schema=schema)
        keys = inspector.get_multi_pk_constraint(schema=schema)
        columns = _columns(inspector, schema)
        of_columns = checks_of_columns(connection, schema)
        for model in tables:
            place = schema, str(model.name)
            if model.schema != schema or place not in columns:
                continue
            others = of_columns.get(place[1], ())
            stored = parts(checks.get(place, ()), columns[place], others)
            same_key = _key_columns(model) == keys[place]["constrained_columns"]
            wanted = None
            if _has_parts(model, stored, defaults):
                wanted = parts_of_model(with_names(model), connection)
            if wanted is not None or not same_key:
                yield _Table(
                    model,
                    stored,
                    wanted or stored,
                    {str(column["name"]): column for column in columns[place]},
                    None if same_key else keys[place],
                    autogen,
                    inspector,
                    defaults,
                )


def _has_parts(table: sa.Table, stored: Parts, defaults: bool) -> bool:
    """Tell whether a table has parts that only the server can compare.

    :param defaults: whether defaults are such parts.
    """
    if stored.checks or stored.computed or (defaults and stored.has_defaults):
        return True
    return bool(checks_of(table)) or any(
        isinstance(c.server_default, sa.Computed)
        or (defaults and c.server_default is not None)
        for c in table.columns
    )


def _key_columns(table: sa.Table) -> list[str]:
    return [str(column.name) for column in table.primary_key.columns]


@value_class
class _Table:
    """A table that both the models and a server have.

    :param model: the table of the models.
    :param stored: its parts on the server.
    :param wanted: its parts as the server would write those of the model.
    :param columns: the inspector's descriptions of its columns, by name.
    :param key: the stored primary key, if the model has a different one.
    :param defaults: whether defaults are compared.
    """

    model: sa.Table
    stored: Parts
    wanted: Parts
    columns: cabc.Mapping[str, t.Any]
    key: t.Any
    context: AutogenContext
    inspector: sa.Inspector
    defaults: bool

    @property
    def name(self) -> str:
        """The name of the table."""
        return str(self.model.name)

    @property
    def place(self) -> tuple[str | None, str]:
        """The schema and name of the table."""
        return self.model.schema, self.name

    def complete(self, block: ops.ModifyTableOps) -> None:
        """Add the missed differences to the operations on this table.

        :param block: the operations that Alembic found; changed in place.
        """
        dropped_checks, added_checks = self._checks()
        recomputed = self._recomputed(block.ops)
        indexes = self._indexes_of(recomputed)
        gone = drops_of(self.stored.computed, block.ops)
        others = [
            o
            for o in block.ops
            if o not in gone
            and not (isinstance(o, ops.AlterColumnOp) and o.column_name in recomputed)
        ]
        if self.defaults:
            self._set_defaults(others, recomputed)
        (old_key, new_key), (schema, name) = self._keys(), self.place
        added = [o for o in others if isinstance(o, ops.AddColumnOp)] + [
            ops.AddColumnOp(name, column, schema=schema)
            for column in self.model.columns
            if column.name in recomputed
        ]
        altered = [o for o in others if isinstance(o, ops.AlterColumnOp)]
        for operation in altered:
            operation.modify_type = without_check(operation.modify_type)
        block.ops[:] = [
            *dropped_checks,
            *map(DropIndex, indexes),
            *old_key,
            *gone,
            *(DropColumn(name, column_of(self.columns[c]), schema) for c in recomputed),
            *(o for o in added if o.column.computed is None),
            *altered,
            *(o for o in added if o.column.computed is not None),
            *(o for o in others if o not in added and o not in altered),
            *new_key,
            *indexes,
            *added_checks,
        ]

    def _checks(self) -> tuple[list[DropConstraint], list[AddCheck]]:
        """Return the operations that drop CHECKs, and those that add CHECKs."""
        named = with_names(self.model)
        names = {c.name for c in checks_of(self.model) if isinstance(c.name, str)}
        unmatched = dict(self.stored.checks)
        new = []
        for name, text in self.wanted.checks.items():
            same = [
                other
                for other, stored_text in unmatched.items()
                if same_check(stored_text, text)
                and (other == name or name not in names)
            ]
            if same:
                del unmatched[name if name in same else same[0]]
            elif text not in self.stored.of_columns:
                new.append(name)
        dropped = [self._add_check(name, text) for name, text in unmatched.items()]
        kept = {name.lower() for name in self.stored.checks if name not in unmatched}
        kept |= names_in_scripts(self.model, self.stored.checks, self.columns, kept)
        added = [
            self._add_check(
                # A name that nobody chose may be that of a CHECK that stays.
                free(str(constraint.name), () if constraint.name in names else kept),
                text_of_check(constraint, self.inspector.dialect),
            )
            for constraint in named.constraints
            if isinstance(constraint, sa.CheckConstraint)
            and str(constraint.name) in new
            and is_about(constraint, self.columns)
        ]
        schema, table = self.place
        return (
            [
                DropConstraint(o, table, "check", schema)
                for o in dropped
                if self._wants(o, True)
            ],
            [o for o in added if self._wants(o, False)],
        )

    def _add_check(self, name: str, text: str) -> AddCheck:
        return AddCheck(conv(name), self.name, text, self.model.schema)

    def _wants(self, operation: AddCheck, reflected: bool) -> bool:
        """Tell whether the user's filters let a CHECK through."""
        name = str(operation.constraint_name)
        constraint = operation.to_constraint()
        return self.context.run_object_filters(
            constraint, name, "check_constraint", reflected, None
        )

    def _recomputed(self, operations: cabc.Iterable[t.Any]) -> list[str]:
        """Return the columns whose computation changes, begins or ends.

        PostgreSQL changes no type of a column that another is computed from.

        :param operations: those of the table that Alembic found.
        """
        retyped = {
            str(o.column_name)
            for o in operations
            if isinstance(o, ops.AlterColumnOp) and o.modify_type is not None
        }
        if self.context.dialect is None or self.context.dialect.name != "postgresql":
            retyped = set()
        stored, wanted = self.stored.computed, self.wanted.computed
        return [
            name
            for name, column in ((str(c.name), c) for c in self.model.columns)
            if name in self.columns
            and (
                stored.get(name) != wanted.get(name)
                or not retyped.isdisjoint(self.stored.names_in(name))
            )
            and self.context.run_object_filters(column, name, "column", False, None)
        ]

    def _set_defaults(
        self, operations: list[t.Any], recomputed: cabc.Container[str]
    ) -> None:
        """Add the changes of defaults to operations, which are changed in place."""
        connection = self.context.connection
        assert connection is not None
        compared = [
            column
            for column in self.model.columns
            if column.name not in recomputed
            and self.context.run_object_filters(
                column, str(column.name), "column", False, None
            )
        ]
        set_defaults(
            connection, compared, self.stored, self.wanted, self.columns, operations
        )

    def _indexes_of(self, columns: cabc.Container[str]) -> list[ops.CreateIndexOp]:
        """Return the operations that make the stored indexes on some columns."""
        if not columns:
            return []
        schema, name = self.place
        stored = {i["name"] for i in self.inspector.get_indexes(name, schema=schema)}
        return [
            ops.CreateIndexOp.from_index(index)
            for index in sorted(self.model.indexes, key=lambda each: str(each.name))
            if index.name in stored and any(c.name in columns for c in index.columns)
        ]

    def _keys(self) -> tuple[list[DropConstraint], list[AddPrimaryKey]]:
        """Return the operations that drop the primary key and that add the new one."""
        if self.key is None:
            return [], []
        schema, table = self.place
        usual = default_name("primary", table, ())
        old, new = [], []
        if self.key["constrained_columns"]:
            label = conv(self.key["name"] or usual)
            old_key = AddPrimaryKey(
                label, table, self.key["constrained_columns"], schema=schema
            )
            old.append(DropConstraint(old_key, table, "primary", schema))
        columns = _key_columns(self.model)
        if columns:
            name = self.model.primary_key.name
            label = conv(name if isinstance(name, str) else usual)
            new.append(AddPrimaryKey(label, table, columns, schema=schema))
        return old, new
