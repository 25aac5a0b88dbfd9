"""Refuses models that the database cannot have, before a script has them."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import re
import typing as t

import sqlalchemy as sa
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy.schema import CreateTable

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN

_UNKNOWN: t.Final = re.compile(r"can't render element of type (\w+)")


def refuse_unusable_types(
    operations: cabc.Iterable[ops.MigrateOperation], dialect: sa.Dialect
) -> None:
    """Refuse operations that make a column of a type that has no SQL.

    :param dialect: the dialect of the database.
    :raises BatchMigrateError: one does.
    """
    for operation in operations:
        if isinstance(operation, ops.ModifyTableOps):
            refuse_unusable_types(operation.ops, dialect)
        for table, name, type_ in _made(operation):
            _refuse(table, name, type_, dialect)


@contextlib.contextmanager
def unusable_models_refused(context: MigrationContext) -> cabc.Iterator[None]:
    """Refuse models over which a comparison stumbles, with the place in them.

    :param context: Alembic's context of the comparison.
    :raises BatchMigrateError: a type has no SQL, or a foreign key leads nowhere.
    """
    try:
        yield
    except sa.exc.NoReferenceError as error:
        raise BatchMigrateError(
            f"The models cannot be compared: {_words(error)}",
            "A ForeignKey takes the names of the table and column in the database, as "
            "in 'user.id', and the module with that table has to be imported.",
            state=NOTHING_WRITTEN,
        ) from error
    except sa.exc.CompileError as error:
        for table in _tables(context):
            for column in table.columns:
                name = str(column.name)
                _refuse(str(table.name), name, column.type, context.dialect)
            _refuse_table(table, context.dialect)
        raise BatchMigrateError(
            f"The models cannot be compared: {_words(error)}",
            "Correct them.",
            state=NOTHING_WRITTEN,
        ) from error


def _tables(context: MigrationContext) -> list[sa.Table]:
    models = context.opts.get("target_metadata") or ()
    every = [models] if isinstance(models, sa.MetaData) else models
    return [table for metadata in every for table in metadata.sorted_tables]


def _refuse_table(table: sa.Table, dialect: sa.Dialect) -> None:
    """Refuse a table with a constraint or default that the database does not have."""
    try:
        CreateTable(table).compile(dialect=dialect)
    except sa.exc.CompileError as error:
        raise BatchMigrateError(
            f"Table '{table.fullname}' cannot be made: {_words(error)}",
            "Correct the model, or run the command on a database that has it.",
            state=NOTHING_WRITTEN,
            table=str(table.name),
        ) from error


def _refuse(table: str, name: str, type_: t.Any, dialect: sa.Dialect) -> None:
    problem = _problem(type_, dialect)
    if problem:
        raise BatchMigrateError(
            f"Column '{table}.{name}' cannot be made: {problem}",
            "Correct its type in the model, or give it one for this database with "
            f"'.with_variant(..., {dialect.name!r})'.",
            state=NOTHING_WRITTEN,
            table=table,
            column=name,
        )


def _made(operation: t.Any) -> cabc.Iterator[tuple[str, str, t.Any]]:
    """Yield table, name and type of each column that an operation makes or changes."""
    if isinstance(operation, ops.CreateTableOp):
        for each in operation.columns:
            if isinstance(each, sa.Column):
                yield str(operation.table_name), str(each.name), each.type
    elif isinstance(operation, ops.AddColumnOp):
        column = operation.column
        yield str(operation.table_name), str(column.name), column.type
    elif isinstance(operation, ops.AlterColumnOp) and operation.modify_type is not None:
        name = operation.modify_name or operation.column_name
        yield str(operation.table_name), str(name), operation.modify_type


def _problem(type_: t.Any, dialect: sa.Dialect) -> str:
    """Return why a type has no SQL; an empty text if it has."""
    if isinstance(type_, sa.types.NullType):
        return "it has no type"
    try:
        type_.compile(dialect=dialect)
    except sa.exc.CompileError as error:
        unknown = _UNKNOWN.search(str(error))
        named = f"{dialect.name} has no type {unknown[1]}" if unknown else ""
        return named or _words(error)
    return ""


def _words(error: sa.exc.SQLAlchemyError) -> str:
    """Return the message of an error on one line, without what is added to it."""
    return " ".join(str(error.args[0]).split())
