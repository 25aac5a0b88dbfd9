"""Random legal schemas with rows."""

from __future__ import annotations

import dataclasses
import typing as t

from tests.oracles.schema_model import affinity
from tests.oracles.schema_model import Check
from tests.oracles.schema_model import Column
from tests.oracles.schema_model import ForeignKey
from tests.oracles.schema_model import Index
from tests.oracles.schema_model import Key
from tests.oracles.schema_model import plain
from tests.oracles.schema_model import Program
from tests.oracles.schema_model import Schema
from tests.oracles.schema_model import Table
from tests.oracles.schema_model import Term
from tests.oracles.schema_model import Writer
from tests.sqlite.random_choices import Choices
from tests.sqlite.random_emphasis import Emphasis
from tests.sqlite.random_emphasis import EVEN

NAMES = (
    "a",
    "b",
    "Cee",
    "d_4",
    "x y",
    "order",
    'q"uote',
    "it's",
    "größe",
    "a]b",
    "check",
    "oid",
    "(",
    "--",
)
TABLES = ("t", "other", "x table", 'ta"ble', "Select")
TYPES = (
    "INTEGER",
    "TEXT",
    "",
    "INT",
    "BIGINT",
    "SMALLINT",
    "VARCHAR(5)",
    "VARCHAR(20)",
    "CHAR(3)",
    "REAL",
    "FLOAT",
    "NUMERIC",
    "DECIMAL(10, 2)",
    "BOOLEAN",
    "DATE",
    "DATETIME",
    "TIME",
    "BLOB",
    "JSON",
    "my type",
)
STRICT_TYPES = ("INTEGER", "TEXT", "INT", "REAL", "BLOB", "ANY")
FITTING: dict[str, tuple[t.Any, ...]] = {
    "INTEGER": (1, 0, 2, 3, -7, 42, 2**31 - 1),
    "BIGINT": (1, 2**53 + 1, 2**63 - 1, -(2**63)),
    "TEXT": ("a", "", "A", "b", "a ", "42", "007", "1.50", "größe", "x\0y"),
    "REAL": (0.5, 1.0, -2.25, 1e16, 1e300, float("inf"), 3.0),
    "NUMERIC": (1, 0.5, 3, 1e16, -4, 42),
    "BOOLEAN": (0, 1),
    "DATE": ("2020-01-31", "1999-12-01", "2024-02-29"),
    "DATETIME": ("2020-01-31 10:00:00", "1999-12-01 00:00:00.000000"),
    "TIME": ("10:00:00", "23:59"),
    "BLOB": (b"", b"\0\1", b"42", b"a" * 30),
    "JSON": ('{"a": [1]}', "[]", "null", 5),
}
ANYTHING = (
    "a",
    1,
    0.5,
    b"x",
    "2020-01-31",
    "42",
    0,
    "k",
    2**62,
    "10:00",
    "z" * 60,
    float("inf"),
    b"",
)
ODD = (
    *ANYTHING,
    *(2**47, -(2**47) - 1, 2**53 + 1, 10**16, 2**63 - 1, -(2**63)),
    *(-0.0, 1.0, 42.0, 1e15, 1e16, 2.0**47, 2.0**53, 2.0**63, 1e300, -float("inf")),
    *("1.0", "01", " 7 ", "-0", "1e3", "1e400", "0x10", "9223372036854775808"),
    *("x" * 700, "7" * 300, b"\x01" * 700, "1.50" + "0" * 600),
)
"""Values at the edges of how SQLite stores them, and some that fill several pages."""
DEFAULTS = {
    "TEXT": ("'x'", "''", "'42'", "'007'"),
    "INTEGER": ("0", "7", "-1", "(1 + 1)"),
    "REAL": ("0.5", "1", "(1.5 * 2)"),
    "NUMERIC": ("0", "1", "'2.5'"),
    "BLOB": ("x'0041'", "'t'", "5", "(length('abc'))"),
}
CONFLICTS = (
    "",
    "",
    "",
    " ON CONFLICT IGNORE",
    " ON CONFLICT REPLACE",
    " ON CONFLICT FAIL",
)
COLLATIONS = ("NOCASE", "RTRIM")
ACTIONS = ("", "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")
CHECKS = (
    "{0} IS NULL OR length({0}) < 5000",
    "{0} <> 'never'",
    "{0} NOT IN (99, 'k') OR {1} IS NULL",
    "typeof({0}) <> 'blob' OR {0} <> x'07'",
    "coalesce({0} = {1}, 1) IN (0, 1) -- a comment, )\n",
)
STRICT_CHECKS = ("{0} > 0", "length({0}) = 1", "{0} < {1}", "{0} IN (1, 'a', 0.5)")
EXPRESSIONS = ("lower({0})", "{0} || 'x'", "coalesce({0}, {1})", "length({0}) + 1")
COMPUTED = (
    *EXPRESSIONS,
    "{0}",
    "coalesce({0}, 7)",
    "CAST({0} AS INTEGER)",
    "CAST({0} AS REAL)",
    "CAST({0} AS BLOB)",
    "nullif({0}, {1})",
    "{0} * 1.0",
    "{0} + {1}",
    "-{0}",
    "quote({0})",
    "round({0}, 1)",
    "trim({0}, '0')",
    "CASE WHEN {0} > {1} THEN {0} ELSE 'less' END",
    "CASE {0} WHEN {1} THEN 0.0 ELSE -0.0 END",
)
"""What a conversion computes, or the value of a new column."""
CONDITIONS = ("{0} IS NOT NULL", "{0} > 0", "{0} <> 'a' AND {1} IS NULL")


