"""Holds the operations that Alembic's own comparison found for a table."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from alembic.operations import ops

from ...sqlite.ddl.tokens import same_name
from ...value_classes import value_class

#: Tells whether the user's filters let a difference through: the object, its name,
#: its type, whether it is in the database, and its counterpart.
Filter = cabc.Callable[[t.Any, str | None, str, bool, t.Any], bool]


@value_class
class AlembicFindings:
    """The operations that Alembic's comparison found for one table.

    :param operations: the operations.
    :param compare_type: Alembic's option of this name: False for no comparison of
        types, or a function of the user's that decides alone.
    :param compare_default: Alembic's ``compare_server_default``, which works alike.
    :param wanted: the user's filters.
    """

    operations: cabc.Sequence[ops.MigrateOperation]
    compare_type: t.Any
    compare_default: t.Any
    wanted: Filter

    def alteration(self, column: str) -> ops.AlterColumnOp | None:
        """Return the operation that alters a column, or None."""
        for operation in self.operations:
            if isinstance(operation, ops.AlterColumnOp) and same_name(
                operation.column_name, column
            ):
                return operation
        return None

    def of(self, kind: type[t.Any]) -> list[t.Any]:
        """Return the operations of one class."""
        return [each for each in self.operations if isinstance(each, kind)]
