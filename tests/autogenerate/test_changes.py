"""Every single change of a model: found, made, and undone, with the rows in place."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import typing as t

import pytest

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request
from tests.servers import new_database
from tests.servers import SERVERS
from tools.docs import changes_page

from .changes import Change
from .changes import changes
from .changes import find
from .changes import names_on
from .laboratory import can_be_had
from .laboratory import Laboratory
from .laboratory import MADE
from .laboratory import NOTHING
from .laboratory import Place

PUBLISHED = changes_page.PAGE.read_text(encoding="utf-8")
SIGNS = changes_page.read(PUBLISHED)


def tried(change: Change, place: Place) -> None:
    """Try a change: what holds of it is what the page says, which gives reasons."""
    if not can_be_had(change):
        pytest.skip("this release of SQLAlchemy has no such option")
    outcome = Laboratory(change, place).run()
    assert outcome.sign == SIGNS[change.name, place.kind], outcome.text
    is_limit = outcome.sign not in (MADE, NOTHING)
    assert is_limit == (place.kind in change.limits), outcome.text


@pytest.mark.parametrize("name", names_on("sqlite"))
def test_on_sqlite(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """On a SQLite file, and another one that is attached as the other schema."""
    monkeypatch.chdir(tmp_path)
    place = Place(f"sqlite:///{tmp_path / 'app.db'}", None, tmp_path)
    tried(find(name), place)


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> cabc.Iterator[tuple[str, str, str]]:
    """Two databases on a server: one to migrate, one for ``create_all()``."""
    kind = request.param
    with new_database(kind) as url, new_database(kind) as judged:
        yield kind, url, judged


@pytest.fixture
def place(server: tuple[str, str, str], tmp_path: pathlib.Path) -> cabc.Iterator[Place]:
    """An empty database on a server, and a folder."""
    made = Place(server[1], server[2], tmp_path)
    yield made
    made.close()


@pytest.mark.servers
@pytest.mark.parametrize(
    "name", [change.name for change in changes() if change.only != ("sqlite",)]
)
def test_on_servers(place: Place, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A script that a server was compared for: found, made and undone there."""
    change = find(name)
    if place.kind not in change.only:
        pytest.skip(f"{place.kind} does not have it")
    monkeypatch.chdir(place.path)
    tried(change, place)


def test_page() -> None:
    """The page has every change on every database, and nothing else."""
    assert changes_page.render(SIGNS) == PUBLISHED


#: What SQLite needs no script for, or what a script of SQLite cannot say: a collation
#: has another name on each database, Alembic does not drop the check of a Boolean from
#: a column of MariaDB, and PostgreSQL changes no type of a column that another one is
#: computed from, which only a script that was compared there goes round. Alembic makes
#: the check of an Enum along with its type on MariaDB, where SQLite's script names it.
#: Only a script that was compared there sets foreign keys aside.
_OWN_WORDS: t.Final = (
    "that a foreign key stands on",
    "index of a column with a foreign key",
    "schema",
    "collation",
    "check of a Boolean",
    "VARCHAR to Boolean with a check",
    "that another is computed from",
    "with the type of what it is computed from",
    "Enum that is no type of the database",
)
_ELSEWHERE: t.Final = {
    name for (name, kind), sign in SIGNS.items() if kind == "sqlite" and sign != MADE
}


@pytest.mark.servers
@pytest.mark.parametrize(
    "name",
    [
        change.name
        for change in changes()
        if change.only[:2] == ("sqlite", "postgresql")
        and change.name not in _ELSEWHERE
        and not any(words in change.name for words in _OWN_WORDS)
    ],
)
def test_script_of_sqlite_on_servers(
    place: Place, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A script that was generated on SQLite runs on the servers, up, down and up."""
    change = find(name)
    if place.kind not in change.only:
        pytest.skip(f"{place.kind} does not have it")
    monkeypatch.chdir(tmp_path)
    file = Place(f"sqlite:///{tmp_path / 'app.db'}", None, tmp_path)
    generated = Laboratory(change, file)
    generated.start()
    app, _ = file.app(generated.after)
    with app.app_context():
        fb.migrate(rev_id="bb22", request=Request(**change.options))
    place.empty()
    served = Laboratory(change, place)
    served.start(generate=False)
    app, _ = place.app(served.after)
    with app.app_context():
        fb.upgrade()
        fb.downgrade()
        fb.upgrade()
