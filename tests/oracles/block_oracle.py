"""What a block ought to do, worked out from the model by plain SQL.

The expected database is created from the model's statements and filled by INSERT, so
SQLite itself says whether the rows fit. The engine has no part in it.
"""

from __future__ import annotations

import collections
import collections.abc as cabc
import contextlib
import dataclasses
import datetime
import itertools
import json
import re
import typing as t

from flask_batchmigrate.sqlite.target.changes import AddColumn
from flask_batchmigrate.sqlite.target.changes import RenameColumn
from flask_batchmigrate.sqlite.target.changes import Reorder
from flask_batchmigrate.sqlite.target.changes import SetOptions
from tests.oracles.schema_model import affinity
from tests.oracles.schema_model import Check
from tests.oracles.schema_model import ForeignKey
from tests.oracles.schema_model import plain
from tests.oracles.schema_model import Program
from tests.oracles.schema_model import Schema
from tests.oracles.schema_model import Table
from tests.oracles.schema_model import Writer
from tests.sqlite.random_blocks import Meaning

Row = dict[int, t.Any]

_ROWIDS = {"rowid", "_rowid_", "oid"}


@dataclasses.dataclass
class Stored:
    """The rows of a table: by column number, and ``0`` for the rowid."""

    rows: list[Row]


@dataclasses.dataclass
class Expected:
    """What a block ought to do.

    :param database: the database as it ought to be, as far as it could be made.
    :param refuse: why the engine has to refuse the block.
    :param may_refuse: why it may.
    """

    database: t.Any
    refuse: list[str] = dataclasses.field(default_factory=list)
    may_refuse: list[str] = dataclasses.field(default_factory=list)


class Stop(Exception):
    """The expected database cannot be made any further."""


def read_rows(
    database: t.Any,
    table: Table,
    using: cabc.Mapping[int, str] | None = None,
    fills: cabc.Mapping[int, str] | None = None,
) -> list[Row]:
    """Read the rows of a table.

    :param using: expressions to read in the place of columns.
    :param fills: expressions to read besides, by the numbers of new columns.
    """
    values = using or {}
    terms = [values.get(c.id, plain(c.name)) for c in table.columns]
    numbers = [c.id for c in table.columns]
    terms += (fills or {}).values()
    numbers += fills or {}
    if table.rowid:
        terms.append(table.rowid)
        numbers.append(0)
    sql = f"SELECT {', '.join(terms)} FROM {plain(table.name)} NOT INDEXED"
    if table.without_rowid and table.primary:
        # SQLite may read another index of such a table, in spite of NOT INDEXED.
        order = []
        for term in table.primary.terms:
            name = plain(table.column(term.column or 0).name)
            collate = f" COLLATE {term.collation}" if term.collation else ""
            order.append(f"{name}{collate} {term.order}")
        sql += f" ORDER BY {', '.join(order)}"
    return [
        dict(zip(numbers, row, strict=True)) for row in database.execute(sql).fetchall()
    ]


def expect(
    database: t.Any, meaning: Meaning, fresh: t.Any, error: type[Exception]
) -> Expected:
    """Work out what a block ought to do.

    :param database: the database before it.
    :param fresh: an empty database, to be made what it ought to be.
    :param error: the driver's errors.
    """
    expected = Expected(fresh)
    with contextlib.suppress(Stop):
        _Oracle(database, meaning, expected, error).run()
    return expected


