"""Rows that a script would be refused for are counted when it is generated."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from tests.servers import new_database
from tests.servers import SERVERS

from .bench import Bench
from .changes import Define

KINDS = [
    "sqlite",
    *(pytest.param(kind, marks=pytest.mark.servers) for kind in SERVERS),
]


def models(
    name: t.Any = None, owner: bool = False, check: str = "", **options: t.Any
) -> Define:
    def define(metadata: sa.MetaData) -> None:
        checks = [sa.CheckConstraint(check, name="ck_age")] if check else []
        sa.Table(
            "person",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("name", name or sa.String(50), **options),
            sa.Column("age", sa.Integer),
            *checks,
        )
        keys = [sa.ForeignKey("person.id")] if owner else []
        sa.Table(
            "pet",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("owner_id", sa.Integer, *keys),
        )

    return define


CASES = {
    "UNIQUE": (
        models(unique=True),
        "2 rows of 'person' shared a value of 'name' with another, which",
    ),
    "unique index": (
        models(unique=True, index=True),
        "2 rows of 'person' shared a value of 'name' with another, which",
    ),
    "CHECK": (
        models(check="age > 3"),
        "1 row of 'person' broke the CHECK 'ck_age' (age > 3)",
    ),
    "foreign key": (
        models(owner=True),
        "1 row of 'pet' referred by 'owner_id' to no row of 'person', which",
    ),
    "shorter type": (
        models(sa.String(5)),
        "2 rows had more than 5 characters in 'person.name'",
    ),
    "nothing": (models(sa.String(8)), None),
    # The values are numbers only after the upgrade.
    "CHECK of another type": (
        models(sa.Integer, check="name > 3"),
        "2 of 2 values of 'person.name' were not integers ('Ada Lov')",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_counted(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """The warning and the script say how many rows, and of what."""
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'app.db'}"
        if kind != "sqlite":
            url = stack.enter_context(new_database(kind))
        bench = Bench(url, tmp_path)
        bench.migrate(models())
        app, db = bench.app(models())
        with app.app_context(), db.engine.begin() as connection:
            person, pet = (db.metadata.tables[x] for x in ("person", "pet"))
            for row in [
                {"id": 1, "name": "Ada Lov", "age": 2},
                {"id": 2, "name": "Ada Lov", "age": 4},
                {"id": 3, "name": None, "age": None},
                {"id": 4, "name": None, "age": None},
            ]:
                connection.execute(person.insert(), row)
            for number, owner in enumerate([1, 9, None]):
                connection.execute(pet.insert(), {"id": number + 1, "owner_id": owner})
        for define, wanted in CASES.values():
            app, _ = bench.app(define)
            result = app.test_cli_runner().invoke(args=["db", "migrate", "--dry-run"])
            assert result.exit_code == 0, result.output
            said = " ".join(result.output.split())
            if wanted is None:
                assert "would be refused" not in said
            else:
                assert f"would be refused: {wanted}" in said
                assert f"# When this was generated, {wanted}" in said


def added(*items: t.Any, **options: t.Any) -> Define:
    """A person with one more column, and what is given."""

    def define(metadata: sa.MetaData) -> None:
        models()(metadata)
        column = sa.Column("x", sa.Integer, **options)
        metadata.tables["person"].append_column(column)
        for item in items:
            metadata.tables["person"].append_constraint(sa.UniqueConstraint(*item))

    return define


#: What is added, and whether the rows cannot be unique in it.
NEW_COLUMNS = {
    "default": (added(unique=True, server_default="5"), True),
    "value of the models": (added(unique=True, nullable=False, default=5), True),
    "unique index": (added(unique=True, index=True, server_default="5"), True),
    "time of the statement": (
        added(unique=True, server_default=sa.func.current_timestamp()),
        True,
    ),
    "NULL": (added(unique=True), False),
    "value that is computed": (
        added(unique=True, server_default=sa.text("(random())")),
        False,
    ),
    "beside a column that differs": (added(["id", "x"], server_default="5"), False),
    "beside a column that does not": (added(["age", "x"], server_default="5"), True),
}


@pytest.mark.parametrize("case", NEW_COLUMNS)
@pytest.mark.parametrize("kind", KINDS)
def test_unique_on_a_new_column(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str, case: str
) -> None:
    """A UNIQUE that rows can never fit is refused, unless there is but one row."""
    define, refused = NEW_COLUMNS[case]
    if kind != "sqlite" and case == "time of the statement":
        pytest.skip("it takes no such default for a number")
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'app.db'}"
        if kind != "sqlite":
            url = stack.enter_context(new_database(kind))
        bench = Bench(url, tmp_path)
        bench.migrate(models())
        app, db = bench.app(models())
        for number in (1, 2):
            with app.app_context(), db.engine.begin() as connection:
                row = {"id": number, "name": "Ada", "age": 7}
                connection.execute(db.metadata.tables["person"].insert(), row)
            other, _ = bench.app(define)
            result = other.test_cli_runner().invoke(args=["db", "migrate", "--dry-run"])
            said = " ".join(result.output.split())
            if refused and number == 2:
                assert result.exit_code == 1
                assert "2 rows of 'person' would share a value of" in said
                assert "they all get one value for 'x'. No file was written." in said
            else:
                assert result.exit_code == 0, said


def test_unique_on_a_column_that_is_filled(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that is filled is not unique beside one that has the value."""
    monkeypatch.chdir(tmp_path)
    bench = Bench(f"sqlite:///{tmp_path / 'app.db'}", tmp_path)
    bench.migrate(models())
    app, db = bench.app(models())
    after = models(unique=True, nullable=False)
    run = ["db", "migrate", "--dry-run", "--default", "person.name=nobody"]
    for name, refused in ((None, False), ("nobody", True)):
        with app.app_context(), db.engine.begin() as connection:
            row = {"name": name}
            connection.execute(db.metadata.tables["person"].insert(), row)
        other, _ = bench.app(after)
        result = other.test_cli_runner().invoke(args=run)
        assert result.exit_code == (1 if refused else 0), result.output