def fitting(type_: str) -> tuple[t.Any, ...]:
    """Return values that a type holds."""
    word = type_.upper().split("(")[0].strip()
    if word in FITTING:
        return FITTING[word]
    if word in ("INT", "SMALLINT"):
        return (1, 0, 2, 3, -7, 42)
    if word in ("VARCHAR", "CHAR"):
        return ("a", "", "A", "b", "42", "1.5")
    if word == "FLOAT":
        return FITTING["REAL"]
    if word == "DECIMAL":
        return (1, 0.5, 12.25, -4)
    return ANYTHING


def default_for(choices: Choices, type_: str) -> str:
    """Choose a default that a column of a type may have."""
    word = type_.upper().split("(")[0].strip()
    special = {"DATE": "'2020-01-31'", "DATETIME": "'2020-01-31 10:00:00'"}
    special |= {"TIME": "'10:00'", "JSON": "'[]'", "BOOLEAN": "1"}
    if word in special:
        return special[word]
    if word in ("CHAR", "VARCHAR"):
        return choices.pick(("'x'", "''", "'42'"))
    return choices.pick(DEFAULTS[affinity(type_)])


@dataclasses.dataclass
class Builder:
    """Makes a schema piece by piece.

    :param choices: what decides.
    :param strict_tables: whether the library has them.
    :param emphasis: what there is to be more of.
    """

    choices: Choices
    strict_tables: bool = True
    emphasis: Emphasis = EVEN
    schema: Schema = dataclasses.field(default_factory=lambda: Schema([]))
    next_id: int = 1
    constraint_number: int = 0

    def new_id(self) -> int:
        """Number a column."""
        self.next_id += 1
        return self.next_id - 1

    def spell(self, name: str, *, recase: bool = True) -> str:
        """Write a name in one of SQLite's ways."""
        forms = [plain(name), "`" + name.replace("`", "``") + "`"]
        if "]" not in name:
            forms.append(f"[{name}]")
        if name in ("a", "b", "Cee", "d_4", "größe", "oid", "t", "other"):
            forms.insert(0, name)
            if recase:
                forms.append("".join(c.swapcase() if c.isascii() else c for c in name))
        return self.choices.pick(forms)

    def declare(self, name: str) -> str:
        """Write a name where it is given."""
        return self.spell(name, recase=False)

    def build(self) -> Schema:
        """Make tables, then what depends on them."""
        for number in range(1, self.choices.number(1, 3) + 1):
            self.schema.tables.append(self.table(number))
        for table in self.schema.tables:
            for _ in range(self.choices.number(0, 2)):
                self.foreign_key(table)
        for table in self.schema.tables:
            for _ in range(self.choices.number(0, 2 + self.emphasis.extra_indexes)):
                self.schema.indexes.append(self.index(table))
        self.programs()
        return self.schema

    def label(self) -> str | None:
        """Name a constraint, or not."""
        if self.choices.chance(2):
            return None
        self.constraint_number += 1
        stem = self.choices.pick(("ck", "a name", 'q"'))
        return f"{stem}{self.constraint_number}"

    def free_name(self, table: Table | None) -> str:
        """Choose a column name that a table does not have."""
        taken = {c.name.lower() for c in table.columns} if table else set()
        return self.choices.pick([n for n in NAMES if n.lower() not in taken])

    def type(self, table: Table) -> str:
        """Choose a type."""
        return self.choices.pick(STRICT_TYPES if table.strict else TYPES)

    def table(self, number: int) -> Table:
        """Make a table without foreign keys."""
        choices = self.choices
        name = choices.pick(
            [n for n in TABLES if n not in {t.name for t in self.schema.tables}]
        )
        table = Table(number, name, [])
        table.strict = self.strict_tables and choices.chance(7)
        for _ in range(choices.number(*self.emphasis.columns)):
            table.columns.append(self.column(table))
        self.primary_key(table)
        for _ in range(choices.number(0, 2)):
            table.constraints.append(self.unique(table))
        for _ in range(choices.number(0, 2)):
            table.constraints.append(self.check(table, lenient=True))
        return table

    def column(self, table: Table) -> Column:
        """Make a column."""
        choices = self.choices
        number = self.new_id()
        column = Column(number, self.free_name(table), self.type(table))
        column.comment = f"about {number}" if choices.chance(3) else ""
        if table.plain_columns and choices.chance(7):
            base = choices.pick(table.columns)
            text = choices.pick(EXPRESSIONS[:2] + EXPRESSIONS[3:])
            column.generated = text.replace("{0}", f"{{{base.id}}}")
            column.stored = choices.chance(2)
            if table.strict:
                column.type = "ANY"
            return column
        if choices.chance(4):
            column.not_null = True
            column.not_null_conflict = choices.pick(CONFLICTS)
        if choices.chance(3):
            column.default = default_for(choices, column.type)
            if table.strict and column.type == "BLOB":
                # ADD COLUMN would let older rows read what the type forbids.
                column.default = "x'0041'"
        if choices.chance(6):
            column.collation = choices.pick(COLLATIONS)
        return column

    def primary_key(self, table: Table) -> None:
        """Give a table a primary key, or none."""
        choices = self.choices
        kind = choices.number(0, 6)
        if kind == 0:
            return
        conflict = choices.pick(CONFLICTS)
        if kind <= 3:
            column = table.columns[0]
            if kind < 3:
                column.type, column.default, column.collation = "INTEGER", None, None
            order = "DESC" if choices.chance(6) else ""
            key = Key(True, [Term(column.id, order=order)], self.label(), conflict)
            key.inline = not choices.chance(3)
            alias = kind < 3 and not (key.inline and order)
            key.autoincrement = alias and choices.chance(3)
        else:
            columns = choices.some(table.plain_columns, 2)
            terms = [self.key_term(c) for c in columns]
            key = Key(True, terms, self.label(), conflict)
        table.constraints.append(key)
        table.without_rowid = not key.autoincrement and choices.chance(4)

    def key_term(self, column: Column) -> Term:
        """Make a member of a key."""
        term = Term(column.id)
        if self.choices.chance(6):
            term.collation = self.choices.pick(COLLATIONS)
        if self.choices.chance(4):
            term.order = "DESC"
        return term

    def unique(self, table: Table) -> Key:
        """Make a UNIQUE."""
        choices = self.choices
        if choices.chance(2):
            column = choices.pick(table.plain_columns)
            terms, inline = [Term(column.id)], True
        else:
            columns = choices.some(table.plain_columns, 2)
            terms, inline = [self.key_term(c) for c in columns], False
        key = Key(False, terms, self.label(), choices.pick(CONFLICTS))
        key.inline = inline
        return key

    def expression(self, table: Table, options: tuple[str, ...]) -> str:
        """Fill an expression with columns."""
        pair = [self.choices.pick(table.columns).id for _ in range(2)]
        text = self.choices.pick(options)
        return text.replace("{0}", f"{{{pair[0]}}}").replace("{1}", f"{{{pair[1]}}}")

    def check(self, table: Table, *, lenient: bool) -> Check:
        """Make a CHECK; one that most rows pass where it is ``lenient``."""
        options = CHECKS if lenient else CHECKS + STRICT_CHECKS
        check = Check(self.expression(table, options), self.label())
        if lenient and self.choices.chance(2):
            check.inline = self.choices.pick(table.columns).id
        return check

    def foreign_key(self, table: Table) -> None:
        """Give a table a foreign key where there is a key to refer to."""
        choices = self.choices
        parent = choices.pick(self.schema.tables)
        key = self.new_foreign_key(table, parent)
        if key is not None:
            table.constraints.append(key)

    def new_foreign_key(self, table: Table, parent: Table) -> ForeignKey | None:
        """Make a foreign key from one table to another."""
        choices = self.choices
        keys = [k for k in parent.constraints if isinstance(k, Key) and fit_parent(k)]
        if not keys:
            return None
        key = choices.pick(keys)
        size = len(key.terms)
        if size > len(table.plain_columns):
            return None
        children = choices.some(table.plain_columns, size, size)
        parents = [term.column for term in key.terms if term.column is not None]
        made = ForeignKey([c.id for c in children], parent.id, parents, self.label())
        if key.primary and choices.chance(2):
            made.parents = []
        made.on_delete = choices.pick(ACTIONS)
        made.on_update = choices.pick(ACTIONS)
        made.deferred = choices.chance(4)
        made.inline = size == 1 and choices.chance(2)
        return made

    def index(self, table: Table) -> Index:
        """Make an index."""
        choices = self.choices
        number = len(self.schema.indexes) + 1
        name = choices.pick(("ix", "in dex", 'i"x')) + str(number + self.new_id())
        index = Index(name, table.id, [])
        index.unique = choices.chance(5)
        for column in choices.some(table.columns, 2):
            term = self.key_term(column)
            if choices.chance(4):
                text = self.expression(table, EXPRESSIONS)
                term = Term(None, text, term.collation, term.order)
            index.terms.append(term)
        if choices.chance(4):
            index.where = self.expression(table, CONDITIONS)
        return index

    def programs(self) -> None:
        """Make views and triggers."""
        choices = self.choices
        for table in self.schema.tables:
            if choices.chance(3):
                self.schema.programs.append(self.view(table))
            if choices.chance(2):
                self.schema.programs.append(self.trigger(table))

    def view(self, table: Table) -> Program:
        """Make a view."""
        name = f"v{table.id}"
        if self.choices.chance(3):
            sql = f"CREATE VIEW {name} AS SELECT * FROM {{t{table.id}}}"
            return Program("view", name, sql, star=table.id)
        columns = self.choices.some(table.columns, 2)
        listed = ", ".join(f"{{{c.id}}} AS c{i}" for i, c in enumerate(columns))
        where = self.choices.pick(("", f" WHERE {{{columns[0].id}}} IS NOT NULL"))
        sql = f"CREATE VIEW {name} AS SELECT {listed} FROM {{t{table.id}}}{where}"
        return Program("view", name, sql)

    def trigger(self, table: Table) -> Program:
        """Make a trigger that logs or changes rows."""
        choices = self.choices
        mark = f"{{t{table.id}}}"
        column = choices.pick(table.columns)
        name = f"tr{table.id}"
        event = choices.pick(
            ("INSERT", "DELETE", "UPDATE", f"UPDATE OF {{{column.id}}}")
        )
        row = "old" if event == "DELETE" else "new"
        timing = choices.pick(("AFTER", "BEFORE"))
        bodies = [f"INSERT INTO log VALUES ('{name}', {row}.{{{column.id}}});"]
        other = choices.pick(self.schema.tables)
        far = choices.pick(other.plain_columns)
        bodies.append(
            f"DELETE FROM {{t{other.id}}} WHERE {{{far.id}}} = {row}.{{{column.id}}};"
        )
        bodies.append(
            f"INSERT INTO log SELECT {{{far.id}}}, 1 FROM {{t{other.id}}}"
            f" WHERE {{{far.id}}} IS {row}.{{{column.id}}};"
        )
        when = f" WHEN {row}.{{{column.id}}} IS NOT NULL" if choices.chance(3) else ""
        head = f"CREATE TRIGGER {name} {timing} {event} ON {mark}{when}"
        return Program("trigger", name, f"{head} BEGIN {choices.pick(bodies)} END")