class _Oracle:
    def __init__(
        self,
        database: t.Any,
        meaning: Meaning,
        expected: Expected,
        error: type[Exception],
    ) -> None:
        self.old = database
        self.meaning = meaning
        self.expected = expected
        self.fresh = expected.database
        self.error = error
        self.writer = Writer(meaning.after)

    def refuse(self, reason: str) -> None:
        self.expected.refuse.append(reason)

    def may_refuse(self, reason: str) -> None:
        self.expected.may_refuse.append(reason)

    def run(self) -> None:
        self.fresh.execute("PRAGMA foreign_keys = OFF")
        self.fresh.execute("PRAGMA ignore_check_constraints = ON")
        self.structure()
        self.rowid_names()
        self.passing()
        self.tables()
        self.rows()
        self.fresh.execute("PRAGMA ignore_check_constraints = OFF")
        self.checks()
        self.computed()
        self.indexes()
        self.programs()
        self.keys()
        self.sequences()

    def structure(self) -> None:
        """Find what needs a column that is to go."""
        gone = {c.id for c in self.meaning.dropped}
        taken = {c.name.lower() for c in self.meaning.new.columns}
        # A later pass of the block may rename a column that has taken a name.
        added = (c for c in self.meaning.changes if isinstance(c, AddColumn))
        taken |= {c.name.lower() for c in added}
        used_again = any(c.name.lower() in taken for c in self.meaning.dropped)
        need = self.may_refuse if used_again else self.refuse
        for column in self.meaning.new.columns:
            if gone & Check(column.generated or "").columns:
                need("a generated column is computed from a dropped one")
        for table in self.meaning.after.tables:
            for key in table.constraints:
                if isinstance(key, ForeignKey) and gone & set(key.parents):
                    need("a foreign key refers to a dropped column")
        for program in self.meaning.after.programs:
            if program.columns & gone:
                need(f"{program.kind} {program.name} uses a dropped column")
            if gone and program.star == self.meaning.table:
                need(f"view {program.name} selects a dropped column")
            if not gone and program.star == self.meaning.table:
                self.places(program)
        if self.expected.refuse or self.expected.may_refuse:
            raise Stop

    def places(self, program: Program) -> None:
        """Find a column where a view of all columns has had another one."""
        old = [c.id for c in self.meaning.old.columns]
        new = [c.id for c in self.meaning.new.columns]
        if [id_ for id_ in new if id_ in old] != old:
            self.refuse(f"view {program.name} selects columns that are reordered")
        elif any(isinstance(c, Reorder) for c in self.meaning.changes):
            # There and back, in two passes of a block.
            self.may_refuse(f"view {program.name} selects columns that are reordered")

    def passing(self) -> None:
        """Let count what is in the way of something that the block takes back."""
        strict = [c.strict for c in self.meaning.changes if isinstance(c, SetOptions)]
        if True in strict and not self.meaning.new.strict:
            self.may_refuse("STRICT comes and goes")
        left = self.meaning.new.constraints
        renamed = any(isinstance(c, RenameColumn) for c in self.meaning.changes)
        keys = [c for c in self.meaning.old.constraints if isinstance(c, ForeignKey)]
        if renamed and any(key not in left for key in keys):
            self.may_refuse("a foreign key goes after a column was renamed")
        for added in self.meaning.added:
            if not any(added is constraint for constraint in left):
                self.may_refuse("a constraint comes and goes")

    def rowid_names(self) -> None:
        """Let a column stay whose name is one of the rowid, if a program says it."""
        gone = {c.name.lower() for c in self.meaning.dropped} & _ROWIDS
        names = self.meaning.after.names()
        for program in self.meaning.after.programs:
            said = {names.get(str(number), "").lower() for number in program.columns}
            if said & gone:
                self.may_refuse(f"{program.kind} {program.name} names the rowid")

    def tables(self) -> None:
        self.fresh.execute("CREATE TABLE log (what, value)")
        for table in self.meaning.after.tables:
            try:
                self.fresh.execute(self.writer.table(table))
            except (self.error, KeyError) as error:
                self.refuse(f"no such table is possible: {error}")
                raise Stop from error

    def rows(self) -> None:
        for row in self.old.execute("SELECT * FROM log").fetchall():
            self.fresh.execute("INSERT INTO log VALUES (?, ?)", row)
        for table in self.meaning.after.tables:
            before = self.meaning.before.table(table.id)
            if table.id != self.meaning.table:
                rows = read_rows(self.old, before)
                self.insert(table, rows, [c.id for c in table.plain_columns])
                continue
            rows = self.converted(before)
            self.null_keys(before, table, rows)
            known = {c.id for c in before.columns} | self.meaning.fills.keys()
            kept = [c.id for c in table.plain_columns if c.id in known]
            self.insert(table, rows, kept)
            self.new_nulls(before, table)
            self.misfits(table, rows)
            self.defaults(table)

    def converted(self, before: Table) -> list[Row]:
        """Read the rows with what the conversions of a block make of them."""
        using, fills = self.meaning.using, self.meaning.fills
        bare = {n: e for n, e in {**using, **fills}.items() if self._is_bare(n)}
        # What identifies a row, under numbers that no column has.
        names = {-c.id - 1: plain(c.name) for c in before.plain_columns if bare}
        keys = {n: f"quote({name}) || hex({name})" for n, name in names.items()}
        try:
            rows = read_rows(self.old, before, using, {**fills, **keys})
            stored = self.without_affinity(before, bare, keys) if bare else {(): ()}
        except self.error as error:
            self.refuse(f"a conversion fails: {error}")
            raise Stop from error
        for row in rows:
            key = tuple(row.pop(number) for number in keys)
            row.update(zip(bare, stored[key], strict=True))
        return rows

    def _is_bare(self, number: int) -> bool:
        """Tell whether a new column has no affinity."""
        new = self.meaning.new
        if not new.has(number):
            return False
        type_ = new.column(number).type
        return affinity(type_) == "BLOB" or (new.strict and type_.upper() == "ANY")

    def without_affinity(
        self, before: Table, bare: cabc.Mapping[int, str], keys: cabc.Mapping[int, str]
    ) -> dict[tuple[t.Any, ...], tuple[t.Any, ...]]:
        """Find what SQLite stores of expressions in columns without affinity.

        It stores a whole real that a VIRTUAL column has computed as an integer.

        :return: the values by the values of the keys.
        """
        terms = [*bare.values(), *keys.values()]
        names = ", ".join(f"c{number}" for number in range(len(terms)))
        self.old.execute(f"CREATE TEMP TABLE one ({names})")
        self.old.execute(
            f"INSERT INTO temp.one SELECT {', '.join(terms)} FROM {plain(before.name)}"
        )
        rows = self.old.execute("SELECT * FROM temp.one").fetchall()
        self.old.execute("DROP TABLE temp.one")
        return {tuple(row[len(bare) :]): tuple(row[: len(bare)]) for row in rows}

    def null_keys(self, before: Table, table: Table, rows: list[Row]) -> None:
        """Refuse NULL in a new primary key, which SQLite itself would take."""
        if table.primary is None:
            return
        earlier = before.primary.columns if before.primary else set()
        for number in table.primary.columns:
            nulls = any(row.get(number, 0) is None for row in rows)
            if not nulls or self.numbered(before, table, number, rows):
                continue
            if number not in earlier or table.alias or table.without_rowid:
                self.refuse("NULL in a new primary key")
                raise Stop
            self.may_refuse("NULL in a primary key")

    def numbered(
        self, before: Table, table: Table, number: int, rows: list[Row]
    ) -> bool:
        """Number the rows by a column that becomes the rowid and holds nothing."""
        alias, old = table.alias, before.alias
        if alias is None or alias.id != number or before.rowid is None:
            return False
        if (old is not None and old.id == number) or number in self.meaning.using:
            return False
        if any(row[number] is not None for row in rows):
            return False
        if before.column(number).generated is not None:
            return False
        for row in rows:
            row[number] = row[0]
        self.meaning.kept.add(number)
        return True

    def new_nulls(self, before: Table, table: Table) -> None:
        """Refuse a new column in the primary key that got no values."""
        numbers = table.primary.columns if table.primary else set()
        for number in numbers:
            if before.has(number):
                continue
            name = plain(table.column(number).name)
            sql = f"SELECT count(*) FROM {plain(table.name)} NOT INDEXED"
            empty = self.fresh.execute(f"{sql} WHERE {name} IS NULL").fetchone()
            if empty[0]:
                self.refuse("NULL in a new column of the primary key")

    def insert(self, table: Table, rows: list[Row], numbers: list[int]) -> None:
        names = [plain(table.column(n).name) for n in numbers]
        alias = table.alias
        numbered = alias is not None and alias.id in numbers
        # A new column that is the rowid takes over the numbers that rows have.
        if rows and 0 in rows[0] and table.rowid and not numbered:
            names.append(table.rowid)
            numbers = [*numbers, 0]
        marks = ", ".join("?" * len(names))
        sql = f"INSERT OR ABORT INTO {plain(table.name)}"
        sql += f" ({', '.join(names)}) VALUES ({marks})" if names else " DEFAULT VALUES"
        for row in rows:
            try:
                self.fresh.execute(sql, [row[n] for n in numbers])
            except self.error as error:
                self.refuse(f"a row does not fit: {error}")
                raise Stop from error

    def misfits(self, table: Table, rows: list[Row]) -> None:
        """Find values that a new type does not hold, though the old one did."""
        for number, old_type in self.meaning.retyped.items():
            known = table.has(number) and self.meaning.old.has(number)
            if not known or number in self.meaning.kept:
                continue
            column = table.column(number)
            if column.generated is not None:
                continue
            sql = f"SELECT {plain(column.name)} FROM {plain(table.name)}"
            converted = number in self.meaning.using
            large = column.type.upper() in ("INT", "INTEGER") and (
                table.strict or column is table.alias
            )
            for (value,) in self.fresh.execute(sql).fetchall():
                # INTEGER stands for BIGINT where SQLite takes no other integer type.
                if holds(column.type, value) or (large and isinstance(value, int)):
                    continue
                # Whether it fitted before is asked of the value as it was stored.
                stored = [row[number] for row in rows]
                if converted or all(holds(old_type, v) for v in stored):
                    self.refuse(f"{column.type} does not hold {value!r}")
                else:
                    self.may_refuse(f"{column.type} does not hold {value!r}")

    def defaults(self, table: Table) -> None:
        """Find defaults that a new type does not hold, though the old one did."""
        for number, old_type in self.meaning.retyped.items():
            if not table.has(number) or number in self.meaning.kept:
                continue
            column = table.column(number)
            if column.default is None or column.generated is not None:
                continue
            held = []
            for type_ in (old_type, column.type):
                self.fresh.execute("DROP TABLE IF EXISTS temp.one")
                self.fresh.execute(
                    f"CREATE TEMP TABLE one (c {type_} DEFAULT {column.default}, x)"
                )
                self.fresh.execute("INSERT INTO temp.one (x) VALUES (1)")
                ((value,),) = self.fresh.execute("SELECT c FROM temp.one").fetchall()
                held.append(holds(type_, value))
            self.fresh.execute("DROP TABLE temp.one")
            if held == [True, False]:
                # A new column may have been added before it gets the other type.
                known = self.meaning.old.has(number)
                tell = self.refuse if known else self.may_refuse
                tell(f"{column.type} does not hold its default")

    def checks(self) -> None:
        """Ask every CHECK of the table."""
        table = self.meaning.new
        for check in table.constraints:
            if not isinstance(check, Check):
                continue
            expression = self.writer.fill(check.expression)
            sql = f"SELECT count(*) FROM {plain(table.name)} NOT INDEXED"
            broken = self.fresh.execute(f"{sql} WHERE NOT ({expression}\n)").fetchone()
            if broken[0]:
                self.refuse("rows break a CHECK")

    def computed(self) -> None:
        """Find computed values that a STRICT table does not hold.

        SQLite itself lets them in, and its ``integrity_check`` complains of them.
        """
        old, new = self.meaning.old, self.meaning.new
        before = unheld(self.old, old, self.error) if old.strict else {}
        for number, count in unheld(self.fresh, new, self.error).items():
            if number in before:
                self.may_refuse("a STRICT table has computed values of another type")
            else:
                self.refuse(f"{count} computed values that a STRICT table cannot have")

    def indexes(self) -> None:
        for index in self.meaning.after.indexes:
            try:
                self.fresh.execute(self.writer.index(index))
            except (self.error, KeyError) as error:
                self.refuse(f"no such index is possible: {error}")
                raise Stop from error

    def programs(self) -> None:
        """Create views and triggers; refuse where one can no longer be used."""
        for program in self.meaning.after.programs:
            try:
                self.fresh.execute(self.writer.program(program))
            except (self.error, KeyError) as error:
                self.refuse(f"{program.kind} {program.name}: {error}")
                raise Stop from error
        before = uncompiled(self.old, self.meaning.before, self.error)
        after = uncompiled(self.fresh, self.meaning.after, self.error)
        for what, error in after.items():
            if what not in before:
                self.refuse(f"{what} cannot be used any more: {error}")
            else:
                self.may_refuse(f"{what} cannot be used: {before[what]}")
        if before:
            self.may_refuse(f"already unusable: {before}")

    def keys(self) -> None:
        """Compare the rows without parents."""
        before, broken_before = orphans(self.old, self.meaning.before, self.error)
        after, broken_after = orphans(self.fresh, self.meaning.after, self.error)
        if broken_after - broken_before:
            self.refuse(f"keys without a parent key: {broken_after - broken_before}")
        elif broken_after:
            self.may_refuse(f"keys without a parent key: {broken_after}")
        enforced = self.old.execute("PRAGMA foreign_keys").fetchone()[0]
        new = {
            _identity(self.meaning.new, c, self.meaning.after)
            for c in self.meaning.added
            if isinstance(c, ForeignKey)
        }
        for identity, count in (after - before).items():
            # The same key once more says nothing of rows that it was broken by.
            if (identity in new and identity not in before) or enforced:
                self.refuse(f"{count} rows without a parent: {identity}")
        if before:
            self.may_refuse("rows without a parent before")

    def sequences(self) -> None:
        """Let AUTOINCREMENT go on where it was, or behind the new numbers."""
        stored, counted = sequences(self.old), sequences(self.fresh)
        for table in self.meaning.after.tables:
            before = self.meaning.before.table(table.id)
            if table.autoincrement and before.autoincrement:
                self.fresh.execute(
                    "DELETE FROM sqlite_sequence WHERE name = ?", (table.name,)
                )
                last = max(stored.get(before.name, 0), counted.get(table.name, 0))
                if last:
                    self.fresh.execute(
                        "INSERT INTO sqlite_sequence VALUES (?, ?)", (table.name, last)
                    )


