"""From any models to any others and back on servers, with all that a server has."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import re
import tempfile
import typing as t
import uuid

import hypothesis
import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request

from . import server_judge
from .bench import Bench
from .changes import Define
from .server_models import Maker
from .server_models import MODELS
from .server_models import NUMBERS
from .server_models import Table
from .server_models import WORDS
from .test_properties import server as server

Models = dict[str, Table]
Rows = dict[str, dict[str, t.Any]]

_DAY = datetime.date(2024, 2, 29)
#: A value of each type.
VALUES: dict[str, t.Any] = {
    **dict.fromkeys(NUMBERS, 7),
    **dict.fromkeys([*WORDS, "text", "longtext", "texts"], "it's 5% :a"),
    "texts": ["a", None],
    "ints": [1, 2],
    **dict.fromkeys(["float", "double"], 1.5),
    "unsigned": 7,
    "flag": True,
    "day": _DAY,
    "zoned": datetime.datetime(2024, 2, 29, 1, 2, 3, tzinfo=datetime.timezone.utc),
    "time": datetime.time(1, 2, 3),
    **dict.fromkeys(
        ["moment", "exact moment"], datetime.datetime(2024, 2, 29, 1, 2, 3)
    ),
    "span": datetime.timedelta(hours=3),
    "bytes": b"\x00\xff",
    "uuid": uuid.UUID(int=7),
    "json": {"a": [1, "b"]},
    "jsonb": {"a": [1, "b"]},
    **dict.fromkeys(["mood", "moods", "word", "checked"], "a"),
    "shared": "x",
}


@pytest.mark.servers
@hypothesis.given(MODELS, MODELS)
@hypothesis.settings(max_examples=5, phases=[hypothesis.Phase.generate])
def test_any_to_any(
    server: tuple[str, str, str], first: Models, second: Models
) -> None:
    """Upgrade reaches the models, a second comparison finds nothing, back restores."""
    check(*server, first, second)


@pytest.mark.long
@pytest.mark.servers
@hypothesis.given(MODELS, MODELS)
@hypothesis.settings(max_examples=300)
def test_any_to_any_for_long(
    server: tuple[str, str, str], first: Models, second: Models
) -> None:
    """The same, many times."""
    check(*server, first, second)


def check(kind: str, url: str, judged: str, first: Models, second: Models) -> None:
    """Walk from one to the other and back, from an empty database."""
    first, second = fitted(first, second)
    server_judge.empty(url)
    maker = Maker(kind)
    with tempfile.TemporaryDirectory() as folder:
        walk = Walk(url, judged, pathlib.Path(folder))
        walk.run(maker.define(first), maker.define(second), rows(maker, first, second))


def fitted(first: Models, second: Models) -> tuple[Models, Models]:
    """Return models between which rows can go: what must not be NULL has a value.

    Whether a server numbers a key is not changed: no operation of Alembic does it.
    """
    fits: tuple[Models, Models] = ({}, {})
    for made, models, others in ((fits[0], first, second), (fits[1], second, first)):
        for name, table in models.items():
            columns = {
                label: column
                if stays(name, label, first, second)
                or name not in others
                or (column.has_default and label not in others[name].columns)
                else dataclasses.replace(column, nullable=True)
                for label, column in table.columns.items()
            }
            identity = first[name].identity if name in first else table.identity
            made[name] = dataclasses.replace(table, columns=columns, identity=identity)
    return fits


def stays(table: str, column: str, first: Models, second: Models) -> bool:
    """Tell whether both models have a column, and in the same way."""
    both = [m[table].columns.get(column) for m in (first, second) if table in m]
    return len(both) == 2 and both[0] == both[1]


def rows(maker: Maker, first: Models, second: Models) -> Rows:
    """Return a row for each of the first tables.

    What gets another type, which not every value has, is NULL.
    """
    made: Rows = {}
    for name, table in first.items():
        made[name] = {"id": 7, "code": 1}
        for label, column in maker.columns(table).items():
            if name not in second or stays(name, label, first, second):
                made[name][label] = VALUES[column.type]
            elif column.nullable:
                made[name][label] = sa.null()
    return made


class Walk:
    """Goes from models to others and back, and judges each state by itself."""

    def __init__(self, url: str, judged: str, path: pathlib.Path) -> None:
        self.url, self.judged = url, judged
        self.bench, self.folder = Bench(url, path), str(path / "migrations")

    def run(self, first: Define, second: Define, rows: Rows) -> None:
        """Go there, back and there again."""
        self.make("aa", first)
        app, db = self.bench.app(first, directory=self.folder)
        with app.app_context(), db.engine.begin() as connection:
            for table in db.metadata.sorted_tables:
                connection.execute(table.insert().values(rows[table.name]))
        if not self.make("bb", second):
            assert self.wanted(first) == self.wanted(second)
            return
        self.kept(second, rows)
        app, _ = self.bench.app(second, directory=self.folder)
        with app.app_context():
            fb.downgrade()
            assert self.found() == self.wanted(first)
            self.kept(
                first, {n: r for n, r in rows.items() if n in self.tables(second)}
            )
            fb.upgrade()
        assert self.found() == self.wanted(second)

    def make(self, revision: str, models: Define) -> bool:
        """Write a revision if there is something to do, and run it."""
        app, _ = self.bench.app(models, directory=self.folder)
        with app.app_context():
            written = fb.migrate(rev_id=revision, request=Request(no_rename=True))
            fb.upgrade()
            assert self.found() == self.wanted(models)
            assert fb.migrate(request=Request(no_rename=True)) == []
        return bool(written)

    def kept(self, models: Define, rows: Rows) -> None:
        """Check that the rows are there, with what was in columns that stay."""
        for name, table in self.tables(models).items():
            engine = sa.create_engine(self.url, poolclass=sa.NullPool)
            with engine.connect() as connection:
                found = [dict(r) for r in connection.execute(table.select()).mappings()]
            assert len(found) == (name in rows)
            for key, value in rows.get(name, {}).items():
                if key in table.c and not isinstance(value, sa.sql.elements.Null):
                    assert _same(value, found[0][key]), (name, key, found[0][key])

    def tables(self, models: Define) -> dict[str, sa.Table]:
        """Return the tables of models."""
        metadata = sa.MetaData()
        models(metadata)
        return {str(table.name): table for table in metadata.tables.values()}

    def wanted(self, models: Define) -> dict[str, t.Any]:
        """Return what ``create_all()`` makes."""
        metadata = sa.MetaData()
        models(metadata)
        return _plain(server_judge.schema_of_models(metadata, self.judged))

    def found(self) -> dict[str, t.Any]:
        """Return what there is."""
        return _plain(server_judge.schema_of_server(self.url))


def _same(one: t.Any, other: t.Any) -> bool:
    if isinstance(one, datetime.datetime) and isinstance(other, datetime.datetime):
        # MariaDB has no time zones.
        return one.replace(tzinfo=other.tzinfo) == other
    return bool(one == other)


def _plain(schema: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a schema without what a server writes in two ways.

    PostgreSQL writes a list of texts with other casts if it gets its own text, and
    NO ACTION is what MariaDB calls RESTRICT.
    """
    return {
        kind: sorted(
            ([_plain_word(kind, word) for word in row] for row in rows), key=repr
        )
        for kind, rows in schema.items()
    }


def _plain_word(kind: str, word: t.Any) -> t.Any:
    if kind.endswith("keys") and word == "NO ACTION":
        return "RESTRICT"
    if isinstance(word, str) and word.startswith("CHECK"):
        return re.sub(r"::(text|character varying)(\[\])?|[()]", "", word)
    return word
