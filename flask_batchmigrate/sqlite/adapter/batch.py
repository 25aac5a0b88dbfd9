"""Translates the arguments of ``batch_alter_table`` into changes.

See https://alembic.sqlalchemy.org/en/latest/ops.html for the arguments. A table is not
reflected here, so those that describe what reflection would find say what is to
replace the stored definition.
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import typing as t

import sqlalchemy as sa
from sqlalchemy.sql import sqltypes

from ..target import changes
from . import table_arguments
from . import translate
from .recorder import Recorder
from .translate import Translator


class Batch(t.Protocol):
    """The arguments of a batch block and what was called in it."""

    table_name: str
    schema: str | None
    copy_from: sa.Table | None
    table_args: tuple[t.Any, ...]
    table_kwargs: dict[str, t.Any]
    reflect_args: tuple[t.Any, ...]
    reflect_kwargs: dict[str, t.Any]
    naming_convention: cabc.Mapping[t.Any, t.Any] | None
    partial_reordering: cabc.Sequence[tuple[str, ...]] | None
    batch: list[tuple[str, tuple[t.Any, ...], dict[str, t.Any]]]


def block_changes(
    block: Batch, recorder: Recorder, connection: sa.Connection
) -> list[changes.Change]:
    """Return everything that a batch block asks for, in its order.

    :param recorder: turns what was called in the block into changes.
    :param connection: where the table is, for listeners of reflection.
    """
    translator = Translator(connection.dialect)
    name = str(block.table_name)
    wanted: list[changes.Change] = []
    # As in Alembic, what describes the table counts only where it is copied.
    if recorder.copies:
        wanted += _described(block, translator, connection)
    for operation, args, kw in block.batch:
        recorder.record(operation, args, kw)
    wanted += recorder.changes
    if block.batch or recorder.copies:
        wanted += table_arguments.table_items(translator, block.table_args, name)
    options = table_arguments.table_options(block.table_kwargs)
    if options is not None:
        wanted.append(options)
    if block.partial_reordering:
        wanted.append(changes.Reorder(tuple(map(tuple, block.partial_reordering))))
    return wanted


def _described(
    block: Batch, translator: Translator, connection: sa.Connection
) -> cabc.Iterator[changes.Change]:
    """Put what the arguments say of the table in the place of what is stored."""
    yield from _definition(block, translator, connection)
    yield from table_arguments.table_items(
        translator,
        block.reflect_args,
        str(block.table_name),
        block.naming_convention,
    )
    yield from _listened(block, translator, connection)


def _definition(
    block: Batch, translator: Translator, connection: sa.Connection
) -> cabc.Iterator[changes.Change]:
    """Put ``copy_from`` in the place of what is stored, its indexes included."""
    table = block.copy_from
    if table is None:
        return
    yield changes.ReplaceDefinition(
        translator.table(table), table_arguments.stated_options(table.kwargs)
    )
    stored = sa.inspect(connection).get_indexes(
        str(block.table_name), schema=block.schema
    )
    described = {str(index.name) for index in table.indexes}
    for index in stored:
        if index["name"] not in described:
            name = str(index["name"])
            yield changes.DropIndex(name, if_exists=True, undescribed=True)
    for one in table.indexes:
        yield changes.CreateIndex(str(one.name), translator.index(one), replace=True)


def _listened(
    block: Batch, translator: Translator, connection: sa.Connection
) -> cabc.Iterator[changes.Change]:
    """Ask ``column_reflect`` listeners what they would change of each column."""
    listeners = [
        function
        for event, function in block.reflect_kwargs.get("listeners", ())
        if event == "column_reflect" and not _is_alembics(function)
    ]
    if not listeners:
        return
    inspector = sa.inspect(connection)
    table = sa.Table(str(block.table_name), sa.MetaData(), schema=block.schema)
    for info in inspector.get_columns(str(block.table_name), schema=block.schema):
        told: dict[str, t.Any] = dict(copy.copy(info))
        for listener in listeners:
            listener(inspector, table, told)
        name = str(info["name"])
        if told["type"] is not info["type"]:
            yield from _typed(block, translator, name, told["type"])
        if told["nullable"] != info["nullable"]:
            yield changes.SetNotNull(name, not told["nullable"])
        if told["default"] != info["default"]:
            default = told["default"]
            # What is reflected is SQL, and so is what a listener makes of it.
            default = sa.text(default) if isinstance(default, str) else default
            yield changes.SetDefault(name, translator.default(default))


def _typed(
    block: Batch, translator: Translator, name: str, type_: t.Any
) -> cabc.Iterator[changes.Change]:
    """Give a column the type that a listener set, with the CHECK that it makes."""
    type_ = sqltypes.to_instance(type_)
    allowed = translate.members(type_)
    yield changes.SetType(name, translator.type(type_), allowed=allowed)
    if getattr(type_, "create_constraint", False):
        for check in translator.type_bound_checks(
            name, type_, str(block.table_name), block.naming_convention
        ):
            yield changes.AddConstraint(check, of_type=True)


def _is_alembics(function: t.Any) -> bool:
    """Tell whether a listener is the one that Alembic adds to every block."""
    return getattr(function, "__name__", "") == "autogen_column_reflect"