def unheld(database: t.Any, table: Table, error: type[Exception]) -> dict[int, int]:
    """Count the computed values that SQLite would not store under their types.

    :return: by the number of the column; only if the table is STRICT.
    """
    found = {}
    computed = [c for c in table.columns if c.generated is not None]
    for column in computed if table.strict else ():
        sql = f"SELECT {plain(column.name)} FROM {plain(table.name)} NOT INDEXED"
        values = database.execute(sql).fetchall()
        database.execute(f"CREATE TEMP TABLE one (c {column.type}) STRICT")
        count = 0
        for value in values:
            try:
                database.execute("INSERT INTO temp.one VALUES (?)", value)
            except error:
                count += 1
        database.execute("DROP TABLE temp.one")
        if count:
            found[column.id] = count
    return found


def sequences(database: t.Any) -> dict[str, int]:
    """Read where AUTOINCREMENT stands."""
    sql = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
    if not database.execute(sql).fetchall():
        return {}
    rows = database.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
    # Zero is where a table without a row starts, too.
    return {name: number for name, number in rows if number}


def uncompiled(
    database: t.Any, schema: Schema, error: type[Exception]
) -> dict[str, str]:
    """Return the statements on tables and views that cannot be compiled."""
    found = {}
    for table in schema.tables:
        name = plain(table.name)
        settings = ", ".join(
            f"{plain(c.name)} = {plain(c.name)}" for c in table.plain_columns
        )
        for what, sql in (
            ("INSERT INTO", f"INSERT INTO {name} DEFAULT VALUES"),
            ("DELETE FROM", f"DELETE FROM {name}"),
            ("UPDATE", f"UPDATE {name} SET {settings}"),
        ):
            try:
                database.execute(f"EXPLAIN {sql}").fetchall()
            except error as problem:
                found[f"{what} {table.id}"] = str(problem)
    for program in schema.programs:
        if program.kind == "view":
            try:
                database.execute(f"EXPLAIN SELECT * FROM {program.name}").fetchall()
            except error as problem:
                found[program.name] = str(problem)
    return found


