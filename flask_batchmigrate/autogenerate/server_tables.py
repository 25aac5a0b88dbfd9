"""Finds differences on a server that Alembic's comparison passes over.

A server writes a CHECK or a computed column in its own way, so texts cannot be
compared. The server is asked: a temporary table, of this connection alone, is made from
the model and read in the same way as the stored table.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import re
import typing as t
import warnings

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy.sql.elements import conv

from .columns import with_named_check
from .enums import portable
from .names import with_names
from .operations import AddCheck
from .operations import DropColumn
from .operations import DropConstraint
from .operations import DropIndex
from .operations import plain_text

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

_TWIN: t.Final = "batchmigrate_twin"


@dataclasses.dataclass(frozen=True, slots=True)
class _Parts:
    """What a table has of CHECKs, by name, and of computed columns."""

    checks: dict[str, str]
    computed: dict[str, tuple[str, bool]]
    columns: frozenset[str]


def complete_on_server(
    context: MigrationContext, operations: cabc.Iterable[ops.MigrateOperation]
) -> list[ops.MigrateOperation]:
    """Add changed CHECKs and computed columns to what Alembic found.

    :param operations: what Alembic found.
    """
    found = list(operations)
    comparison = _Comparison(context)
    blocks = {
        (o.schema, o.table_name): o for o in found if isinstance(o, ops.ModifyTableOps)
    }
    for block in blocks.values():
        block.ops[:] = [_improved(each) for each in block.ops]
    for place, first, last in comparison.differences():
        if place not in blocks:
            blocks[place] = ops.ModifyTableOps(place[1], [], schema=place[0])
            found.append(blocks[place])
        block = blocks[place]
        again = {o.column_name for o in first if isinstance(o, ops.DropColumnOp)}
        kept = [
            o
            for o in block.ops
            if not (isinstance(o, ops.AlterColumnOp) and o.column_name in again)
        ]
        block.ops[:] = [*first, *kept, *last]
    return found


def _improved(each: ops.MigrateOperation) -> ops.MigrateOperation:
    """Return an operation on a column with what Alembic leaves out."""
    if isinstance(each, ops.AddColumnOp):
        return with_named_check(each)
    if isinstance(each, ops.DropColumnOp):
        column = portable(each.to_column())
        return DropColumn(str(each.table_name), column, each.schema)
    return each


class _Comparison:
    """The tables that both the models and a server have."""

    def __init__(self, context: MigrationContext) -> None:
        assert context.connection is not None
        self._connection = context.connection
        self._context = AutogenContext(context)
        self._inspector = sa.inspect(self._connection)

    def differences(
        self,
    ) -> cabc.Iterator[
        tuple[tuple[str | None, str], list[t.Any], list[ops.MigrateOperation]]
    ]:
        """Yield a table, what comes before its other changes, and what comes after."""
        tables = self._context.sorted_tables
        for schema in dict.fromkeys(table.schema for table in tables):
            checks = self._inspector.get_multi_check_constraints(schema=schema)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", sa.exc.SAWarning)
                columns = self._inspector.get_multi_columns(schema=schema)
            for table in tables:
                key = schema, str(table.name)
                if table.schema != schema or key not in columns:
                    continue
                stored = _parts(checks.get(key, ()), columns[key])
                if self._includes(table) and _has_parts(table, stored):
                    first, last = self._of_table(table, stored)
                    if first or last:
                        yield key, first, last

    def _includes(self, table: sa.Table) -> bool:
        parents: t.Any = {"schema_name": table.schema}
        name = str(table.name)
        return self._context.run_name_filters(
            name, "table", parents
        ) and self._context.run_object_filters(table, name, "table", False, None)

    def _of_table(
        self, table: sa.Table, stored: _Parts
    ) -> tuple[list[t.Any], list[ops.MigrateOperation]]:
        named = with_names(table)
        given = {str(c.name) for c in table.constraints if isinstance(c.name, str)}
        wanted = self._parts_of_model(named)
        if wanted is None:
            return [], []
        first: list[t.Any] = []
        last: list[ops.MigrateOperation] = []
        self._computed(table, stored, wanted, first, last)
        left = dict(stored.checks)
        new = []
        for name, text in wanted.checks.items():
            same = [
                other
                for other, said in left.items()
                if said == text and (other == name or name not in given)
            ]
            if same:
                del left[name if name in same else same[0]]
            else:
                new.append(name)
        gone = [self._add_check(table, name, text) for name, text in left.items()]
        come = [
            self._add_check(table, str(c.name), _text(c, self._connection.dialect))
            for c in named.constraints
            if isinstance(c, sa.CheckConstraint)
            and str(c.name) in new
            and _is_about(c, stored.columns)
        ]
        first[:0] = [
            DropConstraint(o, str(table.name), "check", table.schema)
            for o in gone
            if self._wants(o, True)
        ]
        last += [o for o in come if self._wants(o, False)]
        return first, last

    def _wants(self, operation: AddCheck, reflected: bool) -> bool:
        name = str(operation.constraint_name)
        constraint = operation.to_constraint()
        return self._context.run_object_filters(
            constraint, name, "check_constraint", reflected, None
        )

    def _add_check(self, table: sa.Table, name: str, text: str) -> AddCheck:
        return AddCheck(conv(name), str(table.name), text, table.schema)

    def _computed(
        self,
        table: sa.Table,
        stored: _Parts,
        wanted: _Parts,
        first: list[t.Any],
        last: list[ops.MigrateOperation],
    ) -> None:
        """Drop and add what is computed in another way; it has no values to lose."""
        info = self._inspector.get_columns(str(table.name), schema=table.schema)
        columns = {column["name"]: column for column in info}
        models = {str(column.name): column for column in table.columns}
        for name in [c for c in models if c in columns]:
            before, after = stored.computed.get(name), wanted.computed.get(name)
            model = models[name]
            if before == after or not self._context.run_object_filters(
                model, name, "column", False, None
            ):
                continue
            covering = [
                index
                for index in sorted(table.indexes, key=lambda each: str(each.name))
                if model in index.columns
            ]
            there = {
                each["name"]
                for each in self._inspector.get_indexes(
                    str(table.name), schema=table.schema
                )
            }
            first += [
                DropIndex(ops.CreateIndexOp.from_index(index))
                for index in covering
                if index.name in there
            ]
            old = _column(columns[name])
            first.append(DropColumn(str(table.name), old, table.schema))
            first.append(ops.AddColumnOp(str(table.name), model, schema=table.schema))
            last += [
                ops.CreateIndexOp.from_index(index)
                for index in covering
                if index.name in there
            ]

    def _parts_of_model(self, table: sa.Table) -> _Parts | None:
        """Return how the server writes the parts of a model.

        :return: None where it makes no such table, as for want of a right or a type.
        """
        copied = table.to_metadata(
            sa.MetaData(), name=_TWIN, schema=t.cast(t.Any, None)
        )
        copied._prefixes = ["TEMPORARY"]
        create = sa.schema.CreateTable(copied, include_foreign_key_constraints=[])
        try:
            with self._undone():
                self._connection.execute(create)
                inspector = sa.inspect(self._connection)
                schema = self._temporary_schema()
                return _parts(
                    inspector.get_check_constraints(_TWIN, schema=schema),
                    inspector.get_columns(_TWIN, schema=schema),
                )
        except sa.exc.DBAPIError:
            return None

    @contextlib.contextmanager
    def _undone(self) -> cabc.Iterator[None]:
        """Take the temporary table away after the block, and any trace of an error."""
        if self._connection.dialect.name == "postgresql":
            savepoint = self._connection.begin_nested()
            try:
                yield
            finally:
                savepoint.rollback()
            return
        try:
            yield
        finally:
            drop = f"DROP TEMPORARY TABLE IF EXISTS {_TWIN}"
            self._connection.exec_driver_sql(drop)

    def _temporary_schema(self) -> str | None:
        if self._connection.dialect.name != "postgresql":
            return None
        query = "SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()"
        return str(self._connection.exec_driver_sql(query).scalar_one())


def _has_parts(table: sa.Table, stored: _Parts) -> bool:
    """Tell whether there is anything to ask the server about."""
    return bool(
        stored.checks
        or stored.computed
        or any(isinstance(each, sa.CheckConstraint) for each in table.constraints)
        or any(isinstance(c.server_default, sa.Computed) for c in table.columns)
    )


def _parts(checks: cabc.Iterable[t.Any], columns: cabc.Collection[t.Any]) -> _Parts:
    """Return the parts of a table as SQLAlchemy's inspector returns them."""
    computed = {
        str(column["name"]): (
            _without_table(column["computed"]["sqltext"]),
            bool(column["computed"].get("persisted")),
        )
        for column in columns
        if column.get("computed")
    }
    return _Parts(
        {str(c["name"]): _without_table(c["sqltext"]) for c in checks if c["name"]},
        computed,
        frozenset(str(column["name"]) for column in columns),
    )


