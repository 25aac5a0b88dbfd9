"""The databases of an application: from binds to engines and metadata.

The error classes are imported where one is raised, because they load Alembic, which is
not needed to find a database up to date.
"""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import typing as t
import unicodedata

import sqlalchemy as sa

from ..settings import SetupError
from ..state import MigrateState
from ..value_classes import value_class

if t.TYPE_CHECKING:
    from ..errors import NoModels


@value_class
class Bind:
    """One bind, ready to be migrated.

    :param key: the bind key; ``''`` for the default bind.
    :param engine: the application's own engine.
    :param metadata: the metadata of the bind's models; may be empty.
    """

    key: str
    engine: sa.Engine
    metadata: tuple[sa.MetaData, ...]

    @property
    def name(self) -> str:
        """The bind key as it is spelled in ``upgrade_<name>()``."""
        return identifier(self.key)

    @property
    def database(self) -> str:
        """The name of the database for messages, without a password."""
        return display(self.engine.url)

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name for the kind of database."""
        return self.engine.dialect.name

    @property
    def file(self) -> pathlib.Path | None:
        """The file of a SQLite database; None where it has none by its path."""
        return file_of(self.engine.url)

    @property
    def is_there(self) -> bool:
        """False for a missing SQLite file, which connecting would create."""
        return self.file is None or self.file.exists()

    @property
    def has_tables(self) -> bool:
        """Whether the models define any table."""
        return any(metadata.tables for metadata in self.metadata)


class Models(list[sa.MetaData]):
    """The metadata of the models of one database, if there are several objects.

    Alembic compares it as a list. It reads the naming convention from the attribute,
    which a plain list does not have.
    """

    @property
    def naming_convention(self) -> cabc.Mapping[t.Any, t.Any]:
        """The convention that all of them have, else SQLAlchemy's default."""
        filled = [metadata for metadata in self if metadata.tables] or self
        conventions = [metadata.naming_convention for metadata in filled]
        if conventions and all(other == conventions[0] for other in conventions):
            return conventions[0]
        return sa.MetaData().naming_convention


def models(binds: cabc.Iterable[Bind]) -> sa.MetaData | Models:
    """Return the metadata of binds as Alembic's ``target_metadata``."""
    by_id = {id(one): one for bind in binds for one in bind.metadata}
    return Models(by_id.values()) if len(by_id) != 1 else by_id.popitem()[1]


def identifier(key: str) -> str:
    """Return the spelling of a bind key after ``upgrade_`` in a script.

    The key is normalised as Python normalises names (NFKC), and each character that is
    not allowed in a name becomes an underscore. A valid name is not changed.
    """
    normal = unicodedata.normalize("NFKC", key)
    return "".join(c if f"_{c}".isidentifier() else "_" for c in normal)