Identity = tuple[int, tuple[int, ...], int, tuple[int, ...]]
"""A foreign key: its table, columns, parent, and the columns there, if it names any."""


def orphans(
    database: t.Any, schema: Schema, error: type[Exception]
) -> tuple[collections.Counter[Identity], set[int]]:
    """Count the rows without a parent by foreign key; and the tables with bad keys."""
    found: collections.Counter[Identity] = collections.Counter()
    bad = set()
    parents = {table.name.lower(): table for table in schema.tables}
    for table in schema.tables:
        listed: dict[int, list[tuple[t.Any, ...]]] = {}
        name = plain(table.name)
        for row in database.execute(f"PRAGMA foreign_key_list({name})").fetchall():
            listed.setdefault(row[0], []).append(row)
        columns = _ids(table)
        try:
            rows = database.execute(f"PRAGMA foreign_key_check({name})").fetchall()
        except error:
            bad.add(table.id)
            continue
        for row in rows:
            key = sorted(listed[row[3]], key=lambda r: r[1])
            children = tuple(columns[r[3].lower()] for r in key)
            parent = parents[row[2].lower()]
            named = tuple(_ids(parent)[r[4].lower()] for r in key if r[4] is not None)
            found[table.id, children, parent.id, named] += 1
    return found, bad