def _without_table(expression: str) -> str:
    return re.sub(rf"(`?){_TWIN}\1\.", "", expression)


def _is_about(check: sa.CheckConstraint, columns: cabc.Container[str]) -> bool:
    """Tell whether a CHECK has to be made: a new column comes with that of its type."""
    if not getattr(check, "_type_bound", False):
        return True
    return all(str(column.name) in columns for column in check.columns)


def _text(constraint: sa.CheckConstraint, dialect: sa.Dialect) -> str:
    """Return the expression of a model's CHECK, as the model says it."""
    options = {"literal_binds": True, "include_table": False}
    return str(constraint.sqltext.compile(dialect=dialect, compile_kwargs=options))


def _column(stored: t.Any) -> sa.Column[t.Any]:
    """Return SQLAlchemy's object for a column of the database."""
    default: t.Any = None
    if stored.get("computed"):
        found = stored["computed"]
        default = sa.Computed(
            plain_text(found["sqltext"]), persisted=found.get("persisted")
        )
    elif stored["default"] is not None:
        default = plain_text(stored["default"])
    arguments = [default] if isinstance(default, sa.Computed) else []
    options = {} if arguments else {"server_default": default}
    return sa.Column(
        stored["name"],
        stored["type"],
        *arguments,
        nullable=stored["nullable"],
        **options,
    )