def fit_parent(key: Key) -> bool:
    """Tell whether a foreign key may refer to a key: SQLite wants plain collations."""
    return all(term.collation is None for term in key.terms)


def create(
    database: t.Any, schema: Schema, writer: Writer, error: type[Exception]
) -> None:
    """Create a schema; what SQLite does not accept is left out of it.

    :param error: the driver's errors.
    :raises error: if it does not accept a table.
    """
    database.execute("CREATE TABLE log (what, value)")
    for table in schema.tables:
        database.execute(writer.table(table))
    for items, write in (
        (schema.indexes, writer.index),
        (schema.programs, writer.program),
    ):
        for item in list(items):
            try:
                database.execute(write(item))
            except error:
                items.remove(item)


def fill(
    choices: Choices,
    database: t.Any,
    schema: Schema,
    error: type[Exception],
    emphasis: Emphasis = EVEN,
) -> None:
    """Insert rows; those that SQLite does not accept are left out."""
    odd = 3 if emphasis.has_odd_values else 0
    for table in schema.tables:
        for _ in range(choices.number(0, emphasis.rows)):
            insert_some(choices, database, schema, table, error, odd)
    for table in schema.tables:
        if choices.chance(3) and table.rowid:
            name = plain(table.name)
            attempt(
                database,
                f"DELETE FROM {name} WHERE {table.rowid} ="
                f" (SELECT max({table.rowid}) FROM {name})",
                (),
                error,
            )


