"""The commands as functions: what they do, return and raise."""

from __future__ import annotations

import inspect
import io
import pathlib
import typing as t

import alembic.util
import pytest
from flask import current_app
from flask import Flask

import flask_batchmigrate as fb
from flask_batchmigrate import commands
from tests.apps import Apps
from tests.apps import create
from tests.apps import query
from tests.apps import tables_of
from tests.apps import version_of
from tests.apps import write_revision

FLASK_MIGRATE = {
    "list_templates": "",
    "init": "directory multidb template package",
    "revision": "directory message autogenerate sql head splice branch_label"
    " version_path rev_id",
    "migrate": "directory message sql head splice branch_label version_path rev_id"
    " x_arg",
    "edit": "directory revision",
    "merge": "directory revisions message branch_label rev_id",
    "upgrade": "directory revision sql tag x_arg",
    "downgrade": "directory revision sql tag x_arg",
    "show": "directory revision",
    "history": "directory rev_range verbose indicate_current",
    "heads": "directory verbose resolve_dependencies",
    "branches": "directory verbose",
    "current": "directory verbose",
    "stamp": "directory revision sql tag purge",
    "check": "directory",
}


@pytest.fixture
def three(apps: Apps) -> t.Iterator[Apps]:
    """An application in its context, with three revisions in a line."""
    folder = apps.path / "migrations"
    for revision, down in (("aa11", None), ("bb22", "aa11"), ("cc33", "bb22")):
        drop = f"op.drop_table('t_{revision}')"
        write_revision(folder, revision, down, create(f"t_{revision}"), drop)
    app = apps.make({None: ["t_aa11", "t_bb22", "t_cc33"]})
    with app.app_context():
        yield apps


@pytest.mark.parametrize("name", FLASK_MIGRATE)
def test_parameters(name: str) -> None:
    """Every function takes Flask-Migrate's parameters in its order."""
    parameters = inspect.signature(getattr(commands, name)).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == FLASK_MIGRATE[name].split()


def test_cycle(apps: Apps, capfd: pytest.CaptureFixture[str]) -> None:
    """Generate, apply, compare, revert: values come back and nothing is printed."""
    with apps.make().app_context():
        (script,) = fb.migrate(message="first step")
        applied = fb.upgrade()
        assert fb.check() is True
        assert fb.migrate() == []
        assert fb.upgrade() == []
        reverted = fb.downgrade()
    assert pathlib.Path(script.path).parent == apps.path / "migrations" / "versions"
    (one,) = applied
    assert (one.bind, one.direction, one.revision) == ("", "upgrade", script.revision)
    assert (one.down_revision, one.message) == ((), "first step")
    assert one.database == str(apps.path / "app.db")
    assert one.seconds > 0
    assert [each.direction for each in reverted] == ["downgrade"]
    assert tables_of(apps.path / "app.db") == {"alembic_version"}
    assert capfd.readouterr() == ("", "")


def test_migrate_alone_touches_nothing(apps: Apps) -> None:
    """Generating a revision does not write to the database."""
    with apps.make().app_context():
        fb.migrate()
    assert tables_of(apps.path / "app.db") == set()


def test_migrate_twice_needs_upgrade(apps: Apps) -> None:
    """A database that is behind cannot be compared; the error says what to run."""
    with apps.make().app_context():
        fb.migrate()
        with pytest.raises(fb.DatabaseNotUpToDate, match="flask db upgrade"):
            fb.migrate()
        with pytest.raises(fb.DatabaseNotUpToDate):
            fb.check()


def test_migrate_without_the_folder_of_the_database(apps: Apps) -> None:
    """No second history is begun for a database that has one."""
    app = apps.make()
    with app.app_context():
        fb.migrate()
        fb.upgrade()
        (apps.path / "migrations").rename(apps.path / "moved")
        with pytest.raises(fb.MigrationFolderError, match="'BATCHMIGRATE_DIRECTORY'"):
            fb.migrate()
        assert fb.migrate(directory="moved") == []
    assert not (apps.path / "migrations").exists()


