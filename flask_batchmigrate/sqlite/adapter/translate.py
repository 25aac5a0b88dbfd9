"""Turns SQLAlchemy's schema objects into the engine's changes.

SQLAlchemy's own compiler writes the text, so a column of a migration looks like one of
``create_all()``.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

import sqlalchemy as sa
from sqlalchemy.schema import conv
from sqlalchemy.sql import ddl
from sqlalchemy.sql import sqltypes

from ...value_classes import value_class
from ..ddl.table import ConstraintKind
from ..ddl.table import parse_column
from ..ddl.tokens import quote
from ..errors import ChangeRefused
from ..target import changes
from .type_copies import copied_plainly

_KINDS: t.Final = (
    (sa.ForeignKeyConstraint, ConstraintKind.FOREIGN_KEY),
    (sa.PrimaryKeyConstraint, ConstraintKind.PRIMARY_KEY),
    (sa.UniqueConstraint, ConstraintKind.UNIQUE),
    (sa.CheckConstraint, ConstraintKind.CHECK),
)
_ENUMERATED = (sqltypes.Boolean, sqltypes.Enum)


@value_class
class Translator:
    """Writes SQLAlchemy objects as SQLite text.

    :param dialect: the dialect of the connection.
    """

    dialect: sa.Dialect

    @property
    def _compiler(self) -> t.Any:
        return self.dialect.ddl_compiler(self.dialect, t.cast(t.Any, None))

    def column(self, column: sa.Column[t.Any]) -> str:
        """Write the definition of a column, with the constraints that are part of it.

        In SQLAlchemy, keys, foreign keys and the checks of types belong to the table.
        """
        specification = self._compiler.get_column_specification(_in_a_table(column))
        # A set has no order, and a script has to make the same text each time.
        own = sorted(filter(None, map(self.constraint, column.constraints)))
        return " ".join((str(specification), *own))

    def constraint(self, constraint: sa.Constraint) -> str | None:
        """Write a constraint as one of the table.

        :return: its text, or ``None`` where SQLite has no such constraint.
        """
        text = self._compiler.process(constraint)
        return str(text) if text else None

    def index(self, index: sa.Index) -> str:
        """Write a ``CREATE INDEX`` statement, without its schema."""
        text = str(ddl.CreateIndex(index).compile(dialect=self.dialect))
        schema = None if index.table is None else index.table.schema
        if schema is None:
            return text
        # SQLAlchemy writes the schema before the name of the index, and nowhere else.
        prefix = self.dialect.identifier_preparer.quote_schema(schema)
        return text.replace(f"{prefix}.", "", 1)

    def table(self, table: sa.Table) -> str:
        """Write a ``CREATE TABLE`` statement, without its schema."""
        names = table.metadata.naming_convention
        metadata = sa.MetaData(naming_convention=names)
        with copied_plainly(table):
            plain = table.to_metadata(metadata, schema=t.cast(t.Any, None))
        add_missing_parents(plain)
        for constraint in [c for c in plain.constraints if c.name is not None]:
            try:
                self.dialect.identifier_preparer.format_constraint(constraint)
            except sa.exc.InvalidRequestError:
                # The convention builds on the name of the Boolean or Enum that makes
                # the check, which has none. So the stored check has no name either.
                constraint.name = None
        return str(ddl.CreateTable(plain).compile(dialect=self.dialect)).strip()

    def type(self, type_: sa.types.TypeEngine[t.Any]) -> str:
        """Write a type, with ``COLLATE`` where it has a collation."""
        parsed = parse_column(self.column(sa.Column("x", type_)))
        if parsed.collation is None:
            return parsed.type
        return f"{parsed.type} COLLATE {quote(parsed.collation)}"

    def default(self, value: t.Any) -> str | None:
        """Write the value of ``DEFAULT``; ``None`` where there is no default.

        :raises ChangeRefused: the value cannot be a default in SQLite.
        """
        if value is None:
            return None
        if isinstance(value, (sa.Computed, sa.Identity)):
            raise ChangeRefused(
                "A column of SQLite cannot be turned into a generated or identity"
                " column by its default",
                "add a new column and drop the old one",
            )
        if isinstance(value, sa.DefaultClause):
            value = value.arg
        column = sa.Column("x", sa.Integer(), server_default=value)
        return parse_column(self.column(column)).default

    def python_default(self, column: sa.Column[t.Any]) -> str | None:
        """Write the plain value of a column's ``default`` as SQL, if it has one."""
        default = t.cast(t.Any, column.default)
        if default is None or column.server_default is not None:
            return None
        if not default.is_scalar:
            return None
        value = sa.literal(default.arg, column.type)
        try:
            text = value.compile(
                dialect=self.dialect, compile_kwargs={"literal_binds": True}
            )
        except (sa.exc.CompileError, NotImplementedError):
            # SQL has no literal for a value of this type.
            return None
        return str(text)

    def type_bound_checks(
        self,
        name: str,
        type_: sa.types.TypeEngine[t.Any],
        table: str,
        convention: cabc.Mapping[t.Any, t.Any] | None = None,
    ) -> list[str]:
        """Write the CHECK constraints that a Boolean or Enum would make.

        :param convention: the naming convention of the block.
        """
        if not isinstance(type_, _ENUMERATED):
            return []
        try:
            return self._type_bound_checks(name, type_, table, convention)
        except sa.exc.InvalidRequestError:
            # The convention builds on the name of the type, which has none.
            return self._type_bound_checks(name, type_, table, None)

    def _type_bound_checks(
        self,
        name: str,
        type_: sa.types.TypeEngine[t.Any],
        table: str,
        convention: cabc.Mapping[t.Any, t.Any] | None,
    ) -> list[str]:
        copied = t.cast(t.Any, type_).copy()
        copied.create_constraint = True
        column = sa.Column(name, copied)
        metadata = sa.MetaData(naming_convention=t.cast(t.Any, convention))
        made = sa.Table(table, metadata, column)
        checks = [c for c in made.constraints if isinstance(c, sa.CheckConstraint)]
        return [text for c in checks if (text := self.constraint(c))]


