"""What errors carry: values, of which the message is made."""

from __future__ import annotations

import ast
import copy
import pathlib
import pickle
import sqlite3
import typing as t

import pytest

import flask_batchmigrate as fb
from flask_batchmigrate import errors
from flask_batchmigrate.errors import BatchMigrateError
from flask_batchmigrate.errors import Outcome
from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.errors import MissingColumn
from flask_batchmigrate.sqlite.errors import render
from flask_batchmigrate.sqlite.errors import SqlTextError
from flask_batchmigrate.sqlite.errors import State
from flask_batchmigrate.sqlite.errors import UNCHANGED
from flask_batchmigrate.sqlite.errors import UNKNOWN
from flask_batchmigrate.sqlite.errors import VerificationError
from flask_batchmigrate.sqlite.plan.engine import alter_table
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.target import changes

from .apps import Apps
from .apps import create
from .apps import tables_of
from .apps import version_of
from .apps import write_revision

FOLDER = pathlib.Path(fb.__file__).parent

#: A block that the engine refuses: two rows have no title.
NOT_NULL = (
    "op.execute('CREATE TABLE book(id INTEGER PRIMARY KEY, title TEXT)')\n"
    "    op.execute('INSERT INTO book(title) VALUES (NULL), (NULL)')\n"
    "    with op.batch_alter_table('book') as batch:\n"
    "        batch.alter_column('title', nullable=False)"
)

#: Two tables, and what is refused when it is about to be committed.
TWO_TABLES = (
    "op.execute('CREATE TABLE p(a TEXT, CONSTRAINT uq UNIQUE(a))')\n"
    "    op.execute('CREATE TABLE c(a TEXT REFERENCES p(a))')"
)
KEY_LOST = (
    "with op.batch_alter_table('p') as batch:\n"
    "        batch.drop_constraint('uq', type_='unique')"
)


def failing(apps: Apps, *bodies: str, **config: t.Any) -> BatchMigrateError:
    """Upgrade through revisions r0, r1, ...; return the error of the last of them."""
    down: str | None = None
    for number, body in enumerate(bodies):
        write_revision(apps.path / "migrations", f"r{number}", down, body)
        down = f"r{number}"
    app = apps.make({None: ["t"]}, config=config)
    with app.app_context(), pytest.raises(BatchMigrateError) as caught:
        fb.upgrade()
    return caught.value


def test_a_refused_change_says_where(apps: Apps) -> None:
    """Table, column, revision, file, line and bind are values beside the message."""
    error = failing(apps, create("a"), NOT_NULL)
    assert isinstance(error, fb.AlterationError)
    assert (error.table, error.column, error.revision) == ("book", "title", "r1")
    assert error.bind == ""
    assert error.line is not None
    lines = error.path.read_text().splitlines()
    assert "batch_alter_table" in lines[error.line - 1]
    assert error.remedy == "Give these rows a value first."
    assert error.remedy not in error.problem
    assert error.state == UNCHANGED
    assert str(error) == f"{error.problem}. {error.remedy} Nothing was changed."


def test_the_run_decides_what_is_left(apps: Apps) -> None:
    """The engine changed nothing, but the revisions before were committed."""
    config = {"BATCHMIGRATE_TRANSACTION_PER_MIGRATION": True}
    error = failing(apps, create("a"), create("b"), NOT_NULL, **config)
    assert isinstance(error, fb.AlterationError)
    assert isinstance(error.__cause__, ChangeRefused)
    assert error.__cause__.state == UNCHANGED
    assert error.state.outcome is Outcome.COMMITTED
    assert error.state.revisions == ("r0", "r1")
    assert version_of(apps.path / "app.db") == {"r1"}
    assert "Nothing was changed" not in str(error)
    assert str(error).endswith(error.state.text)


@pytest.mark.parametrize("separately", [False, True])
def test_a_commit_that_fails(apps: Apps, separately: bool) -> None:
    """What was about to be committed does not count as committed."""
    config = {"BATCHMIGRATE_TRANSACTION_PER_MIGRATION": separately}
    error = failing(apps, TWO_TABLES, create("b"), KEY_LOST, **config)
    assert isinstance(error, fb.errors.DatabaseError)
    assert "foreign key mismatch" in error.problem
    assert error.remedy == "Drop these foreign keys first."
    assert error.table == "p"
    stored = ("r0", "r1") if separately else ()
    assert error.state.outcome is (
        Outcome.COMMITTED if separately else Outcome.UNCHANGED
    )
    assert error.state.revisions == stored
    if separately:
        assert version_of(apps.path / "app.db") == {"r1"}
    else:
        assert tables_of(apps.path / "app.db") == set()


def test_a_transactions_own_error(apps: Apps) -> None:
    """It knows what was committed before, and the error above it says the same."""
    config = {"BATCHMIGRATE_TRANSACTION_PER_MIGRATION": True}
    commit = "op.get_bind().connection.driver_connection.executescript('SELECT 1')"
    error = failing(apps, create("a"), commit, **config)
    assert isinstance(error, fb.AlterationError)
    assert error.state.outcome is Outcome.COMMITTED
    assert error.state.revisions == ("r0",)
    assert "(1 transaction) stays" in str(error)