def insert_some(
    choices: Choices,
    database: t.Any,
    schema: Schema,
    table: Table,
    error: type[Exception],
    odd: int = 0,
) -> None:
    """Insert one row, if SQLite accepts it."""
    sql, values = insertion(choices, database, schema, table, odd)
    attempt(database, sql, values, error)


def insertion(
    choices: Choices, database: t.Any, schema: Schema, table: Table, odd: int = 0
) -> tuple[str, list[t.Any]]:
    """Make the statement that inserts a random row.

    :param odd: one value in so many is an odd one; 0 for none.
    """
    columns = [c for c in table.plain_columns if not choices.chance(6)]
    names = [plain(c.name) for c in columns]
    values = [
        choices.pick(ODD)
        if odd and choices.chance(odd)
        else value_for(choices, database, schema, table, c)
        for c in columns
    ]
    if table.rowid and table.alias is None and choices.chance(4):
        names.append(table.rowid)
        values.append(choices.pick((10**12, -5, 77, 10**15)))
    if not names:
        return f"INSERT INTO {plain(table.name)} DEFAULT VALUES", []
    marks = ", ".join("?" * len(names))
    sql = f"INSERT INTO {plain(table.name)} ({', '.join(names)}) VALUES ({marks})"
    return sql, values


def value_for(
    choices: Choices, database: t.Any, schema: Schema, table: Table, column: Column
) -> t.Any:
    """Choose a value: one of a parent's, one that fits, NULL, or anything."""
    for key in table.constraints:
        if isinstance(key, ForeignKey) and column.id in key.children:
            found = _parent_value(choices, database, schema, key, column)
            if found and not choices.chance(3):
                return choices.pick(found)
    if choices.chance(4):
        # One that another row has, so that there are duplicates to find.
        name, path = plain(column.name), plain(table.name)
        present = database.execute(f"SELECT {name} FROM {path} LIMIT 3").fetchall()
        if present:
            return choices.pick(present)[0]
    if not column.not_null and choices.chance(4):
        return None
    if choices.chance(12):
        return choices.pick(ANYTHING)
    return choices.pick(fitting(column.type))


