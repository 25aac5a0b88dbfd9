"""Models that no database, or not this one, can have: one line, and no file."""

from __future__ import annotations

import contextlib
import errno
import pathlib
import typing as t

import alembic.util
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

import flask_batchmigrate as fb
from tests.servers import new_database

from .bench import Bench
from .bench import bench as bench
from .changes import Define
from .changes import person

UNUSABLE: dict[str, dict[str, tuple[t.Any, str]]] = {
    "sqlite": {
        "none": (sa.types.NullType, "has no type"),
        "array": (sa.ARRAY(sa.String(5)), "sqlite has no type ARRAY"),
    },
    "postgresql": {
        "none": (sa.types.NullType, "has no type"),
        "enum": (sa.Enum("a", "b"), "requires a name"),
    },
    "mariadb": {
        "none": (sa.types.NullType, "has no type"),
        "text": (sa.String, "requires a length"),
        "jsonb": (postgresql.JSONB, "has no type JSONB"),
    },
}
CASES = [(kind, case) for kind, cases in UNUSABLE.items() for case in cases]


def start(metadata: sa.MetaData) -> None:
    person()(metadata)


def with_column(type_: t.Any) -> Define:
    def define(metadata: sa.MetaData) -> None:
        person(sa.Column("x", type_))(metadata)

    return define


def revisions(bench: Bench) -> list[pathlib.Path]:
    return sorted(bench.path.glob("migrations/versions/*"))


@pytest.mark.parametrize(("kind", "case"), CASES)
@pytest.mark.parametrize("before", ["nothing", "table", "column"])
def test_type(
    bench: Bench, tmp_path: pathlib.Path, kind: str, case: str, before: str
) -> None:
    """A type that the database cannot have is refused, however it comes about."""
    type_, why = UNUSABLE[kind][case]
    if (case, before) == ("none", "column") and kind != "sqlite":
        pytest.skip("the type that is there stays")
    with contextlib.ExitStack() as stack:
        if kind != "sqlite":
            bench = Bench(stack.enter_context(new_database(kind)), tmp_path)
        if before != "nothing":
            column = with_column(sa.Integer)
            bench.migrate(start if before == "table" else column, rev_id="aa11")
        files = revisions(bench)
        app, _ = bench.app(with_column(type_))
        with (
            app.app_context(),
            pytest.raises(fb.BatchMigrateError, match=why) as caught,
        ):
            fb.migrate()
        assert "'person.x'" in str(caught.value)
        assert revisions(bench) == files


@pytest.mark.parametrize("target", ["people.id", "person.number"])
def test_key_to_nothing(bench: Bench, target: str) -> None:
    """A foreign key that leads nowhere is named."""

    def define(metadata: sa.MetaData) -> None:
        person(sa.Column("boss_id", sa.Integer, sa.ForeignKey(target)))(metadata)

    app, _ = bench.app(define)
    result = app.test_cli_runner().invoke(args=["db", "migrate"])
    assert result.exit_code == 1, result.exception
    assert "The models cannot be compared" in result.output
    assert "as in 'user.id'" in result.output


def test_full_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not written to its end is removed, since it breaks commands."""
    bench.migrate(start, rev_id="aa11")
    files = revisions(bench)

    write = alembic.util.template_to_file

    def begin(
        source: t.Any, target: pathlib.Path, *rest: t.Any, **values: t.Any
    ) -> None:
        write(t.cast(str, source), str(target), *rest, **values)
        pathlib.Path(target).write_text('"""half')
        raise OSError(errno.ENOSPC, "No space left on device")

    app, _ = bench.app(with_column(sa.Integer))
    with monkeypatch.context() as patch, app.app_context():
        patch.setattr(alembic.util, "template_to_file", begin)
        with pytest.raises(fb.BatchMigrateError, match="No space left on device"):
            fb.migrate()
    assert revisions(bench) == files
    bench.migrate(with_column(sa.Integer))


def test_left_alone_is_said_once(bench: Bench) -> None:
    """What is left alone is not said to be removed by the proof of the script."""
    bench.migrate(start, rev_id="aa11")
    app, db = bench.app(with_column(sa.Integer))
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE person ADD COLUMN other TEXT")
    result = app.test_cli_runner().invoke(args=["db", "migrate"])
    assert result.exit_code == 0, result.output
    assert "Left alone: column 'person.other'" in result.output
    assert "removed" not in result.output