def display(url: sa.URL) -> str:
    """Return a database's name for messages: a file, or a URL without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    return url.set(query={}).render_as_string(hide_password=True)


def find(state: MigrateState) -> dict[str, Bind]:
    """Return every bind of the current application, the default one first.

    :raises UnknownBind: two bind keys have the same name in scripts, or metadata is
        given for a bind without an engine.
    :raises NotSupported: an engine is asynchronous.
    """
    engines = _engines(state)
    metadatas = _metadatas(state)
    for key in metadatas.keys() - engines.keys():
        if any(metadata.tables for metadata in metadatas[key]):
            from ..errors import UnknownBind

            raise UnknownBind(
                f"Bind {key!r} has tables but no engine",
                "Add it to the application's databases, e.g. 'SQLALCHEMY_BINDS'.",
                bind=key,
            )
    binds: dict[str, Bind] = {}
    owners: dict[str, str] = {}
    for key, engine in sorted(engines.items()):
        name = identifier(key)
        if name in owners:
            from ..errors import UnknownBind

            raise UnknownBind(
                f"Binds {owners[name]!r} and {key!r} both become 'upgrade_{name}()' "
                "in scripts",
                "Rename one of them.",
                bind=key,
            )
        owners[name] = key
        if getattr(engine.dialect, "is_async", False):
            from ..errors import NotSupported

            raise NotSupported(
                f"The engine of bind {key!r} is asynchronous, which is not supported",
                "Give migrations a synchronous driver.",
                bind=key,
            )
        metadata = metadatas.get(key) or (_without_tables(state),)
        binds[key] = Bind(key, engine, metadata)
    return binds


def _engines(state: MigrateState) -> dict[str, sa.Engine]:
    """Return the engines by bind key, from the arguments or the extension."""
    if state.databases.engines:
        return dict(state.databases.engines)
    db = state.db
    if db is None:
        raise SetupError(
            "There is no database to migrate",
            "pass 'db' to init_app(), or 'metadata' with 'engine', 'engines' or 'url'",
        )
    try:
        engines = getattr(db, "engines", None)
    except RuntimeError as error:
        # The error says that db.init_app() was not called for this application.
        raise SetupError(str(error)) from error
    if engines is None:
        return {"": db.engine}
    if engines or not getattr(db, "async_engines", None):
        return {_key(db, key): engine for key, engine in engines.items()}
    from ..errors import NotSupported

    raise NotSupported(
        "The application has asynchronous engines only, which are not supported",
        "Configure a synchronous engine for migrations.",
    )


def _key(db: t.Any, key: str | None) -> str:
    """Return the bind key of an engine: ``''`` for the default one."""
    if key is None:
        return ""
    # Flask-SQLAlchemy-Lite has no metadata, and calls its default bind 'default'.
    is_lite = not hasattr(db, "metadatas")
    return "" if is_lite and key == "default" else key


def _metadatas(state: MigrateState) -> dict[str, tuple[sa.MetaData, ...]]:
    """Return the metadata by bind key, from the argument or else the extension."""
    given = state.databases.metadata
    if given is None:
        given = getattr(state.db, "metadatas", None)
    if given is None:
        given = getattr(state.db, "metadata", None) or ()
    if not isinstance(given, cabc.Mapping):
        given = {"": given}
    return {
        _key(state.db, key) if key is not None else "": (
            (value,) if isinstance(value, sa.MetaData) else tuple(value)
        )
        for key, value in given.items()
    }


def _without_tables(state: MigrateState) -> sa.MetaData:
    """Return metadata for a bind without models, with the default bind's convention.

    Flask-SQLAlchemy does the same for the first model of a bind.
    """
    default = getattr(state.db, "metadatas", {}).get(None)
    if default is None:
        return sa.MetaData()
    return sa.MetaData(naming_convention=default.naming_convention)


def select(
    state: MigrateState, binds: cabc.Mapping[str, Bind], named: cabc.Set[str]
) -> list[Bind]:
    """Choose the binds to migrate.

    They are the binds with tables and those that scripts name, unless the settings
    choose others: an application may read databases that it does not own.

    :param named: the names for which scripts have functions.
    :raises UnknownBind: a setting names a bind that the application does not have.
    """
    included, excluded = state.settings.binds, state.settings.exclude_binds
    gone = {key for key in excluded if identifier(key) in named}
    unknown = ((included or frozenset()) | excluded) - binds.keys() - gone
    if unknown:
        from ..errors import UnknownBind

        raise UnknownBind(
            f"The application has no bind {min(unknown)!r}; it has "
            f"{', '.join(map(repr, binds)) or 'none'}",
            "Correct 'BATCHMIGRATE_BINDS' or 'BATCHMIGRATE_EXCLUDE_BINDS'.",
            bind=min(unknown),
        )
    if included is not None:
        chosen = included
    else:
        chosen = frozenset(
            key for key, bind in binds.items() if bind.has_tables or bind.name in named
        )
        if not chosen and "" in binds:
            chosen = frozenset({""})
    return [bind for key, bind in binds.items() if key in chosen - excluded]


def require_named(
    state: MigrateState, binds: cabc.Mapping[str, Bind], named: cabc.Set[str]
) -> None:
    """Refuse scripts for a bind that the application does not have.

    :raises UnknownBind: there is such a bind.
    """
    known = {bind.name for bind in binds.values()}
    excluded = {identifier(key) for key in state.settings.exclude_binds}
    for name in sorted(named - known - excluded):
        from ..errors import UnknownBind

        raise UnknownBind(
            f"The revision scripts are for a bind {name!r}, which the application does "
            "not have",
            "Add it to the application's databases, or to "
            "'BATCHMIGRATE_EXCLUDE_BINDS' if it is gone.",
            bind=name,
        )


def no_models() -> NoModels:
    """Return the error for a comparison without models."""
    from ..errors import NoModels

    return NoModels(
        "The models define no tables, so there is nothing to compare the database with",
        "Import the modules with the models where the application is created.",
    )


def by_database(binds: cabc.Iterable[Bind]) -> list[list[Bind]]:
    """Group binds by their database, so that those of one share a connection."""
    groups: dict[t.Hashable, list[Bind]] = {}
    for bind in binds:
        groups.setdefault(_database_key(bind.engine), []).append(bind)
    return list(groups.values())


def _database_key(engine: sa.Engine) -> t.Hashable:
    """Return a value that is equal for engines on the same database."""
    url = engine.url
    if url.get_backend_name() == "sqlite":
        return file_of(url) or engine.pool
    query = tuple(sorted(url.query.items()))
    return (url.get_backend_name(), url.host, url.port, url.database, query)


def file_of(url: sa.URL) -> pathlib.Path | None:
    """Return the file of a SQLite URL; None if the URL is not the path of a file."""
    name = url.database or ":memory:"
    if url.get_backend_name() != "sqlite" or name == ":memory:":
        return None
    return None if name.startswith("file:") else pathlib.Path(name).resolve()


def find_by_engine(binds: cabc.Collection[Bind], engine: sa.Engine) -> Bind | None:
    """Return the bind with this engine, or else with the same database."""
    for bind in binds:
        if bind.engine.pool is engine.pool:
            return bind
    return find_by_url(binds, engine.url)


def find_by_url(binds: cabc.Collection[Bind], url: sa.URL) -> Bind | None:
    """Return the first bind with this URL, or with this SQLite file."""
    for bind in binds:
        if bind.engine.url == url:
            return bind
    key = file_of(url)
    for bind in binds:
        if key is not None and file_of(bind.engine.url) == key:
            return bind
    return None
