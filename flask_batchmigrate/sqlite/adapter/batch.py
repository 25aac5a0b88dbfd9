"""Translates the arguments of ``batch_alter_table`` into changes.

See https://alembic.sqlalchemy.org/en/latest/ops.html for the arguments. No table is
reflected here. So the arguments that describe what reflection would find become changes
that replace the stored definition.
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
from .change_collector import ChangeCollector
from .translate import Translator


class Batch(t.Protocol):
    """The arguments of a batch block, and the operations that were called in it."""

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
    block: Batch, recorder: ChangeCollector, connection: sa.Connection
) -> list[changes.Change]:
    """Return the changes of a batch block, in its order.

    :param recorder: turns the operations of the block into changes.
    :param connection: a connection to the table's database, for listeners of
        reflection.
    """
    translator = Translator(connection.dialect)
    name = str(block.table_name)
    result: list[changes.Change] = []
    # As in Alembic, what describes the table counts only where it is copied.
    if recorder.copies:
        result += _described(block, translator, connection)
    for operation, args, kw in block.batch:
        recorder.record(operation, args, kw)
    result += recorder.changes
    if block.batch or recorder.copies:
        result += table_arguments.table_items(translator, block.table_args, name)
    options = table_arguments.table_options(block.table_kwargs)
    if options is not None:
        result.append(options)
    if block.partial_reordering:
        result.append(changes.Reorder(tuple(map(tuple, block.partial_reordering))))
    return result


def _described(
    block: Batch, translator: Translator, connection: sa.Connection
) -> cabc.Iterator[changes.Change]:
    """Replace the stored definition by the one that the arguments describe."""
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
    """Replace the stored definition and indexes by those of ``copy_from``."""
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
    for info in stored:
        if info["name"] not in described:
            name = str(info["name"])
            yield changes.DropIndex(name, if_exists=True, undescribed=True)
    for index in table.indexes:
        text = translator.index(index)
        yield changes.CreateIndex(str(index.name), text, replace=True)


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
        new_info: dict[str, t.Any] = dict(copy.copy(info))
        for listener in listeners:
            listener(inspector, table, new_info)
        name = str(info["name"])
        if new_info["type"] is not info["type"]:
            yield from _typed(block, translator, name, new_info["type"])
        if new_info["nullable"] != info["nullable"]:
            yield changes.SetNotNull(name, not new_info["nullable"])
        if new_info["default"] != info["default"]:
            default = new_info["default"]
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
