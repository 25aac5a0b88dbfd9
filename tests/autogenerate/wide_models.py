"""Random models, and random changes of them, as values that make tables."""

from __future__ import annotations

import dataclasses
import random
import typing as t

import sqlalchemy as sa

from .wide_types import KINDS
from .wide_types import NUMBERS
from .wide_types import TEXTS

TABLES: t.Final = (
    *("user", "order", "Mixed Case", "naïve", "pet", "a_b", "group", "per%cent"),
    "tag",
)
COLUMNS: t.Final = (
    *("name", "value", "from", "Mixed", "naïve", "per%cent", "with space", "e_mail"),
    *("desc", "a.b", "Ünï", "col:on", "x", "y"),
)
CONVENTIONS: t.Final[tuple[dict[str, str] | None, ...]] = (
    None,
    None,
    None,
    {
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    },
    {
        "ix": "ix_%(column_0_label)s",
        "uq": "u_%(table_name)s_%(column_0_N_name)s",
        "fk": "f_%(table_name)s_%(column_0_N_name)s",
        "pk": "p_%(table_name)s",
    },
)


@dataclasses.dataclass
class Column:
    """One column besides the primary key.

    :param default: the place of its default among those of its kind, or None.
    :param check: the form of its CHECK: ``named``, ``unnamed`` or ``column``.
    :param computed: whether a column that is computed from it is stored, or None.
    """

    name: str
    kind: str
    nullable: bool = True
    default: int | None = None
    unique: bool = False
    index: bool = False
    check: str | None = None
    computed: bool | None = None
    comment: str | None = None
    conflict: str | None = None
    python_default: bool = False
    renamed_from: str | None = None
    swapped_with: str | None = None

    @property
    def former(self) -> str:
        """The name that the database has for it."""
        return self.renamed_from or self.swapped_with or self.name

    def make(self, table: str) -> list[sa.SchemaItem]:
        kind = KINDS[self.kind]
        label = f"{table}_{self.name}".lower().replace(" ", "_").replace("%", "")
        options: dict[str, t.Any] = {}
        if self.default is not None and kind.defaults:
            made = kind.defaults[self.default % len(kind.defaults)]()
            options["server_default"] = made
        if self.renamed_from:
            options["info"] = {"renamed_from": self.renamed_from}
        if self.python_default:
            options["default"] = kind.values[0]
        if self.unique and self.conflict:
            options["sqlite_on_conflict_unique"] = self.conflict
        items: list[t.Any] = []
        if self.check == "column":
            items.append(sa.CheckConstraint(self._condition()))
        column: sa.Column[t.Any] = sa.Column(
            self.name,
            kind.make(label),
            *items,
            nullable=self.nullable,
            unique=self.unique or None,
            index=self.index or None,
            comment=self.comment,
            **options,
        )
        made_items: list[sa.SchemaItem] = [column]
        if self.check in ("named", "unnamed"):
            name = f"odd {self.name}" if self.check == "named" else None
            made_items.append(sa.CheckConstraint(self._condition(), name=name))
        if self.computed is not None and self.kind in NUMBERS:
            made_items.append(
                sa.Column(
                    f"{self.name}_twice",
                    sa.Integer,
                    sa.Computed(f"{quoted(self.name)} * 2", persisted=self.computed),
                )
            )
        return made_items

    def _condition(self) -> str:
        name = quoted(self.name)
        if self.kind in TEXTS:
            return f"{name} IS NULL OR {name} <> 'it''s 5%, (a\\:b)'"
        return f"{name} IS NULL OR {name} <> -99"


def quoted(name: str) -> str:
    """Return a name as SQL of a text clause, in which a colon is a colon."""
    return '"' + name.replace(":", "\\:") + '"'


@dataclasses.dataclass
class Key:
    """A foreign key to the number of a table, in a column of its own."""

    column: str
    parent: str
    name: str | None = None
    on_delete: str | None = None
    on_update: str | None = None
    deferrable: bool | None = None
    initially: str | None = None
    nullable: bool = True
    index: bool = False


@dataclasses.dataclass
class Index:
    """An index on several columns, or one with SQL in it."""

    name: str
    columns: list[str]
    unique: bool = False
    form: str = "plain"


@dataclasses.dataclass
class Unique:
    """A UNIQUE on several columns."""

    columns: list[str]
    name: str | None = None
    conflict: str | None = None