def add_missing_parents(table: sa.Table) -> None:
    """Add the tables that foreign keys refer to, since the compiler looks at them.

    A parent may exist and lack the column, for instance if it is the table itself.
    """
    for key in list(table.foreign_keys):
        parent, _, column = key.target_fullname.rpartition(".")
        schema, _, name = parent.rpartition(".")
        stub = sa.Table(name, table.metadata, schema=schema or None)
        if column not in stub.columns:
            stub.append_column(sa.Column(column, sqltypes.NullType()))


def _in_a_table(column: sa.Column[t.Any]) -> sa.Column[t.Any]:
    """Return the column, in a new table if it is in none."""
    if getattr(column, "table", None) is None:
        sa.Table("x", sa.MetaData(), column)
    return column


def add_column(
    translator: Translator,
    column: sa.Column[t.Any],
    before: str | None = None,
    after: str | None = None,
    if_not_exists: bool = False,
    fills: bool = False,
) -> changes.AddColumn:
    """Return the change that adds a column, without its constraints.

    :param fills: whether existing rows get the column's ``default``, if that is a plain
        value and there is no ``server_default``.
    """
    fill = translator.python_default(column) if fills else None
    return changes.AddColumn(
        str(column.name), translator.column(column), before, after, if_not_exists, fill
    )


def inline_constraints(
    translator: Translator, column: sa.Column[t.Any], references: bool, primary: bool
) -> cabc.Iterator[changes.Change]:
    """Return the changes that add the constraints inside a new column.

    :param references: whether its foreign key is part of the column.
    :param primary: whether the column becomes the primary key of a table that has
        another one.
    """
    if references:
        for key in column.foreign_keys:
            text = key.constraint and translator.constraint(key.constraint)
            if text:
                yield changes.AddConstraint(text)
    if column.primary_key:
        name = translator.dialect.identifier_preparer.quote(str(column.name))
        yield changes.AddConstraint(f"PRIMARY KEY ({name})", if_only=not primary)


