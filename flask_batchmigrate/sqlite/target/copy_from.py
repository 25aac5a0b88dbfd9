"""Finds what a description of a table (``copy_from``) leaves out.

Alembic makes the new table of a copy from the description and nothing else. So does the
engine, except that it does not lose the values of a column that no change drops.
"""

from __future__ import annotations

import collections.abc as cabc

from ...value_classes import value_class
from ..ddl.meaning import describe
from ..ddl.meaning import only_in
from ..ddl.meaning import spelling
from ..ddl.objects import IndexText
from ..ddl.objects import parse_index
from ..ddl.quoting import always_quoted
from ..ddl.table import ConstraintKind
from ..ddl.table import parse_table
from ..ddl.table import TableText
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from ..errors import RowsRefused
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.rows import row_key
from ..schema.rows import rows_where
from . import changes

_KINDS = (
    ConstraintKind.PRIMARY_KEY,
    ConstraintKind.UNIQUE,
    ConstraintKind.CHECK,
    ConstraintKind.FOREIGN_KEY,
)


@value_class
class Completed:
    """A block in which a description is complete.

    :param block: its changes.
    :param notes: what the description leaves out, in sentences.
    """

    block: list[changes.Change]
    notes: tuple[str, ...] = ()


def completed(
    db: Database, stored: StoredTable, block: list[changes.Change]
) -> Completed:
    """Complete a description, and note what it leaves out.

    ``AUTOINCREMENT``, ``WITHOUT ROWID`` and ``STRICT`` stay where it does not mention
    them. It may leave out a column that the block drops.

    :param block: the changes of a block, with the names before it.
    :raises RowsRefused: it leaves out a column that has values.
    """
    definition = next(
        (c for c in block if isinstance(c, changes.ReplaceDefinition)), None
    )
    if definition is None:
        return Completed(block)
    described = parse_table(definition.sql)
    missing = [c.name for c in stored.text.columns if not described.has_column(c.name)]
    dropped = [c.name for c in block if isinstance(c, changes.DropColumn)]
    undescribed = [c for c in missing if not any(same_name(c, d) for d in dropped)]
    for column in undescribed:
        _refuse_values(db, stored, column)
    notes = [
        f"column '{c}' of '{stored.name}' is not in copy_from" for c in undescribed
    ]
    notes += _left_out(stored, described, missing)
    complete: list[changes.Change] = []
    for change in block:
        if isinstance(change, changes.CreateIndex) and change.replace:
            complete += _index(stored, change, notes)
        elif isinstance(change, changes.DropIndex) and change.undescribed:
            notes.append(
                f"index '{change.name}' of '{stored.name}' is not in copy_from"
            )
            complete.append(change)
        elif not (
            isinstance(change, changes.DropColumn)
            and any(same_name(change.name, c) for c in missing)
        ):
            complete.append(change)
        if change is definition:
            complete += _options(stored.text, described, definition)
    return Completed(complete, tuple(f"{note}, and not restored" for note in notes))


def _refuse_values(db: Database, stored: StoredTable, column: str) -> None:
    """Refuse to lose the values of a column that is not computed."""
    if stored.text.column(column).generated is not None:
        return
    value = always_quoted(column)
    condition = f"{value} IS NOT NULL"
    rows = rows_where(db, stored.path, row_key(stored.text), condition, value)
    if rows:
        raise RowsRefused(
            f"Table '{stored.name}': copy_from leaves out column '{column}', which has"
            f" a value in {rows}",
            "Describe the column in copy_from, or drop it with"
            f" drop_column('{column}') in the block.",
            table=stored.name,
            column=column,
        )


def _left_out(
    stored: StoredTable, described: TableText, missing: list[str]
) -> cabc.Iterator[str]:
    for constraint in only_in(stored.text, described, *_KINDS):
        if constraint.column not in missing:
            yield f"{describe(constraint)} of '{stored.name}' is not in copy_from"
    for column in stored.text.columns:
        if column.name in missing:
            continue
        new = described.column(column.name)
        if column.collation and not new.collation:
            yield (
                f"COLLATE {column.collation} of '{stored.name}.{column.name}' is not in"
                " copy_from"
            )
        if column.default is not None and new.default is None:
            yield (
                f"DEFAULT {column.default} of '{stored.name}.{column.name}' is not in"
                " copy_from"
            )


def _index(
    stored: StoredTable, change: changes.CreateIndex, notes: list[str]
) -> cabc.Iterator[changes.Change]:
    """Replace an index unless the description has the same one."""
    present = next((i for i in stored.indexes if same_name(i.name, change.name)), None)
    if present is None:
        yield change
    elif _gist(present) != _gist(parse_index(change.sql)):
        notes.append(
            f"index '{present.name}' of '{stored.name}' is another one in copy_from"
        )
        yield changes.DropIndex(present.name)
        yield change


def _gist(index: IndexText) -> tuple[object, ...]:
    terms = tuple(
        (
            spelling(term.column or term.text),
            upper(term.collation or ""),
            term.order == "DESC",
        )
        for term in index.terms
    )
    return (index.unique, terms, spelling(index.where or ""))


def _options(
    before: TableText, described: TableText, definition: changes.ReplaceDefinition
) -> cabc.Iterator[changes.Change]:
    """Keep the options of the table that the description does not set."""
    unset = {"strict", "without_rowid", "autoincrement"} - definition.options
    options = changes.SetOptions(
        strict=True if "strict" in unset and before.strict else None,
        without_rowid=(
            True if "without_rowid" in unset and before.without_rowid else None
        ),
        autoincrement=(
            True
            if "autoincrement" in unset
            and before.autoincrement
            and described.rowid_alias is not None
            else None
        ),
    )
    if options != changes.SetOptions():
        yield options
