"""The commands as functions: they return values, raise errors and print nothing.

They are loaded on first use, because most of them load Alembic.
"""

from __future__ import annotations

import importlib
import typing as t

if t.TYPE_CHECKING:
    from .api import *  # noqa: F403
    from .checking import *  # noqa: F403
    from .rehearsals import *  # noqa: F403
    from .upgrading import *  # noqa: F403

__all__ = [  # noqa: F405
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
]

_MODULES: t.Final = {
    "findings": "checking",
    "rehearse": "rehearsals",
    "upgrade": "upgrading",
}


if not t.TYPE_CHECKING:  # or type checkers accept any name

    def __getattr__(name: str) -> t.Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = _MODULES.get(name, "api")
        return getattr(importlib.import_module(f".{module}", __name__), name)
