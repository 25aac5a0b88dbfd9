"""Random models with whatever PostgreSQL and MariaDB have in common, and what not.

Each part of a table says on which servers it can be had; what cannot be had is left
out, so that one strategy does for both.
"""

from __future__ import annotations

import dataclasses
import typing as t

import sqlalchemy as sa
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

from .changes import Define

_Made: t.TypeAlias = t.Callable[[str, str], sa.types.TypeEngine[t.Any]]

#: Types by name, each made for a table and column.
TYPES: dict[str, _Made] = {
    "int": lambda *_: sa.Integer(),
    "small": lambda *_: sa.SmallInteger(),
    "big": lambda *_: sa.BigInteger(),
    "short": lambda *_: sa.String(20),
    "long": lambda *_: sa.String(80),
    "text": lambda *_: sa.Text(),
    "number": lambda *_: sa.Numeric(10, 2),
    "precise": lambda *_: sa.Numeric(14, 4),
    "float": lambda *_: sa.Float(),
    "double": lambda *_: sa.Float(53),
    "flag": lambda *_: sa.Boolean(),
    "day": lambda *_: sa.Date(),
    "time": lambda *_: sa.Time(),
    "moment": lambda *_: sa.DateTime(),
    "zoned": lambda *_: sa.DateTime(timezone=True),
    "span": lambda *_: sa.Interval(),
    "bytes": lambda *_: sa.LargeBinary(),
    "uuid": lambda *_: sa.Uuid(),
    "json": lambda *_: sa.JSON(),
    "mood": lambda table, name: sa.Enum("a", "b", name=f"mood_{table}_{name}"),
    "moods": lambda table, name: sa.Enum("a", "b", "c", name=f"mood_{table}_{name}"),
    "shared": lambda *_: sa.Enum("x", "y", name="shared"),
    "word": lambda *_: sa.Enum("a", "b", native_enum=False, length=20),
    "checked": lambda table, name: sa.Enum(
        "a", "b", native_enum=False, create_constraint=True, name=f"word_{table}_{name}"
    ),
}
_POSTGRESQL: dict[str, _Made] = {
    "jsonb": lambda *_: postgresql.JSONB(),
    "ints": lambda *_: postgresql.ARRAY(sa.Integer),
    "texts": lambda *_: postgresql.ARRAY(sa.String(10)),
}
_MARIADB: dict[str, _Made] = {
    "unsigned": lambda *_: mysql.INTEGER(unsigned=True),
    "exact moment": lambda *_: mysql.DATETIME(fsp=6),
    "longtext": lambda *_: mysql.LONGTEXT(),
}
OWN: dict[str, dict[str, _Made]] = {
    "postgresql": {**TYPES, **_POSTGRESQL},
    "mariadb": {**TYPES, **_MARIADB},
}
NUMBERS = ("int", "small", "big", "number", "precise")
WORDS = ("short", "long")
#: What can be in a B-tree without further words, on both servers.
SORTED = (*NUMBERS, *WORDS, "day", "time", "moment", "zoned", "flag", "uuid")
DEFAULTS = {
    **dict.fromkeys([*NUMBERS, "unsigned", "float", "double"], "7"),
    **dict.fromkeys([*WORDS, "word"], "'a'"),
    **dict.fromkeys(["mood", "moods", "checked"], "'b'"),
    "shared": "'y'",
    "flag": "true",
    "day": "'2024-02-29'",
    "moment": "CURRENT_TIMESTAMP",
    "zoned": "'2024-02-29 10:00:00'",
    "jsonb": "'{}'",
    "ints": "'{}'",
}
ACTIONS = (None, "CASCADE", "SET NULL", "RESTRICT", "NO ACTION")


@dataclasses.dataclass(frozen=True)
class Column:
    """One column besides the key."""

    type: str
    nullable: bool
    default: bool
    comment: str | None
    computed: bool

    @property
    def has_default(self) -> bool:
        """Whether rows that say nothing get a value."""
        return self.default and self.type in DEFAULTS


@dataclasses.dataclass(frozen=True)
class Key:
    """A foreign key of a column of its own, or of two."""

    parent: str
    on_delete: str | None
    on_update: str | None
    deferrable: bool
    both: bool


@dataclasses.dataclass(frozen=True)
class Index:
    """An index of a column, or of two."""

    kind: str
    column: str
    other: str


@dataclasses.dataclass(frozen=True)
class Table:
    """One table."""

    columns: dict[str, Column]
    keys: dict[str, Key]
    indexes: dict[str, Index]
    identity: bool
    comment: str | None
    unique: tuple[str, ...]
    check: str | None