@dataclasses.dataclass
class Pair:
    """A CHECK of two columns."""

    columns: list[str]
    name: str | None = None

    def make(self) -> sa.CheckConstraint:
        first, second = map(quoted, self.columns)
        sql = f"{first} IS NULL OR\n {first} IS NOT {second} OR 1 > 0 -- %:x\n"
        return sa.CheckConstraint(sql, name=self.name)


@dataclasses.dataclass
class Table:
    """One table."""

    name: str
    columns: list[Column] = dataclasses.field(default_factory=list)
    keys: list[Key] = dataclasses.field(default_factory=list)
    indexes: list[Index] = dataclasses.field(default_factory=list)
    uniques: list[Unique] = dataclasses.field(default_factory=list)
    pairs: list[Pair] = dataclasses.field(default_factory=list)
    key_form: str = "id"
    options: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    comment: str | None = None
    renamed_from: str | None = None

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    def make(self, metadata: sa.MetaData, tables: set[str]) -> None:
        items: list[t.Any] = []
        types: dict[str, t.Any] = {"text": sa.String(20)}
        type_ = types.get(self.key_form, sa.Integer())
        identity = [sa.Identity(start=3)] if self.key_form == "identity" else []
        items.append(sa.Column("id", type_, *identity, primary_key=True))
        if self.key_form == "two":
            items.append(sa.Column("part", sa.String(10), primary_key=True))
        for column in self.columns:
            items += column.make(self.name)
        for key in self.keys:
            if key.parent in tables:
                items += self._key(key)
                if self.key_form == "two" and key.parent == self.name:
                    parent = [f"{key.parent}.id", f"{key.parent}.part"]
                    columns = [key.column, "part"]
                    items.append(sa.ForeignKeyConstraint(columns, parent))
        for unique in self.uniques:
            if self._has(unique.columns):
                options = {"sqlite_on_conflict": unique.conflict}
                used = options if unique.conflict else {}
                items.append(
                    sa.UniqueConstraint(*unique.columns, name=unique.name, **used)
                )
        items += [pair.make() for pair in self.pairs if self._has(pair.columns)]
        info = (
            {"info": {"renamed_from": self.renamed_from}} if self.renamed_from else {}
        )
        made = sa.Table(
            self.name, metadata, *items, comment=self.comment, **self.options, **info
        )
        for index in self.indexes:
            if self._has(index.columns):
                self._index(made, index)

    def _has(self, columns: list[str]) -> bool:
        return all(self.column(name) is not None for name in columns)

    def _key(self, key: Key) -> list[t.Any]:
        foreign = sa.ForeignKey(
            f"{key.parent}.id",
            name=key.name,
            ondelete=key.on_delete,
            onupdate=key.on_update,
            deferrable=key.deferrable,
            initially=key.initially if key.deferrable else None,
            use_alter=False,
        )
        index = key.index or None
        return [
            sa.Column(
                key.column, sa.Integer, foreign, nullable=key.nullable, index=index
            )
        ]

    def _index(self, table: sa.Table, index: Index) -> None:
        first = table.c[index.columns[0]]
        rest = [table.c[name] for name in index.columns[1:]]
        options: dict[str, t.Any] = {"unique": index.unique}
        terms: list[t.Any] = [first, *rest]
        if index.form == "down":
            terms = [first.desc(), *rest]
        elif index.form == "lower":
            terms = [sa.func.lower(first), *rest]
        elif index.form == "text":
            terms = [sa.text(f"coalesce({quoted(index.columns[0])}, 'a:b 5%')"), *rest]
        elif index.form == "where":
            options["sqlite_where"] = first.is_not(None)
        elif index.form == "where text":
            options["sqlite_where"] = sa.text(f"{quoted(index.columns[0])} <> '5%'")
        elif index.form == "nocase":
            terms = [sa.collate(first, "NOCASE"), *rest]
        sa.Index(index.name, *terms, **options)


@dataclasses.dataclass
class Models:
    """All tables, and the naming convention."""

    tables: list[Table]
    convention: int = 0

    def define(self, metadata: sa.MetaData) -> None:
        """Make the tables."""
        convention = CONVENTIONS[self.convention]
        if convention is not None:
            metadata.naming_convention = convention
        names = {table.name for table in self.tables}
        for table in self.tables:
            table.make(metadata, names)

    def table(self, name: str) -> Table | None:
        return next((t_ for t_ in self.tables if t_.name == name), None)


