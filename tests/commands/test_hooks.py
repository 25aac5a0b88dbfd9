"""What an application hooks into generation holds for every way to generate."""

from __future__ import annotations

import pathlib
import sys
import typing as t

import pytest
import sqlalchemy as sa
from alembic.operations import ops
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb

WAYS = {
    "write": [],
    "dry run": ["--dry-run"],
    "amend": ["--amend"],
    "amend, dry run": ["--amend", "--dry-run"],
}


class Secret(sa.TypeDecorator[str]):
    """A type of an application."""

    impl = sa.String
    cache_ok = True

    def __repr__(self) -> str:
        return "Secret()"


def directives(_: t.Any, __: t.Any, scripts: list[t.Any]) -> None:
    (script,) = scripts
    names = [each.column_name for o in script.upgrade_ops.ops for each in drops(o)]
    assert names == []
    script.upgrade_ops.ops.append(ops.ExecuteSQLOp("SELECT 'of the hook'"))
    script.message = "by the hook"


def drops(operation: t.Any) -> list[t.Any]:
    inner = getattr(operation, "ops", ())
    return [each for each in inner if isinstance(each, ops.DropColumnOp)]


def include_object(
    _: t.Any, name: str | None, kind: str, reflected: bool, other: t.Any
) -> bool:
    return not (kind == "column" and name == "code")


def include_name(name: str | None, kind: str, parents: t.Any) -> bool:
    return not (kind == "table" and name == "of_others")


def render_item(kind: str, item: t.Any, context: t.Any) -> str | bool:
    if kind == "type" and isinstance(item, Secret):
        context.imports.add("import sqlalchemy as rendered")
        return "rendered.String()"
    return False


#: For each hook: the options, what the script has, and what it does not have.
HOOKS: dict[str, tuple[dict[str, t.Any], list[str], list[str]]] = {
    "process_revision_directives": (
        {"process_revision_directives": directives},
        ["SELECT 'of the hook'", "'code'"],
        [],
    ),
    "include_object": ({"include_object": include_object}, ["'email'"], ["'code'"]),
    "include_name": (
        {"include_name": include_name},
        ["'email'"],
        ["of_others"],
    ),
    "render_item": (
        {"render_item": render_item},
        ["import sqlalchemy as rendered", "sa.Column('code', rendered.String()"],
        ["Secret"],
    ),
    "user_module_prefix": (
        {"user_module_prefix": "own.types."},
        ["sa.Column('code', own.types.Secret()"],
        [],
    ),
}


def make(path: pathlib.Path, *columns: str, **options: t.Any) -> tuple[Flask, t.Any]:
    app = Flask("an_app", root_path=str(path))
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{path / 'app.db'}"
    app.config["BATCHMIGRATE_POST_WRITE_HOOKS"] = options.pop("hooks", {})
    db = SQLAlchemy(app)
    types = {"code": Secret()}
    db.Table(
        "user",
        db.Column("id", db.Integer, primary_key=True),
        *(db.Column(name, types.get(name, sa.String(50))) for name in columns),
    )
    fb.BatchMigrate(app, db, **options)
    return app, db


@pytest.fixture
def path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A database at its second revision."""
    monkeypatch.chdir(tmp_path)
    for number, columns in enumerate([["name"], ["name", "mail"]]):
        app, db = make(tmp_path, *columns)
        with app.app_context():
            fb.migrate(rev_id=f"a{number}")
            fb.upgrade()
            if not number:
                with db.engine.begin() as connection:
                    connection.exec_driver_sql("CREATE TABLE of_others (id INTEGER)")
            db.engine.dispose()
    return tmp_path


def generated(path: pathlib.Path, way: str, **options: t.Any) -> str:
    """Generate in one of the ways; return the text of the script."""
    columns = ["name", "email", "code"] if "amend" in way else []
    app, db = make(path, *(columns or ["name", "mail", "email", "code"]), **options)
    before = set(path.rglob("versions/*.py"))
    args = ["db", "migrate", "--no-verify", *WAYS[way]]
    result = app.test_cli_runner().invoke(args=args)
    assert result.exit_code == 0, result.output
    with app.app_context():
        db.engine.dispose()
    after = set(path.rglob("versions/*.py"))
    left = {each.name for each in (path / "migrations").iterdir()}
    assert left == {"versions"}
    if "dry" in way:
        assert after == before
        return result.output
    if "amend" in way:
        assert after == before
        (file,) = path.rglob("versions/a1_*.py")
    else:
        (file,) = after - before
    return file.read_text()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", HOOKS)
def test_hook(path: pathlib.Path, way: str, hook: str) -> None:
    """The hook is called, and what it says is in the script."""
    options, there, missing = HOOKS[hook]
    text = generated(path, way, **options)
    for each in there:
        assert each in text
    for each in missing:
        assert each not in text


@pytest.mark.parametrize("way", WAYS)
def test_post_write_hooks(path: pathlib.Path, way: str) -> None:
    """The programs run once on the script, among the application's other files."""
    program = path / "stamp.py"
    program.write_text(
        "import pathlib, sys\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "assert file.parent.parent.name == 'migrations'\n"
        "file.write_text(file.read_text() + '# stamped\\n')\n"
    )
    hook = {
        "type": "exec",
        "executable": sys.executable,
        "options": f"{program} REVISION_SCRIPT_FILENAME",
    }
    text = generated(path, way, hooks={"stamp": hook})
    assert text.count("# stamped\n") == 1


@pytest.mark.parametrize(
    "hook",
    [
        {"type": "exec", "executable": "/nowhere/ruff"},
        {"type": "console_scripts", "entrypoint": "no_such_program"},
        {"type": "of_nobody"},
    ],
)
def test_a_post_write_hook_fails(path: pathlib.Path, hook: dict[str, str]) -> None:
    """No file is left, so that the command can be run again."""
    before = set(path.rglob("versions/*.py"))
    app, db = make(path, "name", "mail", "email", hooks={"it": hook})
    result = app.test_cli_runner().invoke(args=["db", "migrate"])
    assert result.exit_code == 1
    assert "A post-write hook ('it') could not be run" in result.output
    assert "No file was written" in result.output
    assert set(path.rglob("versions/*.py")) == before
    with app.app_context():
        db.engine.dispose()
    generated(path, "write")
