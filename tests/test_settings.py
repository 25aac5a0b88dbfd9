"""Settings: their names, their order, and what is refused."""

from __future__ import annotations

import pytest

from flask_batchmigrate import BatchMigrate
from flask_batchmigrate import SetupError
from flask_batchmigrate.settings import SETTINGS
from flask_batchmigrate.settings import Settings
from tests.apps import Apps


def test_defaults() -> None:
    """With nothing said, every setting has its default."""
    settings = Settings({}, {})
    assert {s.argument: settings[s.argument] for s in SETTINGS} == {
        "directory": "migrations",
        "command": "db",
        "compare_type": True,
        "render_as_batch": None,
        "destructive": True,
        "scratch_url": None,
        "post_write_hooks": {},
        "transaction_per_migration": False,
        "binds": None,
        "exclude_binds": (),
        "lock": True,
        "lock_timeout": 60.0,
        "server_lock_timeout": None,
        "server_lock_retries": 5,
        "statement_timeout": None,
        "auto_upgrade": False,
        "auto_upgrade_exempt": (),
        "auto_upgrade_tolerates": ("newer",),
        "sqlite_keep_indexes": True,
    }


def test_argument_wins() -> None:
    """An argument is stronger than the configuration."""
    config = {"BATCHMIGRATE_DIRECTORY": "configured"}
    assert Settings({}, config).directory == "configured"
    assert Settings({"directory": "given"}, config).directory == "given"
    assert Settings({"directory": None}, config).directory == "configured"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DIRECTORY", ""),
        ("DIRECTORY", 1),
        ("COMMAND", ""),
        ("COMPARE_TYPE", "yes"),
        ("RENDER_AS_BATCH", "on"),
        ("TRANSACTION_PER_MIGRATION", 1),
        ("SCRATCH_URL", 1),
        ("SCRATCH_URL", "no url"),
        ("SCRATCH_URL", {"other": "no url"}),
        ("SCRATCH_URL", {1: "sqlite://"}),
        ("BINDS", "users"),
        ("EXCLUDE_BINDS", "users"),
        ("LOCK", 1),
        ("LOCK_TIMEOUT", -1),
        ("LOCK_TIMEOUT", float("inf")),
        ("LOCK_TIMEOUT", float("nan")),
        ("SERVER_LOCK_TIMEOUT", float("inf")),
        ("STATEMENT_TIMEOUT", float("inf")),
        ("BINDS", [["users"]]),
        ("EXCLUDE_BINDS", [1]),
        ("AUTO_UPGRADE_EXEMPT", [None]),
        ("AUTO_UPGRADE_TOLERATES", [["newer"]]),
        ("LOCK_TIMEOUT", True),
        ("LOCK_TIMEOUT", "60"),
        ("SERVER_LOCK_TIMEOUT", 0),
        ("SERVER_LOCK_TIMEOUT", "5"),
        ("SERVER_LOCK_RETRIES", 0.5),
        ("SERVER_LOCK_RETRIES", True),
        ("STATEMENT_TIMEOUT", 0),
        ("AUTO_UPGRADE", "yes"),
        ("AUTO_UPGRADE", 1),
        ("AUTO_UPGRADE", []),
        ("AUTO_UPGRADE_EXEMPT", "alive"),
        ("AUTO_UPGRADE_TOLERATES", "newer"),
        ("AUTO_UPGRADE_TOLERATES", ["everything"]),
    ],
)
def test_impossible_values(apps: Apps, key: str, value: object) -> None:
    """A value that cannot be meant is refused by name when the app is set up."""
    with pytest.raises(SetupError, match=f"'BATCHMIGRATE_{key}' must be"):
        apps.make(config={f"BATCHMIGRATE_{key}": value})


def test_unknown_key(apps: Apps) -> None:
    """A misspelled key is refused, with the one that was probably meant."""
    with pytest.raises(SetupError, match="Did you mean 'BATCHMIGRATE_DIRECTORY'"):
        apps.make(config={"BATCHMIGRATE_DIRECTROY": "x"})


def test_configuration_after_init_app(apps: Apps) -> None:
    """The configuration counts when it is used, not when the app is set up."""
    app = apps.make()
    app.config["BATCHMIGRATE_DIRECTORY"] = "later"
    assert app.extensions["migrate"].directory == "later"


def test_transaction_per_migration_reaches_alembic(apps: Apps) -> None:
    """It is an argument of ``context.configure``, there only when it is on."""
    plain = apps.make()
    assert "transaction_per_migration" not in plain.extensions["migrate"].configure_args
    for options in (
        {"transaction_per_migration": True},
        {"config": {"BATCHMIGRATE_TRANSACTION_PER_MIGRATION": True}},
    ):
        app = apps.make(**options)  # type: ignore[arg-type]
        assert app.extensions["migrate"].configure_args["transaction_per_migration"]


def test_engine_and_url_exclude_each_other(apps: Apps) -> None:
    """Two ways to name the database are one too many."""
    with pytest.raises(SetupError, match="'engine' and 'url' exclude"):
        apps.make(engine=object(), url="sqlite://")
    assert BatchMigrate(url="sqlite://").alembic_ctx_kwargs == {"url": "sqlite://"}
