"""Turns the calls that Alembic makes on its implementation into the engine's changes.

Alembic passes an operation as a method call with positional and keyword arguments: at
once or, in a batch block, in a list at its end.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa

from ..target import changes
from . import translate
from .translate import Translator


class ChangeCollector:
    """Collects the changes of one table; it has the methods that Alembic calls.

    :param translator: writes SQLAlchemy's objects as text.
    :param can_render: tells whether this dialect has a constraint that depends on the
        dialect.
    """

    def __init__(
        self, translator: Translator, can_render: cabc.Callable[[t.Any], bool]
    ) -> None:
        self.changes: list[changes.Change] = []
        #: Whether Alembic copies the table. Its copy gives existing rows a new column's
        #: ``default``, and has one constraint of each name.
        self.copies = False
        self._translator = translator
        self._can_render = can_render

    def record(
        self, name: str, args: cabc.Sequence[t.Any], kw: cabc.Mapping[str, t.Any]
    ) -> None:
        """Record one operation of Alembic's list."""
        getattr(self, name)(*args, **kw)

    def alter_column(
        self,
        table_name: str,
        column_name: str,
        *,
        nullable: bool | None = None,
        server_default: t.Any = False,
        name: str | None = None,
        type_: sa.types.TypeEngine[t.Any] | None = None,
        existing_type: sa.types.TypeEngine[t.Any] | None = None,
        sqlite_using: str | None = None,
        sqlite_keep_values: bool = False,
        **_: t.Any,
    ) -> None:
        """Record a change of a column.

        :param sqlite_using: an SQL expression that converts the stored value.
        :param sqlite_keep_values: leave values that the new type cannot hold as they
            are.
        """
        self.changes += translate.alter_column(
            self._translator,
            column_name,
            nullable=nullable,
            server_default=server_default,
            new_name=name,
            type_=type_,
            existing=existing_type,
            using=sqlite_using,
            keep_misfits=sqlite_keep_values,
        )

    def add_column(
        self,
        table_name: str,
        column: sa.Column[t.Any],
        *,
        if_not_exists: bool | None = None,
        inline_references: bool | None = None,
        inline_primary_key: bool | None = None,
        insert_before: str | None = None,
        insert_after: str | None = None,
        **_: t.Any,
    ) -> None:
        """Record a new column."""
        self.changes.append(
            translate.add_column(
                self._translator,
                column,
                insert_before,
                insert_after,
                bool(if_not_exists),
                self.copies,
            )
        )
        self.changes += translate.inline_constraints(
            self._translator, column, bool(inline_references), bool(inline_primary_key)
        )

    def drop_column(
        self,
        table_name: str,
        column: sa.Column[t.Any],
        *,
        if_exists: bool | None = None,
        **_: t.Any,
    ) -> None:
        """Record the removal of a column."""
        self.changes.append(changes.DropColumn(str(column.name), bool(if_exists)))

    def add_constraint(self, const: sa.Constraint, **_: t.Any) -> None:
        """Record a new constraint."""
        if not self._can_render(const):
            return
        text = self._translator.constraint(const)
        if text is not None:
            of_type = bool(getattr(const, "_type_bound", False))
            change = changes.AddConstraint(
                text, of_type=of_type, replaces=self.copies and not of_type
            )
            last = self.changes[-1] if self.changes else None
            if of_type and isinstance(last, changes.RenameColumn):
                # Alembic writes the check of a type after the column's new name, with
                # the old one, which another column may have by then.
                self.changes.insert(-1, change)
            else:
                self.changes.append(change)

    def drop_constraint(
        self, const: sa.Constraint, *, if_exists: bool | None = None, **_: t.Any
    ) -> None:
        """Record the removal of a constraint."""
        self.changes.append(
            translate.drop_constraint(self._translator, const, bool(if_exists))
        )

    def create_index(
        self, index: sa.Index, *, if_not_exists: bool | None = None, **_: t.Any
    ) -> None:
        """Record a new index."""
        self.changes.append(
            changes.CreateIndex(
                str(index.name), self._translator.index(index), bool(if_not_exists)
            )
        )

    def drop_index(
        self, index: sa.Index, *, if_exists: bool | None = None, **_: t.Any
    ) -> None:
        """Record the removal of an index."""
        self.changes.append(changes.DropIndex(str(index.name), bool(if_exists)))

    def rename_table(self, old_name: str, new_name: str, **_: t.Any) -> None:
        """Record a new name of the table."""
        self.changes.append(changes.RenameTable(str(new_name)))

    def create_table_comment(self, table: sa.Table) -> None:
        """Record nothing: SQLite stores no comments."""

    def drop_table_comment(self, table: sa.Table) -> None:
        """Record nothing: SQLite stores no comments."""

    def create_column_comment(self, column: sa.Column[t.Any]) -> None:
        """Record nothing: SQLite stores no comments."""