def _identity(table: Table, key: ForeignKey, schema: Schema) -> Identity:
    return table.id, tuple(key.children), key.parent, tuple(key.parents)


def _ids(table: Table) -> dict[str, int]:
    return {column.name.lower(): column.id for column in table.columns}


# Which values a type holds: what PostgreSQL's assignment cast takes and SQLAlchemy's
# type of that name reads.

_DAY = re.compile(r"(\d{4}-\d\d-\d\d)")
_TEXTS = ("CHAR", "VARCHAR")
_LIMITS = {"SMALLINT": 15, "INT": 31, "INTEGER": 31, "BIGINT": 63}


def holds(type_: str, value: t.Any) -> bool:
    """Tell whether a declared type holds a value."""
    word, _, sizes = type_.upper().partition("(")
    word = word.strip()
    if value is None or word in ("", "MY TYPE", "ANY"):
        return True
    if word in _LIMITS:
        limit = 2 ** _LIMITS[word]
        return isinstance(value, int) and -limit <= value < limit
    if word in ("REAL", "FLOAT", "NUMERIC", "DECIMAL"):
        if not isinstance(value, (int, float)):
            return False
        return not sizes or abs(value) < 10**8
    if word == "TEXT":
        return isinstance(value, str)
    if word in _TEXTS:
        return isinstance(value, str) and len(value) <= int(sizes.rstrip(") "))
    if word == "BOOLEAN":
        return isinstance(value, int) and value in (0, 1)
    if word == "BLOB":
        return isinstance(value, bytes)
    if word == "JSON":
        return isinstance(value, (int, float)) or _is_json(value)
    return isinstance(value, str) and _is_moment(word, value)


