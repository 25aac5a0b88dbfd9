"""Reads the definition of a SQLite table, as the database or the models have it.

The SQLite engine parses both from SQL text, so that they can be compared.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import functools
import typing as t
import warnings

import sqlalchemy as sa
from sqlalchemy.sql import ddl

from ...sqlite.adapter.translate import Translator
from ...sqlite.ddl.objects import IndexText
from ...sqlite.ddl.objects import parse_index
from ...sqlite.ddl.table import ConstraintKind
from ...sqlite.ddl.table import ConstraintText
from ...sqlite.ddl.table import parse_table
from ...sqlite.ddl.table import TableText
from ...sqlite.ddl.tokens import same_name
from ...sqlite.ddl.tokens import upper
from ...sqlite.schema.catalogue import Catalogue
from ...sqlite.schema.catalogue import read_table
from ...sqlite.schema.catalogue import StoredTable
from ...value_classes import value_class
from ..script.operations import plain_text
from . import type_checks

_CONSTRAINTS: t.Final = (
    ConstraintKind.UNIQUE,
    ConstraintKind.CHECK,
    ConstraintKind.FOREIGN_KEY,
)


#: Types that SQLAlchemy writes on SQLite, but takes for others when it reads them.
_NOT_REFLECTED: t.Final[dict[str, type[sa.types.TypeEngine[t.Any]]]] = {
    "BINARY": sa.BINARY,
    "CLOB": sa.CLOB,
    "DOUBLE PRECISION": sa.DOUBLE_PRECISION,
    "UUID": sa.UUID,
    "VARBINARY": sa.VARBINARY,
}


@value_class
class Definition:
    """The definition of a table and its indexes.

    :param text: the parsed text of the table.
    :param indexes: the parsed texts of its indexes.
    :param schema: its schema, as SQLAlchemy names it.
    :param columns: makes SQLAlchemy's objects for its columns.
    :param keys: finds the primary key of a table that a foreign key refers to.
    :param translator: writes SQLAlchemy's objects as text.
    :param model: the table of the models, if the definition comes from them.
    """

    text: TableText
    indexes: tuple[IndexText, ...]
    schema: str | None
    columns: cabc.Callable[[], cabc.Sequence[sa.Column[t.Any]]]
    keys: cabc.Callable[[str], tuple[str, ...]]
    translator: Translator
    model: sa.Table | None = None

    @property
    def name(self) -> str:
        """The table's name."""
        return self.text.name

    @functools.cached_property
    def constraints(self) -> tuple[ConstraintText, ...]:
        """Its UNIQUE, CHECK and foreign keys, with all columns that keys refer to.

        A name that several of them have is none.
        """
        return _apart(tuple(map(self._complete, self.text.of_kind(*_CONSTRAINTS))))

    @functools.cached_property
    def primary_key(self) -> ConstraintText | None:
        """Its primary key."""
        constraints = self.text.of_kind(ConstraintKind.PRIMARY_KEY)
        return constraints[0] if constraints else None

    @functools.cached_property
    def checks_of_types(self) -> tuple[tuple[str, ConstraintText], ...]:
        """The checks that the types of the models make, with their columns."""
        if self.model is None:
            return ()
        return tuple(type_checks.checks_of_types(self.model, self.translator))

    @property
    def options(self) -> dict[str, bool]:
        """Its options, as ``table_kwargs`` of ``batch_alter_table`` takes them."""
        return {
            "sqlite_strict": self.text.strict,
            "sqlite_with_rowid": not self.text.without_rowid,
            "sqlite_autoincrement": self.text.autoincrement,
        }

    def column(self, name: str) -> sa.Column[t.Any]:
        """Return SQLAlchemy's object for a column."""
        return self._columns[upper(name)]

    @functools.cached_property
    def _columns(self) -> dict[str, sa.Column[t.Any]]:
        return {upper(str(column.name)): column for column in self.columns()}

    def _complete(self, constraint: ConstraintText) -> ConstraintText:
        key = constraint.references
        if key is None or key.columns:
            return constraint
        columns = self.keys(key.table) or constraint.columns
        completed = dataclasses.replace(key, columns=columns)
        return dataclasses.replace(constraint, references=completed)


def _apart(constraints: tuple[ConstraintText, ...]) -> tuple[ConstraintText, ...]:
    """Return constraints without the names that do not tell them apart.

    SQLite lets several constraints of a table have one name, and a naming convention
    gives them one that says their first column only. The checks of types are left as
    they are, since scripts name them by the type.
    """
    names = [upper(each.name) for each in constraints if each.name is not None]
    if len(set(names)) == len(names):
        return constraints
    return tuple(
        dataclasses.replace(each, name=None)
        if names.count(upper(each.name or "")) > 1 and type_checks.values(each) is None
        else each
        for each in constraints
    )


