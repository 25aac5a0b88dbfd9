"""Database migrations for Flask that lose nothing on SQLite."""

from __future__ import annotations

import importlib
import typing as t

from . import commands
from .extension import BatchMigrate
from .extension import Migrate
from .settings import SetupError

if t.TYPE_CHECKING:
    from ._compat import alembic_version as alembic_version
    from .commands import *  # noqa: F403
    from .environment.config import Config
    from .errors import *  # noqa: F403

__version__ = "0.1.0"
__all__ = [  # noqa: F405, RUF022 - by subject; the errors load on first use
    "BatchMigrate",
    "Migrate",
    "Config",
    "SetupError",
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
__all__ += commands.__all__

#: The modules of the names that need Alembic; each is loaded when a name is used.
_LAZY: t.Final = {
    **dict.fromkeys(__all__, ".errors"),
    **dict.fromkeys(commands.__all__, ".commands"),
    "Config": ".environment.config",
    "alembic_version": "._compat",
}


if not t.TYPE_CHECKING:  # or type checkers accept any name

    def __getattr__(name: str) -> t.Any:
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_LAZY[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
