"""The commands as functions: they return values, raise errors and print nothing.

The names are loaded on first use, and Alembic with most of them.
"""

from __future__ import annotations

import importlib
import typing as t

if t.TYPE_CHECKING:
    from .api import branches as branches
    from .api import check as check
    from .api import current as current
    from .api import downgrade as downgrade
    from .api import edit as edit
    from .api import ensure_version as ensure_version
    from .api import heads as heads
    from .api import history as history
    from .api import init as init
    from .api import list_templates as list_templates
    from .api import merge as merge
    from .api import migrate as migrate
    from .api import revision as revision
    from .api import show as show
    from .api import stamp as stamp
    from .checking import findings as findings
    from .rehearsals import rehearse as rehearse
    from .upgrading import upgrade as upgrade

__all__ = [
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


def __getattr__(name: str) -> t.Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _MODULES.get(name, "api")
    return getattr(importlib.import_module(f".{module}", __name__), name)
