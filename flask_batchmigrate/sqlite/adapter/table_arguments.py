"""Translates the arguments that describe a table into changes.

See https://alembic.sqlalchemy.org/en/latest/ops.html#alembic.operations.Operations.batch_alter_table
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from sqlalchemy.sql import sqltypes

from ..ddl.table import ConstraintKind
from ..target import changes
from .translate import add_missing_parents
from .translate import Translator

_OPTIONS: t.Final = {
    "sqlite_strict": "strict",
    "sqlite_with_rowid": "without_rowid",
    "sqlite_autoincrement": "autoincrement",
}


def table_options(kwargs: cabc.Mapping[str, t.Any]) -> changes.SetOptions | None:
    """Return the change that ``table_kwargs`` ask for, or ``None``."""
    strict = kwargs.get("sqlite_strict")
    with_rowid = kwargs.get("sqlite_with_rowid")
    autoincrement = kwargs.get("sqlite_autoincrement")
    if strict is None and with_rowid is None and autoincrement is None:
        return None
    without_rowid = None if with_rowid is None else not with_rowid
    return changes.SetOptions(strict, without_rowid, autoincrement)


def stated_options(kwargs: cabc.Mapping[str, t.Any]) -> frozenset[str]:
    """Return the options that a table sets, by their names in the engine."""
    # A look-up by name would return the default of an option that is not set.
    return frozenset(_OPTIONS[key] for key in list(kwargs) if key in _OPTIONS)


def table_items(
    translator: Translator,
    items: cabc.Iterable[t.Any],
    table: str,
    convention: cabc.Mapping[t.Any, t.Any] | None = None,
) -> cabc.Iterator[changes.Change]:
    """Return the changes of ``table_args`` and ``reflect_args``.

    A column replaces the stored column of its name. A constraint or an index is added
    unless the table has one that says the same.

    :param convention: the naming convention of the block.
    """
    for item in items:
        if isinstance(item, sa.Column):
            yield from _replaced_column(translator, item, table, convention)
        elif isinstance(item, sa.Index):
            sql = translator.index(_attached(item, table))
            yield changes.CreateIndex(str(item.name), sql, if_not_exists=True)
        elif isinstance(item, sa.Constraint):
            text_ = translator.constraint(_attached(item, table))
            if text_:
                yield changes.AddConstraint(text_, unless_present=True)


def _replaced_column(
    translator: Translator,
    column: sa.Column[t.Any],
    table: str,
    convention: cabc.Mapping[t.Any, t.Any] | None,
) -> cabc.Iterator[changes.Change]:
    """Return the changes of a column of ``reflect_args``."""
    name = str(column.name)
    if getattr(column, "table", None) is None:
        sa.Table(table, sa.MetaData(), column)
    yield changes.ReplaceColumn(name, translator.column(column))
    add_missing_parents(column.table)
    keys = [
        translator.constraint(key.constraint)
        for key in sorted(column.foreign_keys, key=lambda key: key.target_fullname)
        if key.constraint
    ]
    if keys:
        # A foreign key is part of the column's definition.
        yield changes.DropConstraint(
            None, ConstraintKind.FOREIGN_KEY, (name,), if_exists=True
        )
    for text in keys:
        if text:
            yield changes.AddConstraint(text)
    if column.unique:
        quoted = translator.dialect.identifier_preparer.quote(name)
        yield changes.AddConstraint(f"UNIQUE ({quoted})", unless_present=True)
    for text in translator.type_bound_checks(name, column.type, table, convention):
        if getattr(column.type, "create_constraint", False):
            yield changes.AddConstraint(text, of_type=True)
        else:
            yield changes.DropConstraint(
                None, ConstraintKind.CHECK, None, text, if_exists=True
            )


_OnTable = t.TypeVar("_OnTable", sa.Constraint, sa.Index)


def _attached(item: _OnTable, table: str) -> _OnTable:
    """Return an item that belongs to a table, as the compiler needs it."""
    attached = (
        item.table if isinstance(item, sa.Index) else getattr(item, "parent", None)
    )
    if attached is not None:
        return item
    pending = getattr(item, "_pending_colargs", ())
    names = [c if isinstance(c, str) else c.name for c in pending if c is not None]
    names += list(getattr(item, "column_keys", ()) or ())
    for key in getattr(item, "elements", ()):
        parent, _, column = key.target_fullname.rpartition(".")
        names += [column] if parent == table else []
    columns = [sa.Column(name, sqltypes.NullType()) for name in dict.fromkeys(names)]
    add_missing_parents(sa.Table(table, sa.MetaData(), *columns, item))
    return item