COMMENTS = st.sampled_from([None, None, "a word", 'it\'s 100% "so": \\ :x'])
NAMES = st.sampled_from("xyz")
TABLES = ("a", "b", "c")
COLUMN = st.builds(
    Column,
    st.sampled_from(sorted({*TYPES, *_POSTGRESQL, *_MARIADB})),
    st.booleans(),
    st.booleans(),
    COMMENTS,
    st.booleans(),
)
KEY = st.builds(
    Key,
    st.sampled_from(TABLES),
    st.sampled_from(ACTIONS),
    st.sampled_from([None, "CASCADE"]),
    st.booleans(),
    st.booleans(),
)
INDEX = st.builds(
    Index,
    st.sampled_from(["plain", "unique", "both", "down", "where", "lower", "gin"]),
    NAMES,
    NAMES,
)
TABLE = st.builds(
    Table,
    st.dictionaries(NAMES, COLUMN, max_size=3),
    st.dictionaries(st.sampled_from("pq"), KEY, max_size=2),
    st.dictionaries(st.sampled_from("ij"), INDEX, max_size=2),
    st.booleans(),
    COMMENTS,
    st.sampled_from([(), (), ("x",), ("x", "y"), ("z",)]),
    st.sampled_from([None, None, "x", "y"]),
)
MODELS = st.dictionaries(st.sampled_from(TABLES), TABLE, min_size=1)


class Maker:
    """Makes models for one server.

    :param kind: the server.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.types = OWN[kind]

    def define(self, models: dict[str, Table]) -> Define:
        """Return what makes the tables."""

        def make(metadata: sa.MetaData) -> None:
            for name, table in models.items():
                self._table(name, table, models, metadata)

        return make

    def columns(self, table: Table) -> dict[str, Column]:
        """Return the columns whose types the server has."""
        return {n: c for n, c in table.columns.items() if c.type in self.types}

    def _table(
        self,
        name: str,
        table: Table,
        models: dict[str, Table],
        metadata: sa.MetaData,
    ) -> None:
        columns = self.columns(table)
        numbered = table.identity and self.kind == "postgresql"
        items: list[sa.SchemaItem] = [
            sa.Column(
                "id",
                sa.Integer,
                *([sa.Identity(start=10)] if numbered else []),
                primary_key=True,
            ),
            sa.Column("code", sa.Integer, nullable=False),
            sa.UniqueConstraint("id", "code"),
        ]
        for label, column in columns.items():
            items += self._column(name, label, column)
        for label, key in table.keys.items():
            items += self._key(label, key, models)
        unique = [c for c in table.unique if c in columns]
        if unique == list(table.unique) and all(
            columns[c].type in SORTED for c in unique
        ):
            items += [sa.UniqueConstraint(*unique)] if unique else []
        if table.check in columns and columns[table.check].type in NUMBERS:
            items.append(sa.CheckConstraint(f"{table.check} > 2"))
        made = sa.Table(
            name,
            metadata,
            *items,
            comment=table.comment,
        )
        for label, index in table.indexes.items():
            self._index(f"ix_{name}_{label}", index, made, columns)

    def _column(self, table: str, name: str, column: Column) -> list[sa.SchemaItem]:
        default = DEFAULTS.get(column.type) if column.default else None
        made: list[sa.SchemaItem] = [
            sa.Column(
                name,
                self.types[column.type](table, name),
                nullable=column.nullable,
                server_default=None if default is None else sa.text(default),
                comment=column.comment,
            )
        ]
        if column.computed and column.type in NUMBERS:
            twice = sa.Computed(f"{name} * 2", persisted=True)
            made.append(sa.Column(f"{name}_twice", sa.Numeric(20, 4), twice))
        return made

    def _key(
        self, name: str, key: Key, models: dict[str, Table]
    ) -> list[sa.SchemaItem]:
        if key.parent not in models:
            return []
        names = [name, f"{name}_code"][: 1 + key.both]
        options: dict[str, t.Any] = {
            "ondelete": key.on_delete,
            "onupdate": key.on_update,
        }
        if key.deferrable and self.kind == "postgresql":
            options |= {"deferrable": True, "initially": "DEFERRED"}
        targets = [f"{key.parent}.{c}" for c in ("id", "code")[: len(names)]]
        return [
            *(sa.Column(each, sa.Integer) for each in names),
            sa.ForeignKeyConstraint(names, targets, use_alter=True, **options),
        ]

    def _index(
        self, name: str, index: Index, table: sa.Table, columns: dict[str, Column]
    ) -> None:
        column = columns.get(index.column)
        if column is None:
            return
        made, is_sorted = table.c[index.column], column.type in SORTED
        own = self.kind == "postgresql"
        if index.kind == "gin" and own and column.type in ("jsonb", "ints"):
            sa.Index(name, made, postgresql_using="gin")
        elif index.kind == "lower" and own and column.type in WORDS:
            sa.Index(name, sa.func.lower(made))
        elif index.kind == "where" and own and is_sorted:
            sa.Index(name, made, postgresql_where=made.is_not(None))
        elif index.kind == "down" and is_sorted:
            sa.Index(name, made.desc())
        elif index.kind == "both" and is_sorted:
            other = columns.get(index.other)
            if other is not None and other.type in SORTED:
                names = dict.fromkeys((index.column, index.other))
                sa.Index(name, *(table.c[each] for each in names))
        elif index.kind in ("plain", "unique") and is_sorted:
            sa.Index(name, made, unique=index.kind == "unique")
