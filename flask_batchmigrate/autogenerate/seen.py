"""Records what Alembic's own comparison saw of the columns of a table."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import typing as t

from alembic.operations import ops

from ..sqlite.ddl.tokens import same_name

#: Tells whether the user's filters let a difference through: the object, its name,
#: its type, whether it is in the database, and its counterpart.
Filter = cabc.Callable[[t.Any, str | None, str, bool, t.Any], bool]


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What Alembic's comparison saw of the columns of one table.

    :param operations: its operations.
    :param compare_type: the option of this name: False for no comparison of types, a
        function of the user's for one that decides alone.
    :param compare_default: ``compare_server_default``, which works like it.
    :param wanted: the user's filters.
    """

    operations: cabc.Sequence[ops.MigrateOperation]
    compare_type: t.Any
    compare_default: t.Any
    wanted: Filter

    def alteration(self, column: str) -> ops.AlterColumnOp | None:
        """Return its alteration of a column."""
        for each in self.operations:
            if isinstance(each, ops.AlterColumnOp) and same_name(
                each.column_name, column
            ):
                return each
        return None

    def of(self, kind: type[t.Any]) -> list[t.Any]:
        """Return its operations of one class."""
        return [each for each in self.operations if isinstance(each, kind)]