def test_no_models(apps: Apps) -> None:
    """Without tables nothing is generated: no folder, no database file."""
    with apps.make({}).app_context():
        for command in (fb.migrate, fb.check):
            with pytest.raises(fb.NoModels, match="Import the modules"):
                command()
    assert list(apps.path.iterdir()) == []


def test_no_models_with_tables(three: Apps) -> None:
    """Nor is the removal of every table."""
    fb.upgrade()
    with three.make({}).app_context(), pytest.raises(fb.NoModels):
        fb.migrate()


def test_check_finds_differences(three: Apps) -> None:
    """The differences are raised, and kept as values."""
    fb.upgrade()
    with (
        three.make({None: ["t_aa11 name", "t_bb22", "t_cc33"]}).app_context(),
        pytest.raises(fb.SchemaDiffers, match="flask db migrate") as caught,
    ):
        fb.check()
    ((kind, _, table, column),) = caught.value.diffs
    assert (kind, table, column.name) == ("add_column", "t_aa11", "name")


def test_revision(three: Apps) -> None:
    """An empty revision follows the head, with the id and labels asked for."""
    (script,) = fb.revision(message="A b", rev_id="dd44", branch_label="x")
    assert script.down_revision == "cc33"
    assert script.branch_labels == {"x"}
    (apart,) = fb.revision(head="base", splice=True, depends_on="bb22", rev_id="ee55")
    assert apart.down_revision is None
    assert apart.dependencies == ("bb22",) or apart.dependencies == "bb22"
    with pytest.raises(fb.BatchMigrateError, match="'ee55' exists"):
        fb.revision(rev_id="ee55", head="ee55")
    with pytest.raises(fb.MultipleHeads):
        fb.revision()


def test_upgrade_to(three: Apps) -> None:
    """Ids, their beginnings, steps and ranges name targets."""
    file = three.path / "app.db"
    assert [a.revision for a in fb.upgrade(revision="bb")] == [
        "aa11",
        "bb22",
    ]
    fb.upgrade(revision="+1")
    assert version_of(file) == {"cc33"}
    with pytest.raises(fb.UnknownRevision, match="'zz99'"):
        fb.upgrade(revision="zz99")
    with pytest.raises(fb.BatchMigrateError):
        fb.upgrade(revision="aa11:bb22")


@pytest.mark.parametrize(
    ("revision", "left"),
    [
        ("-1", {"bb22"}),
        ("1", {"bb22"}),
        (1, {"bb22"}),
        (-2, {"aa11"}),
        ("2", {"aa11"}),
        ("bb22", {"bb22"}),
        ("aa", {"aa11"}),
        ("base", set()),
        ("3", set()),
    ],
)
def test_downgrade_to(three: Apps, revision: str | int, left: set[str]) -> None:
    """Numbers are steps, everything else names a revision."""
    fb.upgrade()
    fb.downgrade(revision=revision)
    assert version_of(three.path / "app.db") == left


@pytest.mark.parametrize("revision", ["0", "-0", "99", "-4", "zz99"])
def test_downgrade_nowhere(three: Apps, revision: str) -> None:
    """Steps that do not exist change nothing."""
    fb.upgrade()
    with pytest.raises(fb.UnknownRevision):
        fb.downgrade(revision=revision)
    assert version_of(three.path / "app.db") == {"cc33"}


def test_downgrade_to_a_number_that_is_an_id(apps: Apps) -> None:
    """An id, or four digits that begin one, is stronger than a number of steps."""
    folder = apps.path / "migrations"
    for revision, down in (("1", None), ("20241", "1"), ("3", "20241"), ("4", "3")):
        write_revision(folder, revision, down)
    with apps.make().app_context():
        for revision, left in (("20241", "20241"), ("2024", "20241"), ("1", "1")):
            fb.upgrade()
            fb.downgrade(revision=revision)
            assert version_of(apps.path / "app.db") == {left}
        fb.upgrade()
        fb.downgrade(revision="2")
        assert version_of(apps.path / "app.db") == {"20241"}


