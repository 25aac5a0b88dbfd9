"""Renders the removal of a constraint without a name, which SQLite allows here."""

from __future__ import annotations

import copy
import typing as t

from alembic.autogenerate import renderers
from alembic.operations import ops

_PLACEHOLDER: t.Final = "a constraint without a name"
_NOTE: t.Final = (
    "# No name: on SQLite, the only one that fits is dropped. PostgreSQL and MySQL",
    "# need a name: give the metadata a naming convention.",
)


class UnnamedDrop(ops.MigrateOperation):
    """The removal of a constraint without a name, from a table on SQLite.

    :param drop: what Alembic made of it, and would render as about to fail.
    """

    def __init__(self, drop: ops.DropConstraintOp) -> None:
        self.drop = drop

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that it comes from."""
        return self.drop.to_diff_tuple()


def replace_unnamed(operations: ops.OpContainer) -> None:
    """Replace every removal of a constraint without a name, tables' own included.

    :param operations: for a SQLite database; changed in place.
    """
    for position, each in enumerate(operations.ops):
        if isinstance(each, ops.OpContainer):
            replace_unnamed(each)
        elif isinstance(each, ops.DropConstraintOp) and each.constraint_name is None:
            operations.ops[position] = UnnamedDrop(each)


@renderers.dispatch_for(UnnamedDrop)
def _render(autogen_context: t.Any, operation: UnnamedDrop) -> list[str]:
    """Render it as Alembic renders one with a name, and take the name out."""
    named = copy.copy(operation.drop)
    named.constraint_name = _PLACEHOLDER
    made = renderers.dispatch(named)(autogen_context, named)
    lines = [made] if isinstance(made, str) else list(made)
    return [*_NOTE, *(line.replace(repr(_PLACEHOLDER), "None") for line in lines)]