def _parent_value(
    choices: Choices, database: t.Any, schema: Schema, key: ForeignKey, column: Column
) -> list[t.Any]:
    parent = schema.table(key.parent)
    parents = key.parents
    if not parents and parent.primary is not None:
        parents = [t.column for t in parent.primary.terms if t.column is not None]
    place = key.children.index(column.id)
    if place >= len(parents):
        return []
    name = plain(parent.column(parents[place]).name)
    rows = database.execute(f"SELECT {name} FROM {plain(parent.name)}").fetchall()
    return [row[0] for row in rows]


def attempt(
    database: t.Any, sql: str, values: t.Sequence[t.Any], error: type[Exception]
) -> bool:
    """Run a statement by itself, or leave everything as it was."""
    try:
        database.execute(sql, values).fetchall()
    except error:
        return False
    return True


def add_later(
    choices: Choices, database: t.Any, builder: Builder, error: type[Exception]
) -> None:
    """Add columns to filled tables, so that older rows store nothing for them."""
    for table in builder.schema.tables:
        for _ in range(choices.number(0, 2) if choices.chance(2) else 0):
            column = builder.column(table)
            if column.stored:
                column.stored = False
            table.columns.append(column)
            writer = Writer(builder.schema)
            text = writer.definition(table, column)
            column.comment = ""
            sql = f"ALTER TABLE {plain(table.name)} ADD COLUMN {text}"
            if not attempt(database, sql, (), error):
                table.columns.remove(column)
        if choices.chance(2):
            insert_some(choices, database, builder.schema, table, error)