def of_model(table: sa.Table, dialect: sa.Dialect, models: Models) -> Definition:
    """Return the definition that ``create_all()`` gives a table of the models.

    :raises SqlTextError: SQLAlchemy's text is not understood.
    :raises sqlalchemy.exc.CompileError: SQLite does not have what the table is made of.
    """
    translator = Translator(dialect)
    text = parse_table(_create_table(table, dialect))
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    return Definition(
        text,
        tuple(parse_index(translator.index(index)) for index in indexes),
        table.schema,
        lambda: list(table.columns),
        models.primary_key,
        translator,
        table,
    )


def _create_table(table: sa.Table, dialect: sa.Dialect) -> str:
    """Return the statement as SQLite stores it, which is without the schema."""
    text = str(ddl.CreateTable(table).compile(dialect=dialect)).strip()
    if table.schema is None:
        return text
    prefix = dialect.identifier_preparer.quote_schema(table.schema)
    return text.replace(f"{prefix}.", "", 1)


class Models:
    """The tables of the models of one database.

    :param tables: all tables.
    """

    def __init__(self, tables: cabc.Iterable[sa.Table]) -> None:
        self.tables = {(table.schema, str(table.name)): table for table in tables}

    def primary_key(self, table: str) -> tuple[str, ...]:
        """Return the primary key of the table of this name."""
        for (_, name), model in self.tables.items():
            if same_name(name, table):
                return tuple(str(column.name) for column in model.primary_key)
        return ()


def of_database(
    catalogue: Catalogue, name: str, schema: str | None, inspector: sa.Inspector
) -> Definition:
    """Return the definition of a table as the database stores it.

    :param inspector: reflects the types of its columns when they are needed.
    :raises ChangeRefused: the table is virtual, or does not exist.
    :raises SqlTextError: its text, or that of an index, is not understood.
    """
    stored = read_table(catalogue, name)

    def key_of(table: str) -> tuple[str, ...]:
        if catalogue.table(table) is None:
            return ()
        return read_table(catalogue, table).text.primary_key

    return Definition(
        stored.text,
        stored.indexes,
        schema,
        lambda: _stored_columns(stored, schema, inspector),
        key_of,
        Translator(inspector.dialect),
    )


def _stored_columns(
    stored: StoredTable, schema: str | None, inspector: sa.Inspector
) -> list[sa.Column[t.Any]]:
    with warnings.catch_warnings():
        # SQLAlchemy takes a type that it does not know for the one of its affinity.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        reflected = inspector.get_columns(stored.name, schema=schema)
    types = {upper(str(info["name"])): info["type"] for info in reflected}
    return [
        _stored_column(stored.text, each.name, types.get(upper(each.name)))
        for each in stored.text.columns
    ]


def _stored_column(
    text: TableText, name: str, type_: sa.types.TypeEngine[t.Any] | None
) -> sa.Column[t.Any]:
    column = text.column(name)
    type_ = _as_written(column.type) or type_
    if type_ is None or isinstance(type_, sa.types.NullType):
        # The affinity of a column without a type:
        # https://www.sqlite.org/datatype3.html
        type_ = sa.BLOB()
    if column.collation is not None and isinstance(type_, sa.String):
        type_.collation = column.collation
    default: sa.Computed | sa.TextClause | None = None
    if column.generated is not None:
        default = sa.Computed(
            plain_text(column.generated.expression or ""),
            persisted=column.generated.stored,
        )
    elif column.default is not None:
        truth = isinstance(type_, sa.Boolean)
        # Every database has these words for the numbers that SQLite stores.
        words = {"0": "false", "1": "true"} if truth else {}
        default = plain_text(words.get(column.default, column.default))
    options: dict[str, t.Any] = {"nullable": not column.not_null}
    options |= _conflicts(text, column.name)
    if isinstance(default, sa.Computed):
        return sa.Column(column.name, type_, default, **options)
    return sa.Column(column.name, type_, server_default=default, **options)


def _as_written(text: str) -> sa.types.TypeEngine[t.Any] | None:
    """Return the type of SQLAlchemy for a stored one that SQLAlchemy does not know."""
    name, _, rest = text.upper().partition("(")
    kind: t.Any = _NOT_REFLECTED.get(" ".join(name.split()))
    length = rest.removesuffix(")").strip()
    if kind is None or not length.isdigit():
        return kind() if kind is not None and not rest else None
    return t.cast("sa.types.TypeEngine[t.Any]", kind(int(length)))


def _conflicts(text: TableText, column: str) -> dict[str, str]:
    """Return the options of a column that say what its constraints do on a conflict.

    That of a UNIQUE is an option of the constraint.
    """
    options = {}
    for kind, name in (
        (ConstraintKind.NOT_NULL, "sqlite_on_conflict_not_null"),
        (ConstraintKind.PRIMARY_KEY, "sqlite_on_conflict_primary_key"),
    ):
        for constraint in text.of_kind(kind):
            alone = [upper(each) for each in constraint.columns] == [upper(column)]
            if alone and constraint.conflict is not None:
                options[name] = constraint.conflict
    return options