class Maker:
    """Makes random models and changes, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def column(self, taken: list[str]) -> Column | None:
        free = [name for name in COLUMNS if name not in taken]
        if not free:
            return None
        made = Column(self.random.choice(free), self.random.choice(list(KINDS)))
        made.nullable = self.maybe(0.6)
        made.default = self.random.randrange(20) if self.maybe(0.4) else None
        made.unique, made.index = self.maybe(0.1), self.maybe(0.15)
        made.check = self.check() if self.maybe(0.2) else None
        made.computed = self.maybe(0.5) if self.maybe(0.3) else None
        made.comment = "it's: 5%" if self.maybe(0.1) else None
        made.conflict = "IGNORE" if made.unique and self.maybe(0.3) else None
        made.python_default = self.maybe(0.2)
        return made

    def check(self) -> str:
        return self.random.choice(["named", "unnamed", "column"])

    def key(self, table: Table, parents: list[Table]) -> Key | None:
        able = [p.name for p in parents if p.key_form in ("id", "identity")]
        taken = {key.column for key in table.keys}
        free = [n for n in ("parent_id", "Other Id", "boss_id") if n not in taken]
        if not able or not free:
            return None
        pick = self.random.choice
        key = Key(pick(free), pick(able))
        key.name = f"fk {table.name} {key.column}" if self.maybe(0.4) else None
        key.on_delete = pick([None, "CASCADE", "SET NULL", "RESTRICT"])
        key.on_update = pick([None, None, "CASCADE", "NO ACTION"])
        key.deferrable = pick([None, None, True, False])
        key.initially = pick([None, "DEFERRED", "IMMEDIATE"])
        key.index = self.maybe(0.3)
        return key

    def index(self, table: Table) -> Index | None:
        if not table.columns:
            return None
        names = [c.name for c in table.columns]
        self.random.shuffle(names)
        number = self.random.choice([1, 1, 2])
        forms = ["plain", "down", "lower", "text", "where", "where text", "nocase"]
        return Index(
            f"ix {table.name} {self.random.randrange(9)}",
            names[:number],
            self.maybe(0.15),
            self.random.choice(forms),
        )

    def pair(self, table: Table) -> Pair | None:
        names = [c.name for c in table.columns]
        self.random.shuffle(names)
        if len(names) < 2:
            return None
        name = f"pair {table.name} {self.random.randrange(9)}"
        return Pair(names[:2], name if self.maybe(0.5) else None)

    def unique(self, table: Table) -> Unique | None:
        names = [c.name for c in table.columns]
        self.random.shuffle(names)
        if not names:
            return None
        name = f"uq {table.name} {self.random.randrange(9)}"
        return Unique(
            names[: self.random.choice([1, 2, 2])],
            name if self.maybe(0.5) else None,
            self.random.choice([None, None, "IGNORE", "REPLACE"]),
        )

    def table(self, models: list[Table]) -> Table | None:
        free = [n for n in TABLES if all(m.name != n for m in models)]
        if not free:
            return None
        made = Table(self.random.choice(free))
        made.key_form = self.random.choice(["id", "id", "identity", "text", "two"])
        for _ in range(self.random.randrange(1, 6)):
            column = self.column([c.name for c in made.columns])
            made.columns += [column] if column else []
        for _ in range(self.random.choice([0, 0, 1, 2])):
            key = self.key(made, [*models, made])
            made.keys += [key] if key else []
        for _ in range(self.random.choice([0, 0, 1])):
            index = self.index(made)
            made.indexes += [index] if index else []
        for _ in range(self.random.choice([0, 0, 1])):
            unique = self.unique(made)
            made.uniques += [unique] if unique else []
        made.options = self.options(made)
        made.comment = "all: 5%" if self.maybe(0.1) else None
        return made

    def options(self, table: Table) -> dict[str, t.Any]:
        if self.maybe(0.75):
            return {}
        if table.key_form == "id" and self.maybe(0.6):
            return {"sqlite_autoincrement": True}
        return {"sqlite_with_rowid": False}

    def models(self) -> Models:
        made: list[Table] = []
        for _ in range(self.random.choice([1, 1, 2, 3])):
            table = self.table(made)
            made += [table] if table else []
        return Models(made, self.random.randrange(len(CONVENTIONS)))
