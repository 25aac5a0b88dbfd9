"""Reads the arguments of Alembic's ``context.configure``."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import inspect
import pathlib
import typing as t

import sqlalchemy as sa
from alembic.runtime.environment import EnvironmentContext

from ..errors import NotSupported
from ..project.binds import Bind
from ..project.binds import Models
from ..project.binds import models


def named(
    environment: EnvironmentContext, args: tuple[t.Any, ...], kwargs: dict[str, t.Any]
) -> dict[str, t.Any]:
    """Return the arguments of a call of ``configure``, by name.

    :raises TypeError: the arguments are not those of ``configure``.
    """
    signature = inspect.signature(EnvironmentContext.configure)
    bound = signature.bind(environment, *args, **kwargs).arguments
    options: dict[str, t.Any] = dict(list(bound.items())[1:])
    options.update(options.pop("kw", {}))
    return options


def hooks(options: dict[str, t.Any]) -> tuple[t.Any, ...]:
    """Return the user's version hooks as a tuple."""
    hooks = options.get("on_version_apply") or ()
    return tuple(hooks) if isinstance(hooks, cabc.Iterable) else (hooks,)


def count_tables(metadata: t.Any) -> int:
    """Return the number of tables in a metadata object, or in a list of them."""
    if metadata is None:
        return 0
    if isinstance(metadata, sa.MetaData):
        return len(metadata.tables)
    return sum(len(one.tables) for one in metadata)


def dialect_name(options: dict[str, t.Any]) -> str:
    """Return the name of the dialect that a configuration results in."""
    connection, url = options.get("connection"), options.get("url")
    if isinstance(connection, sa.Connection):
        return connection.dialect.name
    if url is not None:
        return sa.make_url(url).get_backend_name()
    return str(options.get("dialect_name") or "").partition("+")[0]


def require_synchronous(options: dict[str, t.Any], env: pathlib.Path) -> None:
    """Refuse a connection of an asynchronous engine.

    :param env: the ``env.py`` that made the connection.
    :raises NotSupported: the engine is asynchronous.
    """
    connection = options.get("connection")
    if isinstance(connection, sa.Connection) and connection.dialect.is_async:
        raise NotSupported(
            f"'{env}' connects with an asynchronous engine "
            f"('{connection.dialect.driver}'), which is not supported",
            "Let it connect with a synchronous one, or delete the file to use the "
            "packaged environment.",
            path=env,
        )


@contextlib.contextmanager
def own_models(
    options: dict[str, t.Any], binds: tuple[Bind, ...], name: str
) -> cabc.Iterator[None]:
    """Make a script's function use the models of its own bind, inside the block.

    Binds that share a database are configured together, but each has its own naming
    convention.

    :param options: the options with which Alembic is configured.
    :param binds: the binds for which Alembic is configured.
    :param name: the name of the bind that the function is for.
    """
    together = options.get("target_metadata")
    own = [bind for bind in binds if bind.name == name]
    others = isinstance(together, Models) or own != list(binds[:1])
    if len(binds) > 1 and own and others:
        options["target_metadata"] = models(own)
    try:
        yield
    finally:
        options["target_metadata"] = together
