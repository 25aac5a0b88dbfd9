"""Compares the columns of two definitions of a table, and names each difference."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.operations import ops

from ...sqlite.ddl.affinity import Affinity
from ...sqlite.ddl.affinity import affinity
from ...sqlite.ddl.meaning import meaning
from ...sqlite.ddl.meaning import spelling
from ...sqlite.ddl.table import ColumnText
from ...sqlite.ddl.table import ConstraintKind
from ...sqlite.ddl.table import ConstraintText
from ...sqlite.ddl.tokens import upper
from ..script.copies import copy_table
from ..script.operations import DropColumn
from . import constructors
from . import type_checks
from .alembic_findings import AlembicFindings
from .defaults import same_default
from .definition import Definition

#: Types that SQLAlchemy reads as NUMERIC, by the rules of SQLite for unknown types.
_NO_NUMBERS: t.Final = frozenset(map(spelling, ("BINARY", "VARBINARY", "UUID")))


class TypeChecks:
    """Finds the changed checks of a table that the types of its columns make.

    :param old: the constraints that only the first definition has.
    :param new: the constraints that only the second definition has.
    """

    def __init__(
        self,
        before: Definition,
        after: Definition,
        old: cabc.Sequence[ConstraintText],
        new: cabc.Sequence[ConstraintText],
    ) -> None:
        #: The check that the type of a column made, by the column's name in capitals.
        self.old: dict[str, ConstraintText] = {}
        self.new: set[str] = set()
        self._made: list[ConstraintText] = []
        self._before, self._after = before, after
        bound = {meaning(check): name for name, check in after.checks_of_types}
        for constraint in new:
            column = bound.get(meaning(constraint))
            if constraint.kind is ConstraintKind.CHECK and column is not None:
                self.new.add(upper(column))
                self._made.append(constraint)
        for constraint in old:
            check_values = (
                type_checks.values(constraint)
                if constraint.kind is ConstraintKind.CHECK
                else None
            )
            if check_values is None or not before.text.has_column(check_values[0]):
                continue
            stays = after.text.has_column(check_values[0])
            # One Enum on two columns makes two checks of the same name. Only by the
            # type can a script say which of them it means.
            twins = [
                c
                for c in before.constraints
                if constraint.name and c.name == constraint.name
            ]
            if (
                not stays
                or len(twins) > 1
                or type_checks.has_members(after.column(check_values[0]).type)
            ):
                self.old[upper(check_values[0])] = constraint
                self._made.append(constraint)

    def makes(self, constraint: ConstraintText) -> bool:
        """Tell whether a type makes or drops a constraint."""
        return any(constraint is changed for changed in self._made)

    def changes(self, column: str) -> bool:
        """Tell whether the check of a column's type changes."""
        return upper(column) in self.old or upper(column) in self.new

    def _kept(self, column: str) -> ConstraintText | None:
        """Return the stored check that the new type of a column makes as well."""
        wanted = [
            meaning(check)
            for name, check in self._after.checks_of_types
            if upper(name) == upper(column)
        ]
        return next((c for c in self._before.constraints if meaning(c) in wanted), None)

    def stored(
        self, name: str, model: sa.Column[t.Any] | None
    ) -> sa.types.TypeEngine[t.Any]:
        """Return the type of a stored column, with the check that the type made.

        :param model: the column in the models, if it stays.
        """
        type_ = self._before.column(name).type
        check = self.old.get(upper(name)) or self._kept(name)
        if check is None:
            return type_
        label: str = constructors.stored_name(self._before, check)
        name_of_type = type_checks.stored_as(model, label)
        if name_of_type is not None:
            # The convention makes the stored name of it, as it does in the models.
            label = name_of_type
        wanted = model.type if model is not None else None
        return type_checks.with_check(type_, check, label, wanted)


def drop_column(definition: Definition, name: str, types: TypeChecks) -> DropColumn:
    """Make the operation that drops a column; the downgrade adds the column again."""
    column = definition.column(name)
    column.type = types.stored(name, None)
    return DropColumn(definition.name, column, definition.schema)


