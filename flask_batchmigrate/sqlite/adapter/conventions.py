"""Works out the names that constraints without a stored name would have.

A script names the constraint that it drops. On SQLite the stored constraint may have no
name: the one in the script is that of a naming convention, or of another database.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

import sqlalchemy as sa
from sqlalchemy.sql import sqltypes

from ...value_classes import value_class
from ..ddl.table import ConstraintKind
from ..ddl.table import ConstraintText

_POSTGRESQL_SUFFIX: t.Final = {
    ConstraintKind.PRIMARY_KEY: "pkey",
    ConstraintKind.UNIQUE: "key",
    ConstraintKind.FOREIGN_KEY: "fkey",
    ConstraintKind.CHECK: "check",
}
#: The names that generated scripts give. ``create_all()`` gives none, so a database
#: that was made by it, and stamped, does not have them.
_GENERATED: t.Final = {
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


@value_class
class Conventions:
    """The naming conventions of a run, and the names that are usual without one.

    :param conventions: as SQLAlchemy's ``MetaData(naming_convention=...)`` takes them:
        https://docs.sqlalchemy.org/en/20/core/constraints.html#constraint-naming-conventions
    :param postgresql: whether the names count that PostgreSQL would make up, and those
        that generated scripts give.
    """

    conventions: tuple[cabc.Mapping[t.Any, t.Any], ...] = ()
    postgresql: bool = True

    def names(self, table: str, constraint: ConstraintText) -> list[str]:
        """Return the names that a constraint would have.

        For a constraint with a name, they are what the conventions make of that name.

        :param table: its table.
        """
        uses_default = self.postgresql and not constraint.name
        names = _postgresql_names(table, constraint) if uses_default else []
        usual = (_GENERATED,) if uses_default else ()
        for convention in (*self.conventions, *usual):
            # A convention may use what this constraint does not have: a name, a first
            # column, or the table it refers to.
            with contextlib.suppress(sa.exc.InvalidRequestError, IndexError, KeyError):
                name = _conventional_name(convention, table, constraint)
                if name is not None:
                    names.append(name)
        return names


def _postgresql_names(table: str, constraint: ConstraintText) -> list[str]:
    """Return the names that PostgreSQL would give a constraint without a name.

    A CHECK of the table is named for its column where it mentions only one. The shorter
    name fits as well, which older scripts have.
    """
    suffix = _POSTGRESQL_SUFFIX[constraint.kind]
    if constraint.kind is ConstraintKind.PRIMARY_KEY:
        return [f"{table}_{suffix}"]
    names = ["_".join((table, *constraint.columns, suffix))]
    if constraint.kind is ConstraintKind.CHECK and constraint.column is None:
        # Names are compared without regard to case.
        mentioned = [name.lower() for name in constraint.names]
        if len(mentioned) == 1:
            names.append(f"{table}_{mentioned[0]}_{suffix}")
    return names


def _conventional_name(
    convention: cabc.Mapping[t.Any, t.Any], table: str, constraint: ConstraintText
) -> str | None:
    """Let SQLAlchemy name a constraint."""
    model = _model(constraint)
    if model is None:
        return None
    model.name = constraint.name
    metadata = sa.MetaData(naming_convention=t.cast(t.Any, convention))
    names = dict.fromkeys(constraint.columns)
    columns = [sa.Column(name, sqltypes.NullType()) for name in names]
    sa.Table(table, metadata, *columns, model)
    name = model.name
    return str(name) if isinstance(name, str) and name else None


def _model(constraint: ConstraintText) -> sa.Constraint | None:
    """Make SQLAlchemy's object for a constraint."""
    columns = constraint.columns
    if constraint.kind is ConstraintKind.UNIQUE:
        return sa.UniqueConstraint(*columns)
    if constraint.kind is ConstraintKind.PRIMARY_KEY:
        return sa.PrimaryKeyConstraint(*columns)
    if constraint.kind is ConstraintKind.CHECK:
        return sa.CheckConstraint(sa.text(constraint.expression or ""))
    parent = constraint.references
    if parent is None:
        return None
    # Without columns the parent's primary key is meant, whose name is not known.
    targets = parent.columns or columns
    return sa.ForeignKeyConstraint(columns, [f"{parent.table}.{c}" for c in targets])
