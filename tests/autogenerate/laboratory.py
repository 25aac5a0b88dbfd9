"""Tries a single change of models on a database, and says what holds of it."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import datetime
import decimal
import json
import pathlib
import sqlite3
import typing as t
import uuid

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request

from . import judge
from . import server_judge
from .changes import after
from .changes import before
from .changes import Change
from .changes import Define

MADE: t.Final = "✓"
NOTHING: t.Final = "none"

FOUND: t.Final = "not found"
REACHED: t.Final = "the upgrade does not reach the models"
KEPT: t.Final = "rows are lost"
QUIET: t.Final = "a second run finds it again"
CHECKED: t.Final = "`check` or `status` says something else"
RESTORED: t.Final = "the downgrade does not restore the start"
REFUSED: t.Final = "the downgrade is refused because of the rows"

Rows = dict[str, list[dict[str, t.Any]]]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What holds of a change on a database.

    :param sign: ``MADE``; ``NOTHING`` if the database has no such thing, so that the
        models are the same before and after; else what does not hold.
    :param text: the script, or what went wrong.
    """

    sign: str
    text: str = ""


class Place:
    """A database, and how it is read independently of what is tested.

    :param url: the database.
    :param judged: another database, for ``create_all()``; None for SQLite.
    :param path: an empty folder.
    """

    def __init__(self, url: str, judged: str | None, path: pathlib.Path) -> None:
        self.url, self.judged, self.path = url, judged, path
        self._engines: list[sa.Engine] = []
        self.kind = sa.make_url(url).get_backend_name().replace("mysql", "mariadb")

    def schema(self, url: str | None = None) -> str:
        """Return the name of the other schema, as the models call it."""
        name = sa.make_url(url or self.url).database
        return f"{name}_shop" if self.kind == "mariadb" else "shop"

    def metadata(self, define: Define, url: str | None = None) -> sa.MetaData:
        """Return models that know the name of the other schema."""
        metadata = sa.MetaData()
        metadata.info["schema"] = self.schema(url)
        define(metadata)
        return metadata

    def empty(self) -> None:
        """Leave no table and no type, and no connection that would hold one."""
        for engine in self._engines:
            engine.dispose()
        if self.judged is not None:
            server_judge.empty(self.url, [self.schema()])

    def close(self) -> None:
        """Close connections, and drop schemas that are not gone with the databases."""
        for engine in self._engines:
            engine.dispose()
        if self.judged is not None and self.kind == "mariadb":
            for url in (self.url, self.judged):
                server_judge.empty(url, [self.schema(url)])
                server_judge.drop(url, self.schema(url))

    def found(self, names: cabc.Set[str]) -> t.Any:
        """Return what there is."""
        if self.judged is not None:
            return server_judge.schema_of_server(self.url, names, [self.schema()])
        with contextlib.closing(sqlite3.connect(self.path / "app.db")) as connection:
            self.attach(connection)
            return self._read(connection, names)

    def attach(self, connection: t.Any, record: t.Any = None) -> None:
        """Attach the file that is the other schema."""
        if self.judged is None:
            connection.execute(f"ATTACH DATABASE '{self.path / 'shop.db'}' AS shop")

    def wanted(self, define: Define, names: cabc.Set[str]) -> t.Any:
        """Return what ``create_all()`` makes."""
        if self.judged is not None:
            metadata = self.metadata(define, self.judged)
            schemas = [self.schema(self.judged)]
            return server_judge.schema_of_models(metadata, self.judged, names, schemas)
        engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
        with engine.connect() as connection:
            connection.exec_driver_sql("ATTACH DATABASE ':memory:' AS shop")
            self.metadata(define).create_all(connection)
            made = self._read(connection.connection.dbapi_connection, names)
        engine.dispose()
        return made

    def _read(self, connection: t.Any, names: cabc.Set[str]) -> t.Any:
        return {
            schema: judge.schema_of_connection(connection, schema, names)
            for schema in ("main", "shop")
        }

    def app(self, define: Define) -> tuple[Flask, SQLAlchemy]:
        """Return an application with these models."""
        app = Flask("an_app", root_path=str(self.path))
        app.config["SQLALCHEMY_DATABASE_URI"] = self.url
        if self.judged is None:
            options = {"poolclass": sa.pool.NullPool}
            app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
        db = SQLAlchemy(app, metadata=self.metadata(define))
        fb.BatchMigrate(app, db, directory=str(self.path / "migrations"))
        with app.app_context():
            sa.event.listen(db.engine, "connect", self.attach)
            self._engines.append(db.engine)
        return app, db