def alter_column(
    translator: Translator,
    name: str,
    *,
    nullable: bool | None = None,
    server_default: t.Any = False,
    new_name: str | None = None,
    type_: sa.types.TypeEngine[t.Any] | None = None,
    existing: sa.types.TypeEngine[t.Any] | None = None,
    using: str | None = None,
    keep_misfits: bool = False,
) -> cabc.Iterator[changes.Change]:
    """Return the changes of one ``alter_column``.

    :param existing: the type that the column has, by what the script says.
    :param using: an SQL expression that converts the stored value.
    :param keep_misfits: leave values that the new type cannot hold as they are.
    """
    if type_ is not None:
        order = " COLLATE BINARY" if _loses_order(translator, type_, existing) else ""
        yield changes.SetType(
            name,
            translator.type(type_) + order,
            using,
            keep_misfits,
            members(type_),
            None if existing is None else members(existing),
        )
    if nullable is not None:
        yield changes.SetNotNull(name, not nullable)
    if server_default is not False:
        yield changes.SetDefault(name, translator.default(server_default))
    if new_name is not None and new_name != name:
        yield changes.RenameColumn(name, str(new_name))


def _loses_order(translator: Translator, type_: t.Any, existing: t.Any) -> bool:
    """Tell whether a change of type takes a collation away.

    A script that says the collation of a text, and that it becomes something else, has
    said that it goes. A text without a collation leaves the column's own in place.
    """
    type_ = sqltypes.to_instance(type_)
    is_text = isinstance(type_, sa.String) and not isinstance(type_, sa.Enum)
    if is_text or getattr(existing, "collation", None) is None:
        return False
    return parse_column(f"x {translator.type(type_)}").collation is None


def members(type_: t.Any) -> tuple[str, ...] | None:
    """Return the members of an Enum; ``None`` for any other type."""
    type_ = sqltypes.to_instance(type_)
    if not isinstance(type_, sa.Enum):
        return None
    return tuple(str(member) for member in type_.enums)


def drop_constraint(
    translator: Translator, constraint: sa.Constraint, if_exists: bool = False
) -> changes.DropConstraint:
    """Return the change that drops a constraint."""
    kind = constraint_kind(constraint)
    name = None if _is_made_up(constraint) else str(constraint.name)
    if getattr(constraint, "_type_bound", False):
        # Alembic sends it with a change of type, whether or not the table has the
        # check: since SQLAlchemy 1.4, a Boolean makes none by itself.
        return changes.DropConstraint(
            None, kind, None, translator.constraint(constraint), if_exists=True
        )
    return changes.DropConstraint(name, kind, if_exists=if_exists)


def _is_made_up(constraint: sa.Constraint) -> bool:
    """Tell whether a constraint has no name of the script.

    A naming convention then gives it the name of a constraint without columns.
    """
    name, table = constraint.name, getattr(constraint, "parent", None)
    if not isinstance(name, str):
        return True
    if not isinstance(name, conv) or not isinstance(table, sa.Table):
        return False
    names = t.cast(t.Any, table.metadata.naming_convention)
    bare: sa.Constraint
    if isinstance(constraint, sa.ForeignKeyConstraint):
        bare = sa.ForeignKeyConstraint([], [])
    elif isinstance(constraint, sa.UniqueConstraint):
        bare = sa.UniqueConstraint()
    else:
        return False
    # A convention may use the first column. There is none, so it gave no name.
    with contextlib.suppress(sa.exc.InvalidRequestError, IndexError, KeyError):
        sa.Table(table.name, sa.MetaData(naming_convention=names), bare)
        return bare.name == name
    return False


def constraint_kind(constraint: sa.Constraint) -> ConstraintKind | None:
    """Return the kind of a constraint; ``None`` where it may be any."""
    for type_, kind in _KINDS:
        if isinstance(constraint, type_):
            return kind
    return None
