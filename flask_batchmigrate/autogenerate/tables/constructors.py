"""Makes Alembic's operations and SQLAlchemy's table from a table's definition."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import conv

from ...sqlite.adapter.conventions import Conventions
from ...sqlite.ddl.meaning import meaning
from ...sqlite.ddl.objects import IndexText
from ...sqlite.ddl.table import ConstraintKind
from ...sqlite.ddl.table import ConstraintText
from ...sqlite.ddl.tokens import upper
from ..script.names import default_name
from ..script.names import fitting
from ..script.names import free
from ..script.operations import AddCheck
from ..script.operations import AddPrimaryKey
from ..script.operations import DropConstraint
from ..script.operations import plain_text
from . import type_checks
from .definition import Definition

DEFAULT_OPTIONS: t.Final = {
    "sqlite_strict": False,
    "sqlite_with_rowid": True,
    "sqlite_autoincrement": False,
}
"""The default values of a table's options."""
TYPES: t.Final = {
    ConstraintKind.UNIQUE: "unique",
    ConstraintKind.CHECK: "check",
    ConstraintKind.FOREIGN_KEY: "foreignkey",
    ConstraintKind.PRIMARY_KEY: "primary",
}


class Names:
    """Makes the new constraints of a table, each with its own name.

    :param definition: the table that has the constraints.
    :param kept: the stored constraints that stay, whose names are taken.
    """

    def __init__(
        self, definition: Definition, kept: cabc.Iterable[ConstraintText]
    ) -> None:
        self._definition = definition
        kept = [each for each in kept if each.name]
        self._taken = {
            str(c.name).lower() for c in (*definition.constraints, *kept) if c.name
        }
        # The checks that types make get their names from the type.
        self._of_types: dict[str, str] = {}
        for column, check in definition.checks_of_types:
            if check.name is None:
                same = [str(c.name) for c in kept if meaning(c) == meaning(check)]
                usual = default_name("check", definition.name, [column])
                name = same[0] if same else free(usual, self._taken)
                self._of_types[column] = name
                self._taken.add(name.lower())

    def of_type(self, column: str) -> str | None:
        """Return the name of the check that the type of a column makes without one."""
        return self._of_types.get(column)

    def create(self, constraint: ConstraintText) -> ops.AddConstraintOp:
        """Return the operation that makes a constraint."""
        name = self._name(constraint)
        self._taken.add(name.lower())
        return create_constraint(self._definition, constraint, name)

    def _name(self, constraint: ConstraintText) -> conv:
        if constraint.name is not None:
            return conv(constraint.name)
        definition, key = self._definition, constraint.references
        columns = constraint.columns
        if constraint.kind is ConstraintKind.CHECK:
            columns = _mentioned(definition, constraint)
        parent = key.table if key is not None else ""
        kind = TYPES[constraint.kind]
        return free(default_name(kind, definition.name, columns, parent), self._taken)


def stored_name(definition: Definition, constraint: ConstraintText) -> conv:
    """Return the name to drop a constraint by.

    A constraint without a stored name gets the name that PostgreSQL would have made up,
    by which the SQLite engine finds the constraint.
    """
    if constraint.name is not None:
        return conv(constraint.name)
    if constraint.kind is ConstraintKind.CHECK and constraint.column is None:
        mentioned = _mentioned(definition, constraint)
        if len(mentioned) == 1:
            return fitting(f"{definition.name}_{mentioned[0]}_check")
    return fitting(Conventions().names(definition.name, constraint)[0])


def _mentioned(definition: Definition, constraint: ConstraintText) -> tuple[str, ...]:
    return tuple(c.name for c in definition.text.columns if constraint.mentions(c.name))


