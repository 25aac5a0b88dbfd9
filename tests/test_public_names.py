"""The names that applications, their ``env.py`` and their templates may import.

Each stands here by hand: what moves inside the package must not move a line of this
file. A name is taken away only after it warned for a release.
"""

from __future__ import annotations

import importlib
import typing as t

import pytest

import flask_batchmigrate
from tests.processes import python

PUBLIC: t.Final[dict[str, str]] = {
    "flask_batchmigrate": """
        BatchMigrate Migrate Config SetupError
        branches check current downgrade edit ensure_version findings heads history init
        list_templates merge migrate rehearse revision show stamp upgrade
        AlreadyRunning AlterationError BatchMigrateError BrokenScript DatabaseError
        DatabaseNotStamped DatabaseNotUpToDate DatabaseUnavailable LockTimeout
        MigrationFolderError MultipleHeads NoApplication NoModels NotSupported
        NotVerified RevisionFailed SchemaDiffers UnknownBind UnknownRevision
        UnknownTemplate
        alembic_version __version__
    """,
    "flask_batchmigrate.cli": "db",
    "flask_batchmigrate.environment": "engine_names run",
    "flask_batchmigrate.errors": """
        AlreadyRunning AlterationError BatchMigrateError BrokenScript DatabaseError
        DatabaseNotStamped DatabaseNotUpToDate DatabaseUnavailable LockTimeout
        MigrationFolderError MultipleHeads NoApplication NoModels NotSupported
        NotVerified RevisionFailed SchemaDiffers UnknownBind UnknownRevision
        UnknownTemplate
    """,
    "flask_batchmigrate.reporting": "Reporter reporter reporting_to",
    "flask_batchmigrate.results": """
        Applied Current Finding Rehearsal RehearsedRevision RevisionInfo Sql
        Statement TablePlan TableStep Template
    """,
    "flask_batchmigrate.settings": "Setting Settings SETTINGS SetupError",
    "flask_batchmigrate.sqlite.adapter": "RunOptions activate",
    "flask_batchmigrate.status": "DatabaseStatus ListedRevision PendingRevision",
}
UNLISTED: t.Final = {"alembic_version", "__version__"}
LIGHT: t.Final = (
    "flask_batchmigrate",
    "flask_batchmigrate.cli",
    "flask_batchmigrate.commands",
    "flask_batchmigrate.environment",
    "flask_batchmigrate.reporting",
    "flask_batchmigrate.results",
    "flask_batchmigrate.settings",
)
"""Modules that an application may import without paying for Alembic."""

SET_UP = """
import sys
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
import {modules}

app = Flask("an_app")
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
flask_batchmigrate.BatchMigrate(app, SQLAlchemy(app))
print(sorted({{"alembic", "mako"}} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, names in PUBLIC.items() for name in names.split()],
)
def test_name(module: str, name: str) -> None:
    """It is there, and it is something."""
    assert getattr(importlib.import_module(module), name) is not None


@pytest.mark.parametrize("module", PUBLIC)
def test_star_import(module: str) -> None:
    """A module that lists its names lists those that are public here, or more."""
    listed = getattr(importlib.import_module(module), "__all__", None)
    if listed is not None:
        assert {*PUBLIC[module].split()} - UNLISTED <= {*listed}


def test_the_package_lists_nothing_else() -> None:
    """What the package offers is public, so it stands above."""
    names = {*PUBLIC["flask_batchmigrate"].split()}
    assert {*flask_batchmigrate.__all__} == names - UNLISTED


@pytest.mark.parametrize("name", PUBLIC["flask_batchmigrate.errors"].split())
def test_an_error_is_one_class(name: str) -> None:
    """The class that the package offers is the one that is raised."""
    errors = importlib.import_module("flask_batchmigrate.errors")
    assert getattr(flask_batchmigrate, name) is getattr(errors, name)
    assert issubclass(getattr(errors, name), flask_batchmigrate.BatchMigrateError)


def test_setup_error_is_one_class() -> None:
    """The error of a wrong setting does not need Alembic."""
    settings = importlib.import_module("flask_batchmigrate.settings")
    assert flask_batchmigrate.SetupError is settings.SetupError


def test_setting_up_loads_no_alembic() -> None:
    """To import them and to set an application up loads neither Alembic nor Mako."""
    assert python(None, SET_UP.format(modules=", ".join(LIGHT))) == "[]\n"
