"""Writes types as Alembic does, for operations that Alembic does not write."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops
from sqlalchemy.sql.elements import conv


def type_text(autogen_context: t.Any, type_: sa.types.TypeEngine[t.Any]) -> str:
    """Return the text of a type, as Alembic writes it in a column of a script.

    Alembic has a public function for a whole operation only, not for a type.
    """
    column: sa.Column[t.Any] = sa.Column("x", type_)
    operation = ops.AddColumnOp("x", column)
    text = str(renderers.dispatch(operation)(autogen_context, operation))
    start = text.index("Column('x', ") + len("Column('x', ")
    return text[start : text.rindex(", nullable=")].strip()


def final_check_name(type_: t.Any, autogen_context: t.Any) -> str | t.Literal[False]:
    """Return the text of a type whose check has a name that no convention may change.

    The metadata may have another naming convention when the script is run, or none when
    it is written and one later; what the script makes must not depend on that.

    :return: False for any other type, which Alembic writes correctly.
    """
    if not isinstance(type_, (sa.Boolean, sa.Enum)) or not type_.create_constraint:
        return False
    name = type_.name
    is_final = isinstance(name, conv) or not _renames_checks(autogen_context.metadata)
    if name is None or not is_final:
        return False
    sqlalchemy = autogen_context.opts["sqlalchemy_module_prefix"] or ""
    alembic = autogen_context.opts["alembic_module_prefix"] or ""
    text, argument = f"{sqlalchemy}{type_!r}", f"name={str(name)!r}"
    return text.replace(argument, f"name={alembic}f({str(name)!r})")


def _renames_checks(metadata: t.Any) -> bool:
    """Tell whether the naming convention of a metadata changes names of checks."""
    conventions = getattr(metadata, "naming_convention", None) or {}
    convention = conventions.get("ck", conventions.get(sa.CheckConstraint, ""))
    return "constraint_name" in convention