def add_column(
    definition: Definition, name: str, names: constructors.Names
) -> ops.AddColumnOp:
    """Make the operation that adds a column."""
    column = definition.column(name)
    added = ops.AddColumnOp(definition.name, column, schema=definition.schema)
    return with_named_check(added, names.of_type(str(column.name)))


def with_named_check(
    added: ops.AddColumnOp, name: str | None = None
) -> ops.AddColumnOp:
    """Return an operation in which the check that the column's type makes has a name.

    :param added: the operation that adds a column of a model.
    :param name: the name where the naming convention says none; None for the usual one.
    """
    type_ = type_checks.named(added.column, added.table_name, name)
    if type_ is added.column.type:
        return added
    column = _copied(added.column, type_)
    return ops.AddColumnOp(added.table_name, column, schema=added.schema)


def _copied(
    column: sa.Column[t.Any], type_: sa.types.TypeEngine[t.Any]
) -> sa.Column[t.Any]:
    """Return the column of a model with another type."""
    table: t.Any = column.table
    copied: sa.Column[t.Any] = copy_table(table).columns[column.key]
    copied.type = type_
    return copied


def _common(
    before: Definition, after: Definition
) -> cabc.Iterator[tuple[ColumnText, ColumnText]]:
    for new in after.text.columns:
        if before.text.has_column(new.name):
            yield before.text.column(new.name), new


def in_order(before: Definition, names: cabc.Collection[str]) -> list[str]:
    """Order the columns to be dropped: computed ones first, the last one first.

    The downgrade adds them in the opposite order, which restores their order.
    """
    folded = set(map(upper, names))
    dropped = [c for c in reversed(before.text.columns) if upper(c.name) in folded]
    dropped.sort(key=lambda column: column.generated is None)
    return [column.name for column in dropped]


def computed_apart(
    operations: cabc.Sequence[ops.MigrateOperation],
) -> list[ops.MigrateOperation]:
    """Return operations that drop computed columns first, and add them last.

    A computed column needs those that it is computed from.
    """
    ordered = list(operations)
    for kind, is_first in ((ops.DropColumnOp, True), (ops.AddColumnOp, False)):
        places = [i for i, each in enumerate(ordered) if isinstance(each, kind)]
        moved = sorted(
            (ordered[i] for i in places),
            key=lambda o: _is_computed(o) != is_first,
        )
        for i, operation in zip(places, moved, strict=True):
            ordered[i] = operation
    return ordered


def _is_computed(operation: t.Any) -> bool:
    column = (
        operation.column
        if isinstance(operation, ops.AddColumnOp)
        else operation.to_column()
    )
    return column.computed is not None


def recomputed(
    before: Definition, after: Definition, seen: AlembicFindings
) -> list[str]:
    """Return the columns whose computation changes, begins or ends.

    SQLite cannot alter such columns. They are dropped and added again, since a computed
    column has no values of its own to lose.
    """
    return [
        old.name
        for old, new in _common(before, after)
        if _computation(old) != _computation(new)
        and (old.generated is not None or new.generated is not None)
        and seen.wanted(after.column(new.name), new.name, "column", False, None)
    ]


def _computation(column: ColumnText) -> tuple[t.Any, ...]:
    clause = column.generated
    if clause is None:
        return ()
    return (spelling(clause.expression or ""), clause.stored)


def altered_columns(
    before: Definition,
    after: Definition,
    seen: AlembicFindings,
    recomputed: list[str],
    types: TypeChecks,
    names: constructors.Names,
) -> cabc.Iterator[ops.AlterColumnOp]:
    """Make the operations for the columns that both definitions have."""
    for old, new in _common(before, after):
        if old.name in recomputed:
            continue
        changed = _Changed(before, after, old, new, seen)
        changed.type = changed.type or types.changes(new.name)
        if not changed.any:
            continue
        stored, wanted = before.column(old.name), after.column(new.name)
        if not seen.wanted(wanted, new.name, "column", False, stored):
            continue
        yield changed.operation(stored, wanted, types, names)


