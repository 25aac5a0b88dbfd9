"""Walks from random models to changed ones and back, with rows."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
import typing as t

import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request

from . import wide_judge
from .bench import Bench
from .wide_changes import changed
from .wide_models import Maker
from .wide_models import Models
from .wide_models import quoted
from .wide_models import Table
from .wide_types import KINDS

Rows = dict[str, list[dict[str, str]]]


class Fault(AssertionError):
    """What does not hold."""


def can_be_had(models: Models) -> bool:
    """Tell whether SQLite has such models at all."""
    metadata = sa.MetaData()
    try:
        models.define(metadata)
        engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
        with engine.connect() as connection:
            metadata.create_all(connection)
            for table in metadata.sorted_tables:
                connection.execute(table.select()).all()
        engine.dispose()
    except (sa.exc.SQLAlchemyError, AttributeError, KeyError):
        return False
    return True


def walk(seed: int, path: pathlib.Path, verbose: bool = False) -> str:
    """Try the models and the change of a seed.

    :return: ``ok``, or why there is nothing to try.
    """
    maker = Maker(seed)
    before = maker.models()
    after = changed(maker, before)
    if not (after.tables and can_be_had(before) and can_be_had(after)):
        return "impossible"
    if verbose:
        print(before, after, sep="\n\n")
    return Walk(maker, before, after, path, verbose).run()


class Walk:
    """One walk."""

    def __init__(
        self,
        maker: Maker,
        before: Models,
        after: Models,
        path: pathlib.Path,
        verbose: bool,
    ) -> None:
        self.maker, self.before, self.after = maker, before, after
        self.path, self.verbose = path, verbose
        self.bench = Bench(f"sqlite:///{path / 'app.db'}", path)
        self.folder = path / "migrations"

    def run(self) -> str:
        start, end = map(wide_judge.wanted, (self.before.define, self.after.define))
        self._generate(self.before, "aa11", Request(no_rename=True))
        self._same(start, "the first upgrade")
        self._insert()
        beside = self._make_beside()
        had = self._rows()
        told = self._checked(self.after)
        request = Request(
            no_rename=True, defaults=self._defaults(), renames=list(self._swaps())
        )
        try:
            text = self._generate(self.after, "bb22", request)
        except (fb.BatchMigrateError, fb.AlterationError) as error:
            if self._rows() != had or wide_judge.difference(self._found(), start):
                raise Fault(f"a refusal changed something: {error}") from error
            message = f"refused: {error}"
            if not any(each in message for each in EXPECTED):
                return message
            return "expected refusal"
        if not text:
            if lines := wide_judge.difference(self._found(), end):
                raise Fault("not found\n" + "\n".join(lines))
            return "same" if told else "check differs"
        self._same(end, "the upgrade", text)
        self._kept(had, self._rows(), self.before, self.after, text)
        again = self._generate(self.after, "cc33", Request(no_rename=True))
        if again:
            raise Fault(f"found again\n{text}\n{again}")
        if told or not self._checked(self.after):
            raise Fault(f"check says something else: {told}\n{text}")
        app, _ = self.bench.app(self.after.define, directory=self.folder)
        with app.app_context():
            try:
                fb.downgrade()
            except (fb.BatchMigrateError, fb.AlterationError) as error:
                message = f"refused downgrade: {error}"
                if not any(each in message for each in EXPECTED):
                    return message
                return "expected refusal of the downgrade"
        self._same(start, "the downgrade", text)
        self._kept_back(had, self._rows(), text)
        with app.app_context():
            fb.upgrade()
        self._same(end, "the second upgrade", text)
        if (left := self._beside()) != beside:
            raise Fault(f"views and triggers: {beside} became {left}\n{text}")
        return "ok"

    def _found(self) -> wide_judge.Schema:
        return wide_judge.read(self.path / "app.db")

    def _same(self, expected: wide_judge.Schema, when: str, text: str = "") -> None:
        lines = wide_judge.difference(self._found(), expected)
        if lines:
            raise Fault("\n".join([f"after {when}", *lines, text]))

    def _generate(self, models: Models, revision: str, request: Request) -> str:
        app, _ = self.bench.app(models.define, directory=self.folder)
        with app.app_context():
            try:
                scripts = fb.migrate(rev_id=revision, request=request)
            except fb.NotVerified:
                for file in sorted((self.folder / "versions").glob("bb22*")):
                    print(file.read_text() if self.verbose else "")
                raise
            texts = [pathlib.Path(s.path).read_text(encoding="utf-8") for s in scripts]
            if self.verbose:
                print(*texts)
            fb.upgrade()
        return "".join(texts)

    def _checked(self, models: Models) -> bool:
        app, _ = self.bench.app(models.define, directory=self.folder)
        with app.app_context():
            try:
                return fb.check()
            except fb.SchemaDiffers:
                return False

    def _insert(self) -> None:
        app, db = self.bench.app(self.before.define, directory=self.folder)
        random = self.maker.random
        with app.app_context(), db.engine.begin() as connection:
            for table in db.metadata.sorted_tables:
                model = self.before.table(str(table.name))
                assert model is not None
                for number in range(1, random.choice([1, 3, 5])):
                    row = self._row(model, table, number)
                    with (
                        contextlib.suppress(sa.exc.IntegrityError),
                        connection.begin_nested(),
                    ):
                        connection.execute(table.insert(), row)

    def _make_beside(self) -> t.Any:
        """Make views and triggers of tables that stay, and return them."""
        with contextlib.closing(sqlite3.connect(self.path / "app.db")) as connection:
            for table in self.before.tables:
                stays = self.after.table(table.name)
                if stays is None or not self.maker.maybe(0.3):
                    continue
                name = quoted(table.name)
                connection.execute(
                    f'CREATE VIEW "v {table.name}" AS SELECT id FROM {name}'
                )
                connection.execute(
                    f'CREATE TRIGGER "t {table.name}" AFTER DELETE ON {name} '
                    f"BEGIN UPDATE {name} SET id = id; END"
                )
            connection.commit()
        return self._beside()

    def _beside(self) -> t.Any:
        """Return the views and triggers."""
        with contextlib.closing(sqlite3.connect(self.path / "app.db")) as connection:
            return connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')"
                " ORDER BY name"
            ).fetchall()

    def _row(self, model: Table, table: sa.Table, number: int) -> dict[str, t.Any]:
        random, row = self.maker.random, {}
        for column in table.columns:
            if column.computed is not None:
                continue
            found = model.column(str(column.name))
            if found is None:
                text = isinstance(column.type, sa.String)
                row[column.key] = f"k{number}" if text else number
                if column.foreign_keys and random.random() < 0.3:
                    row[column.key] = None
                continue
            if found.default is not None and random.random() < 0.3:
                continue
            if column.nullable and random.random() < 0.3:
                row[column.key] = None
            else:
                row[column.key] = random.choice(KINDS[found.kind].values)
        return row

    def _rows(self) -> Rows:
        """Return what SQLite stores."""
        with contextlib.closing(sqlite3.connect(self.path / "app.db")) as connection:
            connection.row_factory = sqlite3.Row
            connection.text_factory = lambda text: text.decode(errors="replace")
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT"
                    " LIKE 'sqlite_%' AND name <> 'alembic_version'"
                )
            ]
            rows = {}
            for name in names:
                quoted = '"' + name + '"'
                columns = [
                    row["name"]
                    for row in connection.execute(f"PRAGMA table_info({quoted})")
                ]
                terms = ", ".join(f'quote("{c}")' for c in columns)
                rows[name] = [
                    dict(zip(columns, row, strict=True))
                    for row in connection.execute(
                        f"SELECT {terms} FROM {quoted} ORDER BY id"
                    )
                ]
            return rows

    def _pairs(self) -> t.Iterator[tuple[str, str, dict[str, str]]]:
        """Yield tables that stay: old and new name, and the columns that stay."""
        for new in self.after.tables:
            old = self.before.table(new.renamed_from or new.name)
            if old is None:
                continue
            columns = {"id": "id"} if old.key_form == new.key_form else {}
            for column in new.columns:
                former = old.column(column.former)
                if former is not None and former.kind == column.kind:
                    columns[former.name] = column.name
            keys = {k.column for k in old.keys if self.before.table(k.parent)} & {
                k.column for k in new.keys if self.after.table(k.parent)
            }
            columns |= {name: name for name in keys}
            yield old.name, new.name, columns

    def _kept(
        self, had: Rows, has: Rows, before: Models, after: Models, text: str
    ) -> None:
        for old, new, columns in self._pairs():
            if len(had[old]) != len(has[new]):
                raise Fault(f"rows of {new!r} are lost\n{text}")
            for one, other in zip(had[old], has[new], strict=True):
                for name, label in columns.items():
                    if name not in one or label not in other:
                        continue
                    if one[name] not in (other[label], "NULL"):
                        raise Fault(
                            f"{new}.{label}: {one[name]} became {other[label]}\n{text}"
                        )

    def _kept_back(self, had: Rows, has: Rows, text: str) -> None:
        for old, _, columns in self._pairs():
            if len(had[old]) != len(has[old]):
                raise Fault(f"rows of {old!r} are lost on the way back\n{text}")
            for one, other in zip(had[old], has[old], strict=True):
                for name in columns:
                    if name in one and one[name] not in (other[name], "NULL"):
                        raise Fault(
                            f"back: {old}.{name}: {one[name]} is {other[name]}\n{text}"
                        )

    def _swaps(self) -> t.Iterator[str]:
        """Yield the renames that names alone do not tell."""
        for new in self.after.tables:
            for column in new.columns:
                if column.swapped_with is not None:
                    yield f"{new.name}.{column.swapped_with}:{column.name}"

    def _defaults(self) -> list[str]:
        """Return values for columns that must not be NULL and say none."""
        said = []
        for new in self.after.tables:
            old = self.before.table(new.renamed_from or new.name)
            if old is None:
                continue
            for column in new.columns:
                former = old.column(column.former)
                has_default = column.default is not None and KINDS[column.kind].defaults
                if column.nullable or has_default or column.python_default:
                    continue
                if former is None or former.nullable:
                    value = VALUES.get(KINDS[column.kind].family)
                    if value:
                        said.append(f"{new.name}.{column.name}={value}")
        return said


VALUES: t.Final = {
    "text": "zz",
    "int": "4",
    "bool": "true",
    "enum": "good",
    "enum of values": "it's bad",
    "level": "low",
    "date": "2024-01-01",
    "moment": "2024-01-01 01:02:03",
    "time": "01:02:03",
    "real": "2.5",
    "number": "2.5",
    "json": "{}",
    "cents": "4",
}
EXPECTED: t.Final[tuple[str, ...]] = (
    "cannot become",
    "share a value of",
    "would have no value for it",
    "equal. Make them differ",
    # Nobody knows the values that are gone.
    "it is new and has no default",
    "UNIQUE constraint failed",
    "datatype mismatch",
    "there is no row in",
)