def test_sql(three: Apps) -> None:
    """With ``sql`` the text is returned and the database is not made."""
    text = fb.upgrade(sql=True)
    assert text.index("CREATE TABLE t_aa11") < text.index("CREATE TABLE t_cc33")
    down = fb.downgrade(sql=True)
    assert "DROP TABLE t_cc33" in down
    assert "DROP TABLE t_bb22" not in down
    ranged = fb.downgrade(sql=True, revision="bb22:base")
    assert "DROP TABLE t_aa11" in ranged
    assert "bb22" in fb.stamp(sql=True, revision="aa11:bb22")
    assert "CREATE TABLE alembic_version" in str(fb.ensure_version(sql=True))
    assert not (three.path / "app.db").exists()


def test_sql_goes_to_the_configured_buffer(three: Apps) -> None:
    """Where the user has set an output buffer, the text is written there too."""
    buffer = io.StringIO()

    def redirect(config: t.Any) -> t.Any:
        config.output_buffer = buffer
        return config

    current_app.extensions["migrate"].migrate.configure(redirect)
    assert fb.upgrade(sql=True) == buffer.getvalue() != ""


def test_heads_history_show(three: Apps) -> None:
    """Questions about the folder are answered with scripts and flags."""
    (head,) = fb.heads()
    assert (head.revision, head.is_head) == ("cc33", True)
    assert [i.revision for i in fb.history()] == ["cc33", "bb22", "aa11"]
    assert [i.revision for i in fb.history(rev_range="aa11:bb22")] == ["bb22", "aa11"]
    assert [s.revision for s in fb.show()] == ["cc33"]
    assert [s.revision for s in fb.show(revision="bb")] == ["bb22"]
    assert fb.show(revision="current") == []
    assert fb.branches() == []
    for bad in ("aa11", "a:b:c"):
        with pytest.raises(fb.UnknownRevision, match="range"):
            fb.history(rev_range=bad)
    with pytest.raises(fb.UnknownRevision):
        fb.show(revision="zz99")


def test_current_in_history(three: Apps) -> None:
    """``current`` stands for where the database is."""
    assert fb.history(rev_range=":current") == []
    fb.upgrade(revision="bb22")
    flags = {i.revision: i.is_current for i in fb.history(indicate_current=True)}
    assert flags == {"cc33": False, "bb22": True, "aa11": False}
    assert [i.revision for i in fb.history(rev_range="current:")] == ["cc33", "bb22"]
    assert [i.revision for i in fb.history(rev_range=":current")] == ["bb22", "aa11"]
    assert [s.revision for s in fb.show(revision="current")] == ["bb22"]


def test_current(three: Apps) -> None:
    """Each database with its revisions; looking makes no version table."""
    (before,) = fb.current()
    assert (before.bind, before.heads, before.is_head) == ("", (), False)
    assert tables_of(three.path / "app.db") == set()
    fb.upgrade()
    (after,) = fb.current()
    assert (after.heads, after.is_head) == (("cc33",), True)
    assert [script.revision for script in after.scripts] == ["cc33"]
    assert after.database == str(three.path / "app.db")


def test_stamp(three: Apps) -> None:
    """Stamping changes the stored revision and nothing else."""
    file = three.path / "app.db"
    (stamped,) = fb.stamp(revision="bb22")
    assert (stamped.direction, stamped.revision) == ("stamp", "bb22")
    assert version_of(file) == {"bb22"}
    assert tables_of(file) == {"alembic_version"}
    fb.stamp()
    assert version_of(file) == {"cc33"}
    (stamped,) = fb.stamp(revision="base")
    assert stamped.revision == "base"
    assert version_of(file) == set()


def test_ensure_version(three: Apps) -> None:
    """The version table is made, and left alone where it is."""
    assert fb.ensure_version() is None
    assert tables_of(three.path / "app.db") == {"alembic_version"}
    fb.upgrade()
    fb.ensure_version()
    assert version_of(three.path / "app.db") == {"cc33"}