class _Changed:
    """The differences between two definitions of one column."""

    def __init__(
        self,
        before: Definition,
        after: Definition,
        old: ColumnText,
        new: ColumnText,
        seen: AlembicFindings,
    ) -> None:
        self.alembic_operation = seen.alteration(new.name)
        self.schema = after.schema
        self.table = after.name
        self.new = new
        aliases = {upper(text.rowid_alias or "") for text in (before.text, after.text)}
        #: Whether each definition names a collation, if the collations differ.
        self.collated = (True, True)
        #: An Enum names no collation, so the column keeps its own.
        self._orders = not isinstance(after.column(new.name).type, sa.Enum)
        self.type = self._type_differs(old, new, seen.compare_type)
        self.nullable = old.not_null != new.not_null and (
            # NOT NULL means nothing on the column that is the rowid.
            aliases != {upper(new.name)}
        )
        self.default = self._default_differs(old, new, seen.compare_default)

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return self.type or self.nullable or self.default

    def _type_differs(self, old: ColumnText, new: ColumnText, compare: t.Any) -> bool:
        alembic = (
            self.alembic_operation is not None
            and self.alembic_operation.modify_type is not None
        )
        if callable(compare):
            return alembic
        if compare is False:
            return False
        text = affinity(new.type) is Affinity.TEXT and self._orders
        if text and _collation(old) != _collation(new):
            self.collated = (old.collation is not None, new.collation is not None)
            return True
        if spelling(old.type) == spelling(new.type):
            return False
        names = _unbounded(old.type), _unbounded(new.type)
        return (
            alembic
            or affinity(old.type) is not affinity(new.type)
            or names[0] == names[1]
            or not _NO_NUMBERS.isdisjoint(names)
        )

    def _default_differs(
        self, old: ColumnText, new: ColumnText, compare: t.Any
    ) -> bool:
        if callable(compare):
            return self.alembic_operation is not None and (
                self.alembic_operation.modify_server_default is not False
            )
        computed = old.generated is not None or new.generated is not None
        return compare is not False and not computed and not same_default(old, new)

    def operation(
        self,
        stored: sa.Column[t.Any],
        wanted: sa.Column[t.Any],
        types: TypeChecks,
        names: constructors.Names,
    ) -> ops.AlterColumnOp:
        """Return the operation that changes one definition into the other."""
        alteration = self.alembic_operation
        # Of two equal types, the model's says more than the reflected one.
        existing = wanted.type
        if self.type:
            existing = types.stored(str(stored.name), wanted)
        operation = ops.AlterColumnOp(
            self.table,
            str(wanted.name),
            schema=self.schema,
            existing_type=existing,
            existing_server_default=_server_default(stored),
            existing_nullable=stored.nullable,
        )
        if self.type:
            name = names.of_type(str(wanted.name))
            operation.modify_type = type_checks.named(wanted, self.table, name)
            if not self.collated[0]:
                operation.existing_type = _with_plain_order(existing)
            if not self.collated[1]:
                operation.modify_type = _with_plain_order(operation.modify_type)
        if self.nullable:
            operation.modify_nullable = not self.new.not_null
        if self.default:
            operation.modify_server_default = _server_default(wanted)
        if alteration is not None:
            operation.kw.update(alteration.kw)
        return operation


def _with_plain_order(type_: t.Any) -> sa.types.TypeEngine[t.Any]:
    """Return a type that removes the collation of a column of SQLite.

    A type without a collation would leave the column's own in place.
    """
    if not isinstance(type_, sa.String):
        return t.cast("sa.types.TypeEngine[t.Any]", type_)
    # A type of the application may have a constructor of its own.
    is_own = not type(type_).__module__.startswith("sqlalchemy.")
    usual = sa.Text if isinstance(type_, sa.Text) else sa.String
    kind: type[sa.String] = usual if is_own else type(type_)
    plain = kind(type_.length, collation="BINARY")
    return type_.with_variant(plain, "sqlite")


def _unbounded(type_: str) -> tuple[str, ...]:
    """Return the name of a type without its length or precision.

    Alembic compares these only where both types have them.
    """
    return spelling(type_.partition("(")[0])


def _collation(column: ColumnText) -> str:
    return upper(column.collation or "BINARY")


def _server_default(column: sa.Column[t.Any]) -> t.Any:
    default = column.server_default
    return None if isinstance(default, (sa.Computed, sa.Identity)) else default
