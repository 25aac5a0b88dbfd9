"""Executes the user's own ``env.py`` unchanged, and intercepts its calls.

While it runs, the functions ``configure`` and ``run_migrations`` of ``alembic.context``
call the run, whichever module calls them, so that the run learns which database is
meant. ``env.py`` alone also sees a ``logging.config`` that configures nothing, since
older templates call ``fileConfig``, which would silence the application's loggers.
"""

from __future__ import annotations

import builtins
import collections.abc as cabc
import contextlib
import inspect
import logging
import logging.config
import pathlib
import traceback
import types
import typing as t

import alembic.context
from alembic.runtime.environment import EnvironmentContext


class _PatchedModule(types.ModuleType):
    """A module with some names replaced; all others come from the original."""

    def __init__(self, original: types.ModuleType, **replaced: t.Any) -> None:
        super().__init__(original.__name__, original.__doc__)
        self.__dict__.update(replaced)
        self._original = original

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._original, name)


def _leave_logging_alone(*args: t.Any, **kwargs: t.Any) -> None:
    """Replace the functions that configure logging: do nothing."""


def _stand_ins() -> list[tuple[types.ModuleType, types.ModuleType]]:
    """Return the modules to replace, each with its stand-in."""
    config = _PatchedModule(
        logging.config,
        fileConfig=_leave_logging_alone,
        dictConfig=_leave_logging_alone,
    )
    log = _PatchedModule(logging, config=config, basicConfig=_leave_logging_alone)
    return [(logging, log), (logging.config, config)]


def current_environment() -> EnvironmentContext:
    """Return the environment with which Alembic was started.

    The functions of ``alembic.context`` pass their calls to it. Before it is
    configured, there is no public way to get it.
    """
    return t.cast("EnvironmentContext", vars(alembic.context)["_proxy"])


@contextlib.contextmanager
def _passing_through(
    environment: EnvironmentContext, functions: dict[str, t.Any]
) -> cabc.Iterator[None]:
    """Replace functions of ``alembic.context`` inside the block, for one environment.

    They are replaced on the object that the module's functions call, not in the module.
    So every caller reaches them, and none after the run.
    """
    vars(environment).update(functions)
    try:
        yield
    finally:
        for name in functions:
            del vars(environment)[name]


def is_in_coroutine(error: BaseException) -> bool:
    """Return whether an error comes from inside an ``async`` function."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(f.f_code.co_flags & inspect.CO_COROUTINE for f, _ in frames)


def execute(
    path: pathlib.Path,
    code: types.CodeType,
    environment: EnvironmentContext,
    **functions: cabc.Callable[..., t.Any],
) -> None:
    """Run an ``env.py``.

    :param path: the file, its ``__file__``.
    :param code: the compiled file.
    :param environment: Alembic's environment of the run.
    :param functions: replacements for the functions of ``alembic.context``.
    """
    stand_ins = _stand_ins()

    def import_(name: str, *args: t.Any, **kwargs: t.Any) -> t.Any:
        module = builtins.__import__(name, *args, **kwargs)
        # An object that an application puts in place of a module may have no hash.
        return next((new for old, new in stand_ins if old is module), module)

    module = types.ModuleType("env_py")
    module.__file__ = str(path)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": import_}
    with _passing_through(environment, functions):
        exec(code, module.__dict__)
