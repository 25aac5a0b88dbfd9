"""What is said where a server makes no table like that of a model."""

from __future__ import annotations

import pathlib
import uuid

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.reporting import Reporter
from flask_batchmigrate.reporting import reporting_to

from .bench import Bench
from .changes import after
from .changes import before
from .changes import person

pytestmark = pytest.mark.servers
CHANGE = "CHECK with a name added"


class Warnings(Reporter):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, text: str) -> None:
        self.texts.append(text)


def without_right(kind: str, url: str) -> tuple[str, list[str]]:
    """Make a user who may make no temporary table; return its URL, and how it goes."""
    name = f"limited_{uuid.uuid4().hex[:8]}"
    made = sa.make_url(url).set(username=name, password="secret")
    database = made.database
    if kind == "postgresql":
        statements = [
            f"CREATE USER {name} PASSWORD 'secret'",
            f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
        ]
        gone = [f"DROP OWNED BY {name}", f"DROP USER {name}"]
    else:
        user = f"{name}@'%%'"
        statements = [
            f"CREATE USER {user} IDENTIFIED BY 'secret'",
            f"GRANT SELECT ON {database}.* TO {user}",
        ]
        gone = [f"DROP USER {user}"]
    run(url, statements)
    return made.render_as_string(hide_password=False), gone


def run(url: str, statements: list[str]) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement.replace("%%", "%")))


def test_no_temporary_table(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str, url: str
) -> None:
    """A warning names the table and the reason; all else is compared."""
    monkeypatch.chdir(tmp_path)
    Bench(url, tmp_path).migrate(before(CHANGE))
    limited, gone = without_right(kind, url)
    try:
        for define, differs in ((after(CHANGE), False), (after("column added"), True)):
            app, _ = Bench(limited, tmp_path).app(define)
            heard = Warnings()
            with app.app_context(), reporting_to(heard):
                if differs:
                    with pytest.raises(fb.SchemaDiffers, match="added column"):
                        fb.check()
                else:
                    assert fb.check()
            said = [t for t in heard.texts if "table 'person' were not compared" in t]
            assert len(said) == (not differs), heard.texts
            assert all("denied" in text for text in said)
    finally:
        run(url, gone)


def test_a_check_that_came_back(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str, url: str
) -> None:
    """A CHECK that a downgrade made of the server's own text is that of the model."""
    monkeypatch.chdir(tmp_path)
    bench = Bench(url, tmp_path)
    texts = [
        "name IN ('a', 'b')",
        "name IN ('it''s', ':c') AND name <> 'q'",
        "name = 'x'",
    ]
    checked = person(*(sa.CheckConstraint(each) for each in texts))
    bench.migrate(checked)
    bench.migrate(person(), rev_id="bb22")
    app, _ = bench.app(person(*(sa.CheckConstraint(each) for each in texts)))
    with app.app_context():
        fb.downgrade()
        for script in (tmp_path / "migrations" / "versions").glob("bb22*.py"):
            script.unlink()
        assert fb.migrate() == []
