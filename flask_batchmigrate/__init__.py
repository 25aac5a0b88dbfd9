"""Database migrations for Flask that lose nothing on SQLite."""

from __future__ import annotations

import importlib
import typing as t

from .extension import BatchMigrate
from .extension import Migrate
from .settings import SetupError

if t.TYPE_CHECKING:
    from ._compat import alembic_version as alembic_version
    from .commands import branches
    from .commands import check
    from .commands import current
    from .commands import downgrade
    from .commands import edit
    from .commands import ensure_version
    from .commands import findings
    from .commands import heads
    from .commands import history
    from .commands import init
    from .commands import list_templates
    from .commands import merge
    from .commands import migrate
    from .commands import rehearse
    from .commands import revision
    from .commands import show
    from .commands import stamp
    from .commands import upgrade
    from .environment.config import Config
    from .errors import AlreadyRunning
    from .errors import AlterationError
    from .errors import BatchMigrateError
    from .errors import BrokenScript
    from .errors import DatabaseError
    from .errors import DatabaseNotStamped
    from .errors import DatabaseNotUpToDate
    from .errors import DatabaseUnavailable
    from .errors import LockTimeout
    from .errors import MigrationFolderError
    from .errors import MultipleHeads
    from .errors import NoApplication
    from .errors import NoModels
    from .errors import NotSupported
    from .errors import NotVerified
    from .errors import RevisionFailed
    from .errors import SchemaDiffers
    from .errors import UnknownBind
    from .errors import UnknownRevision
    from .errors import UnknownTemplate

# These need Alembic, so their modules are loaded when one of them is asked for.
_COMMANDS = """
branches check current downgrade edit ensure_version findings heads history init
list_templates merge migrate rehearse revision show stamp upgrade
"""
_ERRORS = """
AlreadyRunning AlterationError BatchMigrateError BrokenScript DatabaseError
DatabaseNotStamped DatabaseNotUpToDate DatabaseUnavailable LockTimeout
MigrationFolderError MultipleHeads NoApplication NoModels NotSupported NotVerified
RevisionFailed SchemaDiffers UnknownBind UnknownRevision UnknownTemplate
"""
_LAZY: t.Final = {
    "Config": ".environment.config",
    "alembic_version": "._compat",
    **dict.fromkeys(_COMMANDS.split(), ".commands"),
    **dict.fromkeys(_ERRORS.split(), ".errors"),
}

__version__ = "0.1.0"
__all__ = [  # noqa: RUF022 - by subject
    "BatchMigrate",
    "Migrate",
    "Config",
    "SetupError",
    "branches",
    "check",
    "current",
    "downgrade",
    "edit",
    "ensure_version",
    "findings",
    "heads",
    "history",
    "init",
    "list_templates",
    "merge",
    "migrate",
    "rehearse",
    "revision",
    "show",
    "stamp",
    "upgrade",
    "AlreadyRunning",
    "AlterationError",
    "BatchMigrateError",
    "BrokenScript",
    "DatabaseError",
    "DatabaseNotStamped",
    "DatabaseNotUpToDate",
    "DatabaseUnavailable",
    "LockTimeout",
    "MigrationFolderError",
    "MultipleHeads",
    "NoApplication",
    "NoModels",
    "NotSupported",
    "NotVerified",
    "RevisionFailed",
    "SchemaDiffers",
    "UnknownBind",
    "UnknownRevision",
    "UnknownTemplate",
]


def __getattr__(name: str) -> t.Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
