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
from .laboratory import READS_OPERATOR_CLASSES

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
        "name IN ('it''s', '\\:c') AND name <> 'q'",
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


def test_unchanged_indexes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str, url: str
) -> None:
    """An index that PostgreSQL writes in other words is no difference, ever again."""
    if kind != "postgresql":
        pytest.skip("MariaDB has no such indexes")
    monkeypatch.chdir(tmp_path)

    def indexed(metadata: sa.MetaData) -> None:
        person(sa.Column("note", sa.Text), sa.Column("n", sa.Integer))(metadata)
        c = metadata.tables["person"].c
        in_list = sa.text("name IN ('a', 'b') AND note = 'x'")
        sa.Index("i1", c.name, postgresql_where=in_list)
        sa.Index("i2", c.name, c.n, postgresql_where=(c.n > 3) & c.note.is_(None))
        sa.Index("i3", sa.func.lower(c.note), sa.func.coalesce(c.name, "A b"))
        sa.Index("i4", c.n.desc().nulls_last(), c.name.asc(), c.note.nulls_first())
        sa.Index("i5", c.name, postgresql_using="hash")
        if READS_OPERATOR_CLASSES:
            sa.Index("i6", c.note, postgresql_ops={"note": "text_pattern_ops"})
        sa.Index("i7", sa.text("(n + 1)"), postgresql_with={"fillfactor": 70})
        sa.Index("i9", c.n, unique=True, postgresql_include=["name", "note"])

    bench = Bench(url, tmp_path)
    bench.migrate(indexed)
    app, _ = bench.app(indexed)
    with app.app_context():
        assert fb.migrate() == []
    bench.migrate(person(sa.Column("note", sa.Text)), rev_id="bb22")
    app, _ = bench.app(indexed)
    with app.app_context():
        fb.downgrade()
        for script in (tmp_path / "migrations" / "versions").glob("bb22*.py"):
            script.unlink()
        assert fb.migrate() == []
