"""Compares what SQLAlchemy does not read of the constraints of PostgreSQL.

These are ``DEFERRABLE`` of a ``UNIQUE``, and ``MATCH FULL`` of a foreign key. See
https://www.postgresql.org/docs/current/catalog-pg-constraint.html
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy.sql.elements import conv

from ...value_classes import value_class
from ..script.operations import DropConstraint
from .collations import Place

_STORED: t.Final = sa.text("""
    SELECT relname, conname, contype::text, condeferrable, condeferred,
        confmatchtype::text = 'f',
        ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY k(number, place)
            JOIN pg_attribute ON attrelid = conrelid AND attnum = number
            ORDER BY place)
    FROM pg_constraint JOIN pg_class r ON r.oid = conrelid
    WHERE contype IN ('u', 'f') AND relnamespace = (SELECT oid FROM pg_namespace
            WHERE nspname = coalesce(:schema, current_schema()))
""")
_Options: t.TypeAlias = dict[str, t.Any]


@value_class
class _Constraint:
    """A stored constraint.

    :param options: its terms, as operations take them.
    """

    name: str
    kind: str
    columns: list[str]
    options: _Options


def compare_terms(
    context: AutogenContext,
    tables: cabc.Collection[sa.Table],
    block: cabc.Callable[[Place], ops.ModifyTableOps],
) -> None:
    """Add the changes of terms to the operations on tables.

    :param tables: the tables of the models that are compared.
    :param block: returns the operations on a table, which are changed in place.
    """
    assert context.connection is not None
    for schema in dict.fromkeys(table.schema for table in tables):
        stored: dict[str, list[_Constraint]] = {}
        for row in context.connection.execute(_STORED, {"schema": schema}):
            stored.setdefault(row[0], []).append(_constraint(row))
        for table in tables:
            here = stored.get(str(table.name), [])
            if table.schema == schema and here:
                operations = block((schema, str(table.name)))
                _restore(operations, here)
                _add_changes(context, operations, table, here)


def _constraint(row: t.Any) -> _Constraint:
    _, name, kind, deferrable, deferred, is_full, columns = row
    options: _Options = {}
    if kind == "u" and deferrable:
        options["deferrable"] = True
        if deferred:
            options["initially"] = "DEFERRED"
    if is_full:
        options["match"] = "FULL"
    return _Constraint(name, kind, list(columns), options)


def _wanted(constraint: sa.Constraint) -> _Options:
    """Return the terms of a constraint of the models, as those of a stored one."""
    said: t.Any = constraint
    if isinstance(constraint, sa.ForeignKeyConstraint):
        return {"match": "FULL"} if (said.match or "").upper() == "FULL" else {}
    deferred = (said.initially or "").upper() == "DEFERRED"
    options: _Options = {"initially": "DEFERRED"} if deferred else {}
    return options | ({"deferrable": True} if said.deferrable or deferred else {})


def _restore(block: ops.ModifyTableOps, stored: list[_Constraint]) -> None:
    """Have the downgrade give dropped constraints their terms back."""
    terms = {each.name: each.options for each in stored if each.options}
    for position, operation in enumerate(block.ops):
        if not isinstance(operation, ops.DropConstraintOp):
            continue
        options = terms.get(str(operation.constraint_name))
        create = operation.reverse() if options else None
        if isinstance(create, (ops.CreateUniqueConstraintOp, ops.CreateForeignKeyOp)):
            create.kw.update(options or {})
            kind = str(operation.constraint_type)
            block.ops[position] = DropConstraint(
                create, block.table_name, kind, block.schema
            )


def _add_changes(
    context: AutogenContext,
    block: ops.ModifyTableOps,
    table: sa.Table,
    stored: list[_Constraint],
) -> None:
    """Add what makes a constraint with other terms anew."""
    touched = {str(getattr(o, "constraint_name", None)) for o in block.ops}
    for constraint in sorted(table.constraints, key=lambda each: str(each.name)):
        if not isinstance(constraint, (sa.UniqueConstraint, sa.ForeignKeyConstraint)):
            continue
        kind = "u" if isinstance(constraint, sa.UniqueConstraint) else "f"
        label = {"u": "unique_constraint", "f": "foreign_key_constraint"}[kind]
        columns = [str(column.name) for column in constraint.columns]
        old = next(
            (
                each
                for each in stored
                if each.kind == kind
                and each.columns == columns
                and (constraint.name is None or str(constraint.name) == each.name)
            ),
            None,
        )
        if old is None or old.options == _wanted(constraint) or old.name in touched:
            continue
        if context.run_object_filters(
            constraint, old.name, t.cast(t.Any, label), False, None
        ):
            new = ops.AddConstraintOp.from_constraint(constraint)
            block.ops += [_drop(block, new, old), new]


def _drop(block: ops.ModifyTableOps, new: t.Any, old: _Constraint) -> DropConstraint:
    """Return the removal of a stored constraint that gets other terms."""
    name = conv(old.name)
    create = (
        ops.CreateUniqueConstraintOp(
            name, block.table_name, old.columns, schema=block.schema
        )
        if old.kind == "u"
        else ops.CreateForeignKeyOp(
            name,
            block.table_name,
            new.referent_table,
            old.columns,
            new.remote_cols,
            **{k: v for k, v in new.kw.items() if k != "match"},
        )
    )
    create.kw.update(old.options)
    kind = "unique" if old.kind == "u" else "foreignkey"
    return DropConstraint(create, block.table_name, kind, block.schema)