class Laboratory:
    """Tries one change in one place."""

    def __init__(self, change: Change, place: Place) -> None:
        self.change = change
        self.place = place
        self.before, self.after = before(change.name), after(change.name)
        self.names = {
            str(part.name)
            for define in (self.before, self.after)
            for url in (place.url, place.judged)
            for table in place.metadata(define, url).tables.values()
            for part in (*table.constraints, *table.indexes)
            if isinstance(part.name, str)
        }

    def run(self) -> Outcome:
        """Try the change: up, down and up again, with rows in the tables."""
        self.place.empty()
        start, end = (self._wanted(d) for d in (self.before, self.after))
        self.start()
        assert self._found() == start, "the start is not what the models say"
        had = self._rows(self.before)
        request = Request(**self.change.options)
        app, _ = self.place.app(self.after)
        with app.app_context():
            told = _agrees()
            (status,) = app.extensions["migrate"].migrate.status(compare=True)
            scripts = fb.migrate(rev_id="bb22", request=request)
            if not scripts:
                if start != end:
                    return Outcome(FOUND, f"{start}\n{end}")
                return Outcome(CHECKED if status.differing or not told else NOTHING)
            text = pathlib.Path(scripts[0].path).read_text(encoding="utf-8")
            fb.upgrade()
            if self._found() != end:
                return Outcome(REACHED, f"{text}\n{self._found()}\n{end}")
            if not self._kept(had, self._rows(self.after)):
                return Outcome(KEPT, text)
            if fb.migrate(rev_id="cc33") != []:
                return Outcome(QUIET, text)
            if told or not status.differing or not _agrees():
                return Outcome(CHECKED, text)
            try:
                fb.downgrade()
            except fb.BatchMigrateError as error:
                return Outcome(REFUSED, f"{text}\n{error}")
            if self._found() != start or not self._kept_back(had):
                return Outcome(RESTORED, f"{text}\n{self._found()}\n{start}")
            fb.upgrade()
        return Outcome(MADE if self._found() == end else REACHED, text)

    def _wanted(self, define: Define) -> t.Any:
        return self.place.wanted(define, self.names)

    def _found(self) -> t.Any:
        return self.place.found(self.names)

    def start(self, generate: bool = True) -> None:
        """Make the tables before the change by a migration, and two rows in each.

        :param generate: whether to write the revision, which is there otherwise.
        """
        app, db = self.place.app(self.before)
        with app.app_context():
            if generate:
                fb.migrate(rev_id="aa11")
            fb.upgrade(revision="aa11")
            with db.engine.begin() as connection:
                for table in db.metadata.sorted_tables:
                    for number in (0, 1):
                        row = self._row(table, number)
                        connection.execute(table.insert(), row)

    def _row(self, table: sa.Table, number: int) -> dict[str, t.Any]:
        """Return a row; the second one has NULL wherever it can."""
        row = {}
        for column in table.columns:
            place = f"{table.name}.{column.name}"
            if column.computed is not None:
                continue
            if place in self.change.values:
                row[column.key] = self.change.values[place][number]
            elif number and column.nullable:
                row[column.key] = None
            else:
                row[column.key] = _sample(column, number)
        return row

    def _rows(self, define: Define) -> Rows:
        """Return the rows by the names that tables and columns had before."""
        app, db = self.place.app(define)
        old = self.change.old_names if define is self.after else {}
        rows = {}
        with app.app_context(), db.engine.connect() as connection:
            for table in db.metadata.sorted_tables:
                # A computed value is none that could be kept.
                plain = [c for c in table.c if c.computed is None]
                names = [old.get(f"{table.name}.{c.name}", c.name) for c in plain]
                rows[old.get(table.name, table.name)] = sorted(
                    (
                        dict(zip(names, row, strict=True))
                        for row in connection.execute(sa.select(*plain))
                    ),
                    key=lambda row: str(next(iter(row.values()))),
                )
        return rows

    def _kept(self, had: Rows, has: Rows) -> bool:
        """Tell whether the tables and columns that stay hold what they held."""
        return all(
            len(had[table]) == len(has[table])
            and all(
                _same(old[column], new[column])
                for old, new in zip(had[table], has[table], strict=True)
                for column in old.keys() & new.keys()
            )
            for table in had.keys() & has.keys()
        )

    def _kept_back(self, had: Rows) -> bool:
        """Tell whether the downgrade kept what the upgrade had not dropped."""
        old = self.change.old_names
        names = {
            old.get(str(table.name), str(table.name)): {
                old.get(f"{table.name}.{c.name}", c.name) for c in table.c
            }
            for table in self.place.metadata(self.after).tables.values()
        }
        left = {
            table: [{k: v for k, v in r.items() if k in names[table]} for r in rows]
            for table, rows in had.items()
            if table in names
        }
        return self._kept(left, self._rows(self.before))