def test_tables_that_are_there_already(apps: Apps) -> None:
    """A database without a revision may have been made without migrations."""
    with sqlite3.connect(apps.path / "app.db") as connection:
        connection.execute("CREATE TABLE a(id INTEGER)")
    connection.close()
    error = failing(apps, create("a"))
    assert isinstance(error, fb.RevisionFailed)
    assert "'flask db stamp <revision>'" in error.remedy
    assert error.state == UNCHANGED


def test_words_of_a_script_are_not_read(apps: Apps) -> None:
    """What a script says in an error of its own stays as it says it."""
    words = "Nothing was changed. The table already exists."
    error = failing(apps, f"raise ValueError({words!r})")
    assert error.problem.endswith(f"ValueError: {words}")
    assert error.remedy == ""


def test_a_mistake_in_the_folder(apps: Apps) -> None:
    """The file is a value, too, and the state stands before the remedy."""
    folder = apps.path / "migrations"
    path = write_revision(folder, "aa11", "gone", "pass")
    app = apps.make({None: ["t"]})
    with app.app_context(), pytest.raises(fb.BrokenScript) as caught:
        fb.upgrade()
    error = caught.value
    assert (error.path, error.revision) == (path, "gone")
    assert str(error) == f"{error.problem}. Nothing was changed. {error.remedy}"


def test_a_note_has_the_problem_alone() -> None:
    """An index that cannot come back is a note, which asks nobody to do anything."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(
        "CREATE TABLE t(a TEXT, b TEXT); CREATE UNIQUE INDEX ix ON t(a, b);"
        "INSERT INTO t VALUES ('x', '1'), ('x', '2'); BEGIN"
    )
    block = [changes.DropColumn("b"), changes.AddColumn("b", "b TEXT DEFAULT 'z'")]
    (note,) = alter_table(DirectDatabase(connection), "t", block).notes
    connection.close()
    assert note.startswith("index 'ix' on 't' was dropped with column 'b'")
    assert note.endswith("2 rows: 'x', 'z' (2 times) are equal")


def values(error: BaseException) -> dict[str, t.Any]:
    return {**vars(error), "args": error.args, "text": str(error)}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled(apps: Apps, protocol: int) -> None:
    """An error of a run comes out of a pickle with all that it carries."""
    error = failing(apps, NOT_NULL)
    for one in (error, SqlTextError("Odd", "CREATE", 2), VerificationError("t", "is")):
        other = pickle.loads(pickle.dumps(one, protocol))
        assert type(other) is type(one)
        assert values(other) == values(one)
        assert values(copy.copy(one)) == values(one)


@pytest.mark.parametrize(
    "error",
    [
        errors.MultipleHeads("Several", "merge them", heads=("a", "b")),
        errors.SchemaDiffers("Differs", "Write it.", [("add_column", "a")]),
        errors.BrokenScript("Broken", path=pathlib.Path("a.py"), line=3),
        errors.UnknownBind("Unknown", bind="logs"),
        errors.in_use("Database 'a.db'"),
        fb.SetupError("Wrong", "do it right"),
        MissingColumn("Table 't' has no column 'a'", table="t", column="a"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_all_of_the_family_can_be_pickled(error: Exception) -> None:
    """Whatever a class adds comes along."""
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is type(error)
    assert values(other) == values(error)


@pytest.mark.parametrize(
    ("remedy", "state", "last", "message"),
    [
        ("", UNKNOWN, False, "It is odd."),
        ("", UNCHANGED, True, "It is odd. Nothing was changed."),
        ("Mend it.", UNCHANGED, True, "It is odd. Mend it. Nothing was changed."),
        ("Mend it.", UNCHANGED, False, "It is odd. Nothing was changed. Mend it."),
        ("mend it", UNCHANGED, True, "It is odd: mend it. Nothing was changed."),
        ("mend it", UNCHANGED, False, "It is odd. Nothing was changed. Mend it."),
        ("mend it", UNKNOWN, False, "It is odd: mend it."),
        (
            "Mend it!",
            State(Outcome.UNKNOWN, "Look."),
            True,
            "It is odd. Mend it! Look.",
        ),
    ],
)
def test_the_sentences(remedy: str, state: State, last: bool, message: str) -> None:
    """One function makes the message, in the order of the family."""
    assert render("It is odd", remedy, state, state_last=last) == message
    assert render("It is odd.", "", state, state_last=last).startswith(
        "It is odd. "
    ) is (bool(state.text))


def test_one_place_has_the_words() -> None:
    """No module but that of the values writes the sentence on the state."""
    words = ("Nothing was changed.", "No file was written.")
    places = [
        f"{path.relative_to(FOLDER).as_posix()}: {node.value}"
        for path in sorted(FOLDER.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.endswith(words)
        and "\n" not in node.value
    ]
    assert places == [
        "errors.py: No file was written.",
        "sqlite/errors.py: Nothing was changed.",
    ]
