"""From any models to any others and back, with rows, on each database."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
import typing as t

import hypothesis
import pytest
import sqlalchemy as sa
from hypothesis import strategies as st

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request
from tests.servers import new_database
from tests.servers import SERVERS

from . import server_judge
from .bench import Bench
from .bench import made_by
from .changes import Define
from .judge import schema_of

TYPES: dict[str, t.Callable[[], t.Any]] = {
    "int": sa.Integer,
    "big": sa.BigInteger,
    "short": lambda: sa.String(20),
    "long": lambda: sa.String(80),
    "nocase": lambda: sa.String(40, collation="NOCASE"),
    "json": sa.JSON,
    "real": sa.Float,
    "moment": sa.DateTime,
    "text": sa.Text,
    "number": lambda: sa.Numeric(10, 2),
    "flag": sa.Boolean,
    "checked flag": lambda: sa.Boolean(create_constraint=True),
    "mood": lambda: sa.Enum("good", "bad"),
    "moods": lambda: sa.Enum("good", "bad", "odd"),
    "day": sa.Date,
}
DEFAULTS = {
    **dict.fromkeys(["short", "long", "nocase", "text", "json"], "'1'"),
    **dict.fromkeys(["flag", "checked flag"], "true"),
    **dict.fromkeys(["mood", "moods"], "'bad'"),
    **dict.fromkeys(["day", "moment"], "'2024-02-29'"),
}
#: Types that can have a computed column beside them.
NUMBERS = ("int", "big", "number")


@dataclasses.dataclass(frozen=True)
class Column:
    """One column besides the number."""

    type: str
    nullable: bool
    default: bool
    unique: bool
    index: bool
    check: bool
    parent: bool
    on_delete: bool
    computed: bool

    def make(self, name: str, table: str) -> list[sa.SchemaItem]:
        keys = []
        if self.parent and self.type == "int" and table != "a":
            keys = [
                sa.ForeignKey("a.id", ondelete="CASCADE" if self.on_delete else None)
            ]
        type_ = TYPES[self.type]()
        if isinstance(type_, sa.Enum):
            type_.name, type_.create_constraint = f"{table}_{name}", True
        made: list[sa.SchemaItem] = [
            sa.Column(
                name,
                type_,
                *keys,
                nullable=self.nullable,
                server_default=self.said_default,
                unique=self.unique or None,
                index=self.index or None,
            )
        ]
        if self.check:
            made.append(sa.CheckConstraint(f"{name} IS NULL OR {name} IS NOT NULL"))
        if self.computed and self.type in NUMBERS:
            twice = sa.Computed(f"{name} * 2", persisted=True)
            made.append(sa.Column(f"{name}_twice", sa.Integer, twice))
        return made

    @property
    def said_default(self) -> sa.TextClause | None:
        """What rows get that say nothing."""
        return sa.text(DEFAULTS.get(self.type, "1")) if self.default else None


@dataclasses.dataclass(frozen=True)
class Table:
    """One table."""

    columns: dict[str, Column]
    both_unique: bool
    down: bool
    counter: bool

    def make(self, name: str, metadata: sa.MetaData) -> None:
        items = [i for n, c in self.columns.items() for i in c.make(n, name)]
        made = sa.Table(
            name,
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            *items,
            sqlite_autoincrement=self.counter,
        )
        names = list(self.columns)
        if self.both_unique and len(names) > 1:
            made.append_constraint(sa.UniqueConstraint(*names[:2]))
        if self.down and names:
            sa.Index(f"ix_{name}_down", made.c[names[-1]].desc())


COLUMN = st.builds(Column, st.sampled_from(sorted(TYPES)), *[st.booleans()] * 8)
TABLE = st.builds(
    Table, st.dictionaries(st.sampled_from("xyz"), COLUMN), *[st.booleans()] * 3
)
MODELS = st.dictionaries(st.sampled_from("abc"), TABLE, min_size=1)


def define(models: dict[str, Table]) -> Define:
    """Return what makes the tables; there is always one to refer to."""

    def make(metadata: sa.MetaData) -> None:
        empty = Table({}, False, False, False)
        for name, table in {"a": empty, **models}.items():
            table.make(name, metadata)

    return make


class Judge:
    """Says whether a database is as ``create_all()`` makes one."""

    def __init__(self, url: str, judged: str | None, path: pathlib.Path) -> None:
        self.url, self.judged, self.path = url, judged, path

    def made_by(self, wanted: Define) -> dict[str, t.Any]:
        """Return what ``create_all()`` makes."""
        if self.judged is None:
            return made_by(wanted)
        metadata = sa.MetaData()
        wanted(metadata)
        return server_judge.schema_of_models(metadata, self.judged)

    def found(self) -> dict[str, t.Any]:
        """Return what there is."""
        if self.judged is None:
            return schema_of(self.path / "app.db")
        return server_judge.schema_of_server(self.url)


#: What a database says of rows that do not fit, which are nobody's to invent.
REFUSED = (
    *("cannot become", "there is no row in", "invalid input", "cannot convert"),
    *("Incorrect", "truncated", "out of range", "Duplicate entry"),
    *("could not create unique index", "violates", "cannot add or update a child"),
    *("CONSTRAINT", "is in use"),
)


def walk(judge: Judge, first: Define, second: Define) -> None:
    """Generate from one to the other, and judge each step by ``create_all()``."""
    bench = Bench(judge.url, judge.path)
    request = Request(no_rename=True)
    folder = judge.path / "migrations"
    for number, wanted in enumerate([first, second]):
        app, db = bench.app(wanted, directory=folder)
        with app.app_context():
            fb.migrate(rev_id=f"aa{number}", request=request)
            try:
                fb.upgrade()
            except (fb.AlterationError, fb.BatchMigrateError) as error:
                hypothesis.assume(not any(text in str(error) for text in REFUSED))
                raise
            with db.engine.begin() as connection:
                # A row only where every column takes NULL or has a default, which is no
                # row of another table.
                for table in db.metadata.sorted_tables if not number else ():
                    if all(
                        not c.foreign_keys
                        if c.server_default is not None
                        else c.nullable or c.primary_key
                        for c in table.columns
                    ):
                        connection.execute(table.insert(), {"id": 7})
        assert judge.found() == judge.made_by(wanted)
        with app.app_context():
            assert fb.migrate(request=request) == []
    if judge.found() == judge.made_by(first):
        return
    app, db = bench.app(first, directory=folder)
    with app.app_context():
        fb.downgrade()
        assert judge.found() == judge.made_by(first)
        fb.upgrade()
    assert judge.found() == judge.made_by(second)


@hypothesis.given(MODELS, MODELS)
@hypothesis.settings(max_examples=25, phases=[hypothesis.Phase.generate])
def test_any_to_any(first: dict[str, Table], second: dict[str, Table]) -> None:
    """Upgrade reaches the models, a second comparison finds nothing, back restores."""
    check(first, second)


@pytest.mark.long
@hypothesis.given(MODELS, MODELS)
@hypothesis.settings(max_examples=2000)
def test_any_to_any_for_long(first: dict[str, Table], second: dict[str, Table]) -> None:
    """The same, many times."""
    check(first, second)


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> t.Iterator[tuple[str, str, str]]:
    """Two databases on a server."""
    kind = request.param
    with new_database(kind) as url, new_database(kind) as judged:
        yield kind, url, judged


@pytest.mark.servers
@hypothesis.given(MODELS, MODELS)
@hypothesis.settings(max_examples=4, phases=[hypothesis.Phase.generate])
def test_on_servers(
    server: tuple[str, str, str], first: dict[str, Table], second: dict[str, Table]
) -> None:
    """The same on PostgreSQL and MariaDB."""
    check(first, second, *server)


@pytest.mark.long
@pytest.mark.servers
@hypothesis.given(MODELS, MODELS)
@hypothesis.settings(max_examples=300)
def test_on_servers_for_long(
    server: tuple[str, str, str], first: dict[str, Table], second: dict[str, Table]
) -> None:
    """The same, many times."""
    check(first, second, *server)


def check(
    first: dict[str, Table],
    second: dict[str, Table],
    kind: str = "sqlite",
    url: str | None = None,
    judged: str | None = None,
) -> None:
    """Walk, where the rows can stay: what must not be NULL has a value then."""
    for models in (first, second):
        for table in models.values():
            for column in table.columns.values():
                hypothesis.assume(_can_be_had(column, table, kind))
    for name, table in second.items():
        before = first.get(name, Table({}, False, False, False))
        for label, new in table.columns.items():
            old = before.columns.get(label)
            hypothesis.assume(
                new.nullable or new.default or (old is not None and old == new)
            )
            hypothesis.assume(not (new.unique and new.default))
            # A type that says no collation leaves the one that there is.
            types = {new.type} | ({old.type} if old is not None else set())
            texts = {"nocase", "short", "long", "text"}
            hypothesis.assume("nocase" not in types or types <= texts)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        if url is not None:
            server_judge.empty(url)
        judge = Judge(url or f"sqlite:///{path / 'app.db'}", judged, path)
        walk(judge, define(first), define(second))


def _can_be_had(column: Column, table: Table, kind: str) -> bool:
    """Tell whether a database has such a column."""
    if kind == "sqlite":
        return True
    in_index = column.unique or column.index or table.both_unique or table.down
    if column.type in ("text", "json") and (in_index or column.default):
        return False
    return column.type != "nocase"
