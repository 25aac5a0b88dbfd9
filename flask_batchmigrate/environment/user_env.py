"""Executes the user's own ``env.py`` as it is, with two of its imports stood in for.

``alembic.context`` is a stand-in whose ``configure`` and ``run_migrations`` pass
through the run, so that it learns which database is meant. ``logging.config`` is one
that configures nothing: older templates call ``fileConfig``, which would silence the
loggers of the application. Both are seen by that file alone.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc as cabc
import logging
import logging.config
import pathlib
import types
import typing as t

import alembic
import alembic.context


class _StandIn(types.ModuleType):
    """A module with some of its names replaced; the rest is the original's."""

    def __init__(self, original: types.ModuleType, **replaced: t.Any) -> None:
        super().__init__(original.__name__, original.__doc__)
        self.__dict__.update(replaced)
        self._original = original

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._original, name)


def _leave_logging_alone(*args: t.Any, **kwargs: t.Any) -> None:
    """Stand for the functions that configure logging: it belongs to the process."""


def _stand_ins(replaced: dict[str, t.Any]) -> dict[types.ModuleType, types.ModuleType]:
    """Return the stand-ins by the module that each of them replaces."""
    context = _StandIn(alembic.context, **replaced)
    config = _StandIn(
        logging.config,
        fileConfig=_leave_logging_alone,
        dictConfig=_leave_logging_alone,
    )
    log = _StandIn(logging, config=config, basicConfig=_leave_logging_alone)
    return {
        alembic: _StandIn(alembic, context=context),
        alembic.context: context,
        logging: log,
        logging.config: config,
    }


def execute(
    path: pathlib.Path, tree: ast.Module, **context: cabc.Callable[..., t.Any]
) -> None:
    """Run an ``env.py``.

    :param path: the file, its ``__file__``.
    :param tree: what it says, parsed.
    :param context: what it finds in ``alembic.context`` instead of Alembic's functions.
    """
    stand_ins = _stand_ins(context)

    def import_(name: str, *args: t.Any, **kwargs: t.Any) -> t.Any:
        module = builtins.__import__(name, *args, **kwargs)
        return stand_ins.get(module, module)

    module = types.ModuleType("env_py")
    module.__file__ = str(path)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": import_}
    exec(compile(tree, str(path), "exec", dont_inherit=True), module.__dict__)