def _is_json(value: t.Any) -> bool:
    try:
        json.loads(value)
    except (ValueError, TypeError):
        return False
    return isinstance(value, str)


def _is_moment(word: str, value: str) -> bool:
    reader: dict[str, t.Callable[[str], t.Any]] = {
        "DATE": datetime.date.fromisoformat,
        "TIME": datetime.time.fromisoformat,
        "DATETIME": datetime.datetime.fromisoformat,
    }
    try:
        reader[word](value)
    except ValueError:
        return False
    return True


# Comparison


def differences(
    found: t.Any, wanted: t.Any, schema: Schema, error: type[Exception]
) -> list[str]:
    """Compare two databases; say what differs."""
    said = []
    for what, read in (
        ("columns", _columns),
        ("indexes", _indexes),
        ("foreign keys", _foreign_keys),
        ("rows", contents),
    ):
        one, two = read(found, schema), read(wanted, schema)
        said += [
            f"{what} of {key}: found {one.get(key)!r}, wanted {two.get(key)!r}"
            for key in {**one, **two}
            if one.get(key) != two.get(key)
        ]
    one, two = sequences(found), sequences(wanted)
    if one != two:
        said.append(f"sequences: found {one}, wanted {two}")
    return said


def _columns(database: t.Any, schema: Schema) -> dict[str, t.Any]:
    names = [t.name for t in schema.tables]
    names += [p.name for p in schema.programs if p.kind == "view"]
    found = {}
    for name in names:
        rows = database.execute(f"PRAGMA table_xinfo({plain(name)})").fetchall()
        # Before 3.37 the words after a type are part of it, if they follow it at once.
        ends = [row[2].removesuffix(" GENERATED ALWAYS") for row in rows]
        found[name] = [(*r[:2], end, *r[3:]) for r, end in zip(rows, ends, strict=True)]
    return found


