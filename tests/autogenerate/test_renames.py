"""A rename is a rename, with the rows, and nothing is guessed."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Nobody
from flask_batchmigrate.autogenerate.request import Request
from tests.servers import new_database
from tests.servers import SERVERS

from .bench import Bench
from .bench import bench as bench
from .bench import made_by
from .changes import Define
from .judge import schema_of

Columns = t.Sequence[sa.Column[t.Any]]


def table(name: str, *items: t.Any, **options: t.Any) -> t.Any:
    """Define a table with a number, and another that refers to it."""

    def define(metadata: sa.MetaData) -> None:
        made = [make() for make in items]
        id_ = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table(name, metadata, id_, *made, **options)
        sa.Table(
            "note",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("of", sa.ForeignKey(f"{name}.id")),
        )

    return define


def text(name: str, **options: t.Any) -> cabc.Callable[[], sa.Column[str]]:
    return lambda: sa.Column(name, sa.String(50), **options)


START = table("user", text("fullname"), text("b"))


def started(bench: Bench, define: t.Any = START) -> None:
    bench.migrate(define, rev_id="aa11")
    app, db = bench.app(define)
    with app.app_context(), db.engine.begin() as connection:
        (made,) = [x for x in db.metadata.sorted_tables if x.name != "note"]
        values = {c.name: f"the {c.name}" for c in made.columns if c.name != "id"}
        connection.execute(made.insert(), {"id": 4, **values})
        connection.execute(db.metadata.tables["note"].insert(), {"id": 1, "of": 4})


def rows(bench: Bench, name: str) -> dict[str, t.Any]:
    app, db = bench.app(START)
    with app.app_context(), db.engine.connect() as connection:
        made = sa.Table(name, sa.MetaData(), autoload_with=connection)
        (row,) = connection.execute(made.select()).mappings()
        return dict(row)


CASES: dict[str, tuple[t.Any, list[str], str, dict[str, str]]] = {
    "column": (
        table("user", text("full_name"), text("b")),
        ["user.fullname:full_name"],
        "user",
        {"full_name": "the fullname", "b": "the b"},
    ),
    "column with another type and constraint": (
        table(
            "user",
            lambda: sa.Column("full_name", sa.Text, unique=True, index=True),
            text("b"),
        ),
        ["user.fullname:full_name"],
        "user",
        {"full_name": "the fullname", "b": "the b"},
    ),
    "two columns": (
        table("user", text("x"), text("y")),
        ["user.fullname:x", "user.b:y"],
        "user",
        {"x": "the fullname", "y": "the b"},
    ),
    "chain": (
        table("user", text("b"), text("c")),
        ["user.fullname:b", "user.b:c"],
        "user",
        {"b": "the fullname", "c": "the b"},
    ),
    "swap": (
        table("user", text("fullname"), text("b")),
        ["user.fullname:b", "user.b:fullname"],
        "user",
        {"b": "the fullname", "fullname": "the b"},
    ),
    "table": (
        table("person", text("fullname"), text("b")),
        ["user:person"],
        "person",
        {"fullname": "the fullname", "b": "the b"},
    ),
    "table and column": (
        table("person", text("full_name"), text("b")),
        ["user:person", "person.fullname:full_name"],
        "person",
        {"full_name": "the fullname", "b": "the b"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_by_option(bench: Bench, case: str) -> None:
    """``--rename`` keeps the rows, and the downgrade takes the names back."""
    define, options, name, wanted = CASES[case]
    started(bench)
    bench.migrate(define, rev_id="bb22", request=Request(renames=options))
    assert rows(bench, name) == {"id": 4, **wanted}
    assert bench.agrees(define)
    app, _ = bench.app(START)
    with app.app_context():
        fb.downgrade()
    assert schema_of(bench.path / "app.db") == made_by(START)
    was = {"id": 4, "fullname": "the fullname", "b": "the b"}
    assert rows(bench, "user") == was
    with app.app_context():
        fb.upgrade()
    assert rows(bench, name) == {"id": 4, **wanted}


def test_declared(bench: Bench) -> None:
    """What a model declares is done once, and is harmless to leave in."""
    started(bench)
    after = table(
        "person",
        text("full_name", info={"renamed_from": "fullname"}),
        text("b"),
        info={"renamed_from": "user"},
    )
    assert len(bench.migrate(after)) == 1
    assert rows(bench, "person") == {"id": 4, "full_name": "the fullname", "b": "the b"}
    assert bench.migrate(after) == []
    assert bench.agrees(after)


def test_declared_chain(bench: Bench) -> None:
    """A column may get the name of one that gets another name, as a model declares."""
    started(bench)
    after = table(
        "user",
        text("b", info={"renamed_from": "fullname"}),
        text("c", info={"renamed_from": "b"}),
    )
    assert len(bench.migrate(after, rev_id="bb22")) == 1
    assert rows(bench, "user") == {"id": 4, "b": "the fullname", "c": "the b"}
    assert bench.migrate(after) == []
    assert bench.agrees(after)
    app, _ = bench.app(after)
    with app.app_context():
        fb.downgrade()
    assert rows(bench, "user") == {"id": 4, "fullname": "the fullname", "b": "the b"}


class Says(Nobody):
    """A person who answers."""

    def __init__(self, *renames: str) -> None:
        self.renames = renames
        self.asked: list[str] = []

    def is_rename(self, what: str, old: str, new: str) -> bool | None:
        self.asked.append(f"{old}:{new}")
        return self.asked[-1] in self.renames


@pytest.mark.parametrize("case", ["column", "two columns", "table and column"])
def test_confirmed(bench: Bench, case: str) -> None:
    """A person is asked, the likeliest pair first, and each pair once."""
    define, options, name, wanted = CASES[case]
    started(bench)
    person = Says(*options)
    bench.migrate(define, request=Request(questioner=person))
    assert rows(bench, name) == {"id": 4, **wanted}
    assert len(set(person.asked)) == len(person.asked)


def test_declined(bench: Bench) -> None:
    """Where it was none, the old goes and the new comes."""
    define = CASES["column"][0]
    started(bench)
    bench.migrate(define, request=Request(questioner=Says()))
    assert rows(bench, "user") == {"id": 4, "full_name": None, "b": "the b"}


@pytest.mark.parametrize(
    ("case", "option"),
    [("column", "user.fullname:full_name"), ("table", "user:person")],
)
def test_nobody_there(bench: Bench, case: str, option: str) -> None:
    """Without a person nothing is written, and the error says what to pass."""
    define = CASES[case][0]
    started(bench)
    app, _ = bench.app(define)
    files = sorted(bench.path.glob("migrations/versions/*.py"))
    with app.app_context():
        with pytest.raises(fb.BatchMigrateError, match=f"--rename {option}") as caught:
            fb.migrate()
        assert "--no-rename" in str(caught.value)
        assert sorted(bench.path.glob("migrations/versions/*.py")) == files
        with pytest.raises(fb.SchemaDiffers):
            fb.check()
        (script,) = fb.migrate(request=Request(no_rename=True))
    assert "drop_" in pathlib.Path(script.path).read_text()


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("fullname", "not understood"),
        ("user.nothing:full_name", "no column 'user.nothing'"),
        ("user.fullname:nothing", "no column 'user.nothing'"),
        ("nothing.a:b", "no table 'nothing'"),
        ("user.fullname:b", "has a column 'user.b' as well"),
        ("nothing:user", "no table 'nothing'"),
    ],
)
def test_wrong_option(bench: Bench, option: str, why: str) -> None:
    """What ``--rename`` cannot mean is refused."""
    define = CASES["column"][0]
    started(bench)
    app, _ = bench.app(define)
    with app.app_context(), pytest.raises(fb.BatchMigrateError, match=why):
        fb.migrate(request=Request(renames=[option]))


def test_different_columns(bench: Bench) -> None:
    """What cannot be the same column is no rename."""
    define = table("user", text("fullname"), lambda: sa.Column("age", sa.Integer))
    started(bench)
    bench.migrate(define)
    assert rows(bench, "user") == {"id": 4, "fullname": "the fullname", "age": None}


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("case", CASES)
def test_on_servers(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str, case: str
) -> None:
    """The same where the script is generated on a server."""
    monkeypatch.chdir(tmp_path)
    define, options, name, wanted = CASES[case]
    if case == "column with another type and constraint" and kind == "mariadb":
        pytest.skip("MariaDB has no UNIQUE of a TEXT")
    with new_database(kind) as url:
        server = Bench(url, tmp_path)
        started(server)
        server.migrate(define, request=Request(renames=options))
        assert rows(server, name) == {"id": 4, **wanted}
        assert server.agrees(define)
        app, _ = server.app(START)
        with app.app_context():
            fb.downgrade()
        was = {"id": 4, "fullname": "the fullname", "b": "the b"}
        assert rows(server, "user") == was
        with app.app_context():
            fb.upgrade()
        assert rows(server, name) == {"id": 4, **wanted}
        assert server.agrees(define)


def pair(*names: str) -> Define:
    def define(metadata: sa.MetaData) -> None:
        id_ = sa.Column("id", sa.Integer, primary_key=True)
        columns = [sa.Column(name, sa.String(50)) for name in names]
        sa.Table("person", metadata, id_, *columns)

    return define


@pytest.mark.parametrize(
    ("renames", "why"),
    [
        (["person.a:c", "person.a:d"], "contradict"),
        (["person.a:c", "person.b:c"], "contradict"),
        (["Person.a:c"], "Did you mean 'person'"),
        (["person.aa:c"], "Did you mean 'a'"),
        (["person.a:cc"], "Did you mean 'c'"),
        (["people:persons"], "Did you mean 'person'"),
    ],
)
def test_wrong_renames(bench: Bench, renames: list[str], why: str) -> None:
    """Renames that contradict each other, and misspelt ones, are refused."""
    bench.migrate(pair("a", "b"), rev_id="aa11")
    app, _ = bench.app(pair("c", "d"))
    with app.app_context(), pytest.raises(fb.BatchMigrateError, match=why):
        fb.migrate(request=Request(renames=renames))