def test_branches_and_merge(three: Apps) -> None:
    """Two heads by accident stop an upgrade before it begins; merging joins them."""
    write_revision(three.path / "migrations", "dd44", "bb22")
    with pytest.raises(fb.MultipleHeads, match="flask db merge cc33 dd44") as caught:
        fb.upgrade()
    assert caught.value.heads == ("cc33", "dd44")
    assert not (three.path / "app.db").exists()
    (point,) = fb.branches()
    assert point.revision == "bb22"
    assert point.is_branch_point
    assert [script.revision for script in point.next] == ["cc33", "dd44"]
    merged = fb.merge(message="join")
    assert set(t.cast("tuple[str]", merged.down_revision)) == {"cc33", "dd44"}
    fb.upgrade()
    assert version_of(three.path / "app.db") == {merged.revision}
    with pytest.raises(fb.BatchMigrateError, match="two or more revisions"):
        fb.merge()


def test_heads_of_labelled_branches(three: Apps) -> None:
    """Branches with labels of their own are independent: all are upgraded."""
    folder = three.path / "migrations"
    write_revision(folder, "dd44", None, create("shop"), branch_labels=("shop",))
    with pytest.raises(fb.MultipleHeads):
        fb.upgrade()
    first = folder / "versions" / "aa11_.py"
    first.write_text(first.read_text() + "\nbranch_labels = ('main',)\n")
    fb.upgrade()
    assert version_of(three.path / "app.db") == {"cc33", "dd44"}
    fb.stamp(revision="base")
    fb.stamp()
    assert version_of(three.path / "app.db") == {"cc33", "dd44"}
    fb.downgrade(revision="shop@base")
    assert version_of(three.path / "app.db") == {"cc33"}


def test_edit(three: Apps, monkeypatch: pytest.MonkeyPatch) -> None:
    """The editor that ``EDITOR`` names gets the file."""
    editor = three.path / "editor.sh"
    editor.write_text("#!/bin/sh\necho '# edited' >> \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    (script,) = fb.edit(revision="bb22")
    assert pathlib.Path(script.path).read_text().endswith("# edited\n")
    with pytest.raises(fb.UnknownRevision, match="flask db upgrade"):
        fb.edit()
    fb.upgrade()
    assert [script.revision for script in fb.edit()] == ["cc33"]


def test_x_arguments_and_tag(three: Apps) -> None:
    """``x_arg`` and ``tag`` reach ``env.py``."""
    (three.path / "migrations" / "env.py").write_text(
        "from alembic import context\nfrom flask import current_app\n"
        "from flask_batchmigrate.environment import run\n"
        "current_app.seen = (context.get_x_argument(), context.get_tag_argument())\n"
        "run()\n"
    )
    fb.upgrade(x_arg=["a=1"], tag="blue")
    assert current_app.seen == (["a=1"], "blue")  # type: ignore[attr-defined]


def test_errors_are_alembics_too(three: Apps) -> None:
    """Code that catches Alembic's errors catches ours."""
    with pytest.raises(alembic.util.CommandError):
        fb.upgrade(revision="zz99")


def test_a_script_that_raises(three: Apps) -> None:
    """The error names revision, file and line; the original is its cause."""
    path = write_revision(three.path / "migrations", "dd44", "cc33", "1 / 0")
    with pytest.raises(fb.RevisionFailed, match="ZeroDivisionError") as caught:
        fb.upgrade()
    error = caught.value
    assert (error.revision, error.path) == ("dd44", path)
    assert error.line is not None
    assert path.read_text().splitlines()[error.line - 1].strip() == "1 / 0"
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert str(error).endswith("Nothing was changed.")
    assert tables_of(three.path / "app.db") <= {"alembic_version"}


def test_a_script_that_raises_after_a_commit(three: Apps) -> None:
    """What was committed before is not said to be unchanged."""
    write_revision(three.path / "migrations", "dd44", "cc33", "1 / 0")
    app = three.make(config={"BATCHMIGRATE_TRANSACTION_PER_MIGRATION": True})
    with app.app_context(), pytest.raises(fb.RevisionFailed) as caught:
        fb.upgrade()
    assert "Nothing was changed" not in str(caught.value)
    assert version_of(three.path / "app.db") == {"cc33"}


def test_a_database_at_a_lost_revision(three: Apps) -> None:
    """A stored revision without a file is told from one that was asked for."""
    fb.upgrade()
    (three.path / "migrations" / "versions" / "cc33_.py").unlink()
    before = query(three.path / "app.db", "SELECT * FROM sqlite_master")
    for command in (fb.upgrade, fb.current, fb.migrate, fb.downgrade):
        with pytest.raises(fb.UnknownRevision, match=r"is at revision 'cc33'.*stamp"):
            command()
    assert query(three.path / "app.db", "SELECT * FROM sqlite_master") == before


def test_a_database_that_cannot_be_opened(three: Apps) -> None:
    """The database is named, and what to look at."""
    app = three.make(file="nowhere/app.db")
    with app.app_context():
        for command in (fb.upgrade, fb.current, fb.check):
            with pytest.raises(fb.DatabaseUnavailable, match=r"nowhere/app\.db"):
                command()


def test_templates() -> None:
    """The templates have a name, a synopsis and a folder."""
    found = {template.name: template for template in fb.list_templates()}
    assert set(found) == {"flask", "flask-multidb"}
    assert found["flask"].synopsis == "Single-database configuration for Flask."
    assert (found["flask"].path / "env.py").is_file()


def folder_names(app: Flask) -> set[str]:
    """The files of the migrations folder."""
    folder = pathlib.Path(app.root_path) / "migrations"
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix != ".pyc"}