def _indexes(database: t.Any, schema: Schema) -> dict[str, t.Any]:
    found = {}
    for table in schema.tables:
        rows = []
        listed = f"PRAGMA index_list({plain(table.name)})"
        for _, name, unique, origin, partial in database.execute(listed).fetchall():
            info = f"PRAGMA index_xinfo({plain(name)})"
            # Not the number of the column, nor the rowid at the end of each.
            terms = [r[2:] for r in database.execute(info).fetchall()]
            label = name if origin == "c" else ""
            rows.append((label, unique, origin, partial, terms))
        found[table.name] = sorted(rows, key=repr)
    return found


def _foreign_keys(database: t.Any, schema: Schema) -> dict[str, t.Any]:
    found = {}
    for table in schema.tables:
        keys: dict[int, list[t.Any]] = {}
        listed = f"PRAGMA foreign_key_list({plain(table.name)})"
        for number, *rest in database.execute(listed).fetchall():
            # Spelled as in the key, not as the column.
            rest[1:4] = [str(name).lower() for name in rest[1:4]]
            keys.setdefault(number, []).append(rest)
        found[table.name] = sorted(map(repr, keys.values()))
    return found


def contents(database: t.Any, schema: Schema) -> dict[str, t.Any]:
    """Read all rows, each value with its storage class."""
    found: dict[str, t.Any] = {}
    for table in schema.tables:
        columns = [plain(c.name) for c in table.columns]
        columns += [f"typeof({c})" for c in list(columns)]
        if table.rowid and not table.numbered_anew:
            columns.append(table.rowid)
        sql = f"SELECT {', '.join(columns)} FROM {plain(table.name)} NOT INDEXED"
        found[table.name] = sorted(map(repr, database.execute(sql).fetchall()))
    for program in schema.programs:
        if program.kind == "view":
            sql = f"SELECT * FROM {program.name}"
            try:
                rows = sorted(map(repr, database.execute(sql).fetchall()))
            except Exception as error:
                rows = [str(error)]
            found[program.name] = rows
    log = database.execute("SELECT what, value FROM log").fetchall()
    found["log"] = sorted(map(repr, log))
    return found


def dump(database: t.Any, schema: Schema) -> list[t.Any]:
    """Read everything that a refusal must leave as it is."""
    catalogue = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid"
    flags = [
        database.execute(f"PRAGMA {name}").fetchone()
        for name in ("foreign_keys", "legacy_alter_table", "writable_schema")
    ]
    return [
        database.execute(catalogue).fetchall(),
        database.execute("SELECT count(*) FROM sqlite_temp_master").fetchall(),
        contents(database, schema),
        sequences(database),
        flags,
    ]


def broken_index_answers(
    database: t.Any, schema: Schema, values: t.Iterable[t.Any]
) -> list[str]:
    """Ask each column for values with and without its indexes."""
    said = []
    pairs = [(table, c) for table in schema.tables for c in table.columns]
    for (table, column), value in itertools.product(pairs, values):
        name, place = plain(column.name), plain(table.name)
        condition = f"WHERE {name} IS ?" if value is None else f"WHERE {name} = ?"
        counts = [
            database.execute(
                f"SELECT count(*) FROM {where} {condition}", (value,)
            ).fetchone()[0]
            for where in (place, f"{place} NOT INDEXED")
        ]
        if counts[0] != counts[1]:
            said.append(f"{table.name}.{column.name} = {value!r}: {counts}")
    return said


def damage(database: t.Any) -> list[str]:
    """Ask SQLite whether the database is sound."""
    rows = [row[0] for row in database.execute("PRAGMA integrity_check").fetchall()]
    # A row may break a constraint that it broke before, and a NULL check of 3.40.1
    # and 3.43.2 is mistaken; what remains is damage.
    harmless = ("CHECK constraint failed", "NULL value in")
    return [r for r in rows if r != "ok" and not r.startswith(harmless)]