@pytest.mark.parametrize("kind", KINDS)
def test_unique_expression(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A unique index on an expression is no index on a column of its name."""
    if kind == "mariadb":
        pytest.skip("MariaDB has no such index")
    monkeypatch.chdir(tmp_path)

    def after(metadata: sa.MetaData) -> None:
        models()(metadata)
        table = metadata.tables["person"]
        sa.Index("one_name", sa.func.lower(table.c.name), table.c.age, unique=True)

    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'app.db'}"
        if kind != "sqlite":
            url = stack.enter_context(new_database(kind))
        bench = Bench(url, tmp_path)
        bench.migrate(models(), rev_id="aa11")
        app, db = bench.app(models())
        with app.app_context(), db.engine.begin() as connection:
            table = db.metadata.tables["person"]
            connection.execute(table.insert(), [{"id": 1, "name": "Ada", "age": 1}])
        assert len(bench.migrate(after, rev_id="bb22")) == 1
        assert bench.agrees(after)


LINES: dict[str, tuple[Define, t.Any]] = {
    "value": (models(sa.Integer), "Ada\nLovelace\r\x00\u2028" + "and more" * 1000),
    "CHECK": (models(check="age > 3\n  AND age < 10"), "Ada"),
}


@pytest.mark.parametrize("case", LINES)
def test_several_lines(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    case: str,
) -> None:
    """What has several lines is told in one, and the script can be run."""
    monkeypatch.chdir(tmp_path)
    after, name = LINES[case]
    bench = Bench(f"sqlite:///{tmp_path / 'app.db'}", tmp_path)
    bench.migrate(models(), rev_id="aa11")
    app, db = bench.app(models())
    with app.app_context(), db.engine.begin() as connection:
        table = db.metadata.tables["person"]
        connection.execute(table.insert(), [{"id": 1, "name": name, "age": 1}])
    app, _ = bench.app(after)
    with app.app_context():
        (script,) = fb.migrate(rev_id="bb22")
    text = pathlib.Path(script.path).read_text(encoding="utf-8")
    (comment,) = [line for line in text.splitlines() if "When this was" in line]
    assert len(comment) < 300
    (warning,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "An upgrade of this database would be refused" in warning
    assert len(warning.splitlines()) == 1