def test_init(apps: Apps) -> None:
    """``init`` writes a folder that works at once; a second time it refuses."""
    app = apps.make()
    with app.app_context():
        folder = fb.init(package=True)
        assert folder == apps.path / "migrations"
        with pytest.raises(fb.MigrationFolderError, match="not empty"):
            fb.init()
        fb.migrate()
        fb.upgrade()
    assert "user" in tables_of(apps.path / "app.db")
    assert folder_names(app) >= {
        *("README", "__init__.py", "alembic.ini", "env.py", "script.py.mako"),
        *("versions", "versions/__init__.py"),
    }


def test_init_after_migrate(apps: Apps) -> None:
    """A folder that ``migrate`` made keeps its revisions."""
    with apps.make().app_context():
        (script,) = fb.migrate()
        fb.init()
        assert [info.revision for info in fb.heads()] == [script.revision]
        fb.upgrade()
        assert fb.migrate() == []


def test_custom_template(apps: Apps) -> None:
    """A template is a folder of the user's, named by its path."""
    template = apps.path / "mine"
    template.mkdir()
    (template / "README").write_text("Mine.\n")
    (template / "alembic.ini.mako").write_text(
        "[alembic]\nscript_location = ${script_location}\nfile_template = x_%%(rev)s\n"
    )
    (template / "script.py.mako").write_text(
        "revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n"
        "branch_labels = ${repr(branch_labels)}\n"
        "def upgrade():\n    pass  # mine\ndef downgrade():\n    pass\n"
    )
    with apps.make().app_context():
        fb.init(template="./mine")
        (script,) = fb.revision(rev_id="aa11")
    path = pathlib.Path(script.path)
    assert path.name == "x_aa11.py"
    assert "# mine" in path.read_text()
    assert "%(here)s" in (apps.path / "migrations" / "alembic.ini").read_text()


def test_unknown_templates(apps: Apps) -> None:
    """Asynchronous templates are answered with a message of their own."""
    with apps.make().app_context():
        with pytest.raises(fb.UnknownTemplate, match="'flask-multidb'"):
            fb.init(template="nothing")
        with pytest.raises(fb.NotSupported, match="synchronous"):
            fb.init(template="aioflask")
    assert list(apps.path.iterdir()) == []


def test_heads_that_only_running_tells(three: Apps) -> None:
    """A file whose ids are computed counts as a head like any other."""
    path = write_revision(three.path / "migrations", "dd44", "bb22")
    text = path.read_text().replace("revision = 'dd44'", "revision = 'dd' + str(44)", 1)
    path.write_text(text.replace("= 'bb22'", "= 'bb' + str(22)"))
    with pytest.raises(fb.MultipleHeads) as caught:
        fb.upgrade()
    assert caught.value.heads == ("cc33", "dd44")