def create_constraint(
    definition: Definition, constraint: ConstraintText, name: conv
) -> ops.AddConstraintOp:
    """Return the operation that makes a constraint."""
    table, schema = definition.name, definition.schema
    columns = list(constraint.columns)
    if constraint.kind is ConstraintKind.CHECK:
        return AddCheck(name, table, constraint.expression or "", schema)
    if constraint.kind is ConstraintKind.PRIMARY_KEY:
        return AddPrimaryKey(name, table, columns, schema=schema)
    options: dict[str, t.Any] = {}
    if constraint.kind is ConstraintKind.UNIQUE:
        if constraint.conflict is not None:
            options["sqlite_on_conflict"] = constraint.conflict
        return ops.CreateUniqueConstraintOp(
            name, table, columns, schema=schema, **options
        )
    key = constraint.references
    assert key is not None
    options = {
        "ondelete": key.on_delete,
        "onupdate": key.on_update,
        "deferrable": key.deferrable or None,
        "initially": "DEFERRED" if key.initially_deferred else None,
        "match": key.match,
        "source_schema": schema,
        "referent_schema": schema,
    }
    return ops.CreateForeignKeyOp(
        name,
        table,
        key.table,
        columns,
        list(key.columns),
        **{k: v for k, v in options.items() if v is not None},
    )


def drop_constraint(
    definition: Definition, constraint: ConstraintText
) -> DropConstraint:
    """Return the operation that drops a constraint, and can be reversed."""
    create = create_constraint(
        definition, constraint, stored_name(definition, constraint)
    )
    return DropConstraint(
        create, definition.name, TYPES[constraint.kind], definition.schema
    )


def create_index(definition: Definition, index: IndexText) -> ops.CreateIndexOp:
    """Return the operation that makes an index, from the model's own if it has one."""
    if definition.model is not None:
        for model_index in definition.model.indexes:
            if str(model_index.name) == index.name:
                return ops.CreateIndexOp.from_index(model_index)
    options: dict[str, t.Any] = {}
    if index.where is not None:
        options["sqlite_where"] = options["postgresql_where"] = plain_text(index.where)
    terms = [
        term.column
        if term.column is not None and term.order is None and term.collation is None
        else plain_text(term.text)
        for term in index.terms
    ]
    return ops.CreateIndexOp(
        index.name,
        definition.name,
        terms,
        unique=index.unique,
        schema=definition.schema,
        **options,
    )


def whole_table(definition: Definition) -> sa.Table:
    """Return SQLAlchemy's table that describes the stored one."""
    columns = {upper(str(column.name)): column for column in definition.columns()}
    items: list[t.Any] = list(columns.values())
    for constraint in (definition.primary_key, *definition.constraints):
        if constraint is None:
            continue
        check_values = type_checks.values(constraint)
        column = (
            columns.get(upper(check_values[0])) if check_values is not None else None
        )
        if column is not None and isinstance(column.type, sa.Boolean):
            # PostgreSQL has a type of its own for it, which takes no numbers.
            name = stored_name(definition, constraint)
            column.type = type_checks.with_check(column.type, constraint, name, None)
        else:
            items.append(_constraint(definition, constraint))
    options: dict[str, t.Any] = {
        name: value
        for name, value in definition.options.items()
        if value is not DEFAULT_OPTIONS[name] and name in _known_options()
    }
    metadata = sa.MetaData()
    return sa.Table(
        definition.name, metadata, *items, schema=definition.schema, **options
    )


def _known_options() -> cabc.Container[str]:
    """Return the options of SQLite tables that this release of SQLAlchemy knows."""
    accepted = dict(sqlite.dialect.construct_arguments or ()).get(sa.Table, {})
    return {f"sqlite_{name}" for name in accepted}


def _constraint(definition: Definition, constraint: ConstraintText) -> sa.Constraint:
    name = stored_name(definition, constraint)
    columns = list(constraint.columns)
    if constraint.kind is ConstraintKind.CHECK:
        return sa.CheckConstraint(plain_text(constraint.expression or ""), name=name)
    if constraint.kind is ConstraintKind.PRIMARY_KEY:
        return sa.PrimaryKeyConstraint(*columns, name=name)
    if constraint.kind is ConstraintKind.UNIQUE:
        conflict = constraint.conflict
        options: dict[str, t.Any] = {}
        if conflict is not None:
            options["sqlite_on_conflict"] = conflict
        return sa.UniqueConstraint(*columns, name=name, **options)
    key = constraint.references
    assert key is not None
    prefix = f"{definition.schema}." if definition.schema else ""
    return sa.ForeignKeyConstraint(
        columns,
        [f"{prefix}{key.table}.{column}" for column in key.columns],
        name=name,
        ondelete=key.on_delete,
        onupdate=key.on_update,
        deferrable=key.deferrable or None,
        initially="DEFERRED" if key.initially_deferred else None,
        match=key.match,
    )