#: Whether SQLAlchemy reads the operator classes of an index, so that they come back.
READS_OPERATOR_CLASSES: t.Final = not sa.__version__.startswith("2.0.")


def can_be_had(change: Change) -> bool:
    """Tell whether this release of SQLAlchemy has the options of the models."""
    if change.name.startswith("operator class") and not READS_OPERATOR_CLASSES:
        return False
    try:
        for define in (before(change.name), after(change.name)):
            define(sa.MetaData())
    except (sa.exc.ArgumentError, KeyError) as error:
        return isinstance(error, KeyError)
    return True


def _agrees() -> bool:
    """Return what ``check`` says."""
    try:
        return fb.check()
    except fb.SchemaDiffers:
        return False


def _same(old: t.Any, new: t.Any) -> bool:
    """Tell whether a value is the old one, maybe in another type."""
    if old == new or str(new).startswith(str(old)):
        return True
    if old is None:
        # A column that is NOT NULL now, or computed.
        return new is not None
    with contextlib.suppress(decimal.InvalidOperation):
        return decimal.Decimal(str(old)) == decimal.Decimal(str(new))
    texts = [v if isinstance(v, str) else json.dumps(v) for v in (old, new)]
    with contextlib.suppress(ValueError):
        return bool(json.loads(texts[0]) == json.loads(texts[1]))
    return False


#: Two values of each kind of type.
_SAMPLES: t.Final[dict[type, tuple[t.Any, t.Any]]] = {
    int: (7, 8),
    str: ("Ada", "Bob"),
    bool: (True, False),
    float: (1.5, 2.5),
    decimal.Decimal: (decimal.Decimal("1.50"), decimal.Decimal("2.50")),
    datetime.date: (datetime.date(2024, 2, 29), datetime.date(2024, 3, 1)),
    datetime.datetime: (
        datetime.datetime(2024, 2, 29, 12, 30, tzinfo=None),
        datetime.datetime(2024, 3, 1, 12, 30, tzinfo=None),
    ),
    uuid.UUID: (uuid.UUID(int=1), uuid.UUID(int=2)),
}


def _sample(column: sa.Column[t.Any], number: int) -> t.Any:
    """Return one of two values for a column; that of a parent, if it refers to one."""
    for key in column.foreign_keys:
        return _sample(key.column, number)
    if column.name == "id":
        return 4 + number
    if isinstance(column.type, sa.Enum):
        return column.type.enums[0]
    if isinstance(column.type, sa.JSON):
        return ({"a": 1}, {})[number]
    type_ = column.type
    python = type_.impl if isinstance(type_, sa.TypeDecorator) else type_
    return _SAMPLES[t.cast(t.Any, python).python_type][number]
