"""What a database is to hold, as values: the model behind the property tests.

Columns and tables have numbers; expressions, indexes, triggers and views refer to
them by number. So to rename a column in the model is to change one string, and every
statement that the model writes follows. The engine has no part in it.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import re
import typing as t

Speller = t.Callable[[str], str]
"""Writes a name as it may stand in an expression."""


def plain(name: str) -> str:
    """Write a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


@dataclasses.dataclass
class Column:
    """A column; ``type`` is ``''`` where it has none."""

    id: int
    name: str
    type: str = ""
    not_null: bool = False
    not_null_conflict: str = ""
    default: str | None = None
    collation: str | None = None
    generated: str | None = None
    stored: bool = False
    comment: str = ""


@dataclasses.dataclass
class Term:
    """A member of a key or an index: a column, or an expression over columns."""

    column: int | None
    expression: str | None = None
    collation: str | None = None
    order: str = ""

    @property
    def columns(self) -> set[int]:
        """The columns it mentions."""
        if self.column is not None:
            return {self.column}
        return mentioned(self.expression or "")


@dataclasses.dataclass
class Key:
    """A PRIMARY KEY or UNIQUE; on a column where it is ``inline``."""

    primary: bool
    terms: list[Term]
    name: str | None = None
    conflict: str = ""
    autoincrement: bool = False
    inline: bool = False

    @property
    def columns(self) -> set[int]:
        """The columns it mentions."""
        return {t.column for t in self.terms if t.column is not None}


@dataclasses.dataclass
class Check:
    """A CHECK; on a column where ``inline`` is one."""

    expression: str
    name: str | None = None
    inline: int | None = None

    @property
    def columns(self) -> set[int]:
        """The columns it mentions or stands on."""
        own = set() if self.inline is None else {self.inline}
        return mentioned(self.expression) | own


@dataclasses.dataclass
class ForeignKey:
    """A foreign key; ``parents`` is empty where the parent's primary key is meant."""

    children: list[int]
    parent: int
    parents: list[int]
    name: str | None = None
    on_delete: str = ""
    on_update: str = ""
    deferred: bool = False
    inline: bool = False

    @property
    def columns(self) -> set[int]:
        """The columns of its own table that it mentions as a child."""
        return set(self.children)


Constraint = Key | Check | ForeignKey


@dataclasses.dataclass
class Table:
    """A table.

    :param numbered_anew: whether its rows get other rowids: they had none.
    """

    id: int
    name: str
    columns: list[Column]
    constraints: list[Constraint] = dataclasses.field(default_factory=list)
    without_rowid: bool = False
    strict: bool = False
    numbered_anew: bool = False

    def column(self, number: int) -> Column:
        """Return a column by its number."""
        return next(c for c in self.columns if c.id == number)

    def has(self, number: int) -> bool:
        """Tell whether it has a column."""
        return any(c.id == number for c in self.columns)

    @property
    def plain_columns(self) -> list[Column]:
        """The columns that values are inserted into."""
        return [c for c in self.columns if c.generated is None]

    @property
    def primary(self) -> Key | None:
        """Its primary key."""
        return next(
            (c for c in self.constraints if isinstance(c, Key) and c.primary), None
        )

    @property
    def alias(self) -> Column | None:
        """The column that is the rowid.

        See https://www.sqlite.org/lang_createtable.html#rowid
        """
        key = self.primary
        if key is None or self.without_rowid or len(key.terms) != 1:
            return None
        term = key.terms[0]
        if term.column is None or (key.inline and term.order == "DESC"):
            return None
        column = self.column(term.column)
        return column if column.type.upper() == "INTEGER" else None

    @property
    def rowid(self) -> str | None:
        """A name for the rowid; ``None`` where there is none that can be said."""
        if self.without_rowid:
            return None
        taken = {c.name.lower() for c in self.columns}
        return next((n for n in ("rowid", "_rowid_", "oid") if n not in taken), None)

    @property
    def autoincrement(self) -> bool:
        """Whether it has a row in sqlite_sequence."""
        return self.primary is not None and self.primary.autoincrement


@dataclasses.dataclass
class Index:
    """An index."""

    name: str
    table: int
    terms: list[Term]
    unique: bool = False
    where: str | None = None

    @property
    def columns(self) -> set[int]:
        """The columns it mentions."""
        found = mentioned(self.where or "")
        for term in self.terms:
            found |= term.columns
        return found


@dataclasses.dataclass
class Program:
    """A trigger or a view.

    :param sql: its statement, with ``{5}`` for the name of column 5 and ``{t2}`` for
        that of table 2.
    :param star: the table of which it selects all columns, whatever they are.
    """

    kind: str
    name: str
    sql: str
    star: int | None = None

    @property
    def columns(self) -> set[int]:
        """The columns it mentions."""
        return mentioned(self.sql)


@dataclasses.dataclass
class Schema:
    """Everything in a database but its rows."""

    tables: list[Table]
    indexes: list[Index] = dataclasses.field(default_factory=list)
    programs: list[Program] = dataclasses.field(default_factory=list)

    def table(self, number: int) -> Table:
        """Return a table by its number."""
        return next(table for table in self.tables if table.id == number)

    def names(self) -> dict[str, str]:
        """Return the names that stand for the marks in expressions."""
        found = {}
        for table in self.tables:
            found[f"t{table.id}"] = table.name
            for column in table.columns:
                found[str(column.id)] = column.name
        return found


_MARK = re.compile(r"\{(t?\d+)\}")


def mentioned(text: str) -> set[int]:
    """Return the columns that an expression mentions."""
    return {int(m) for m in _MARK.findall(text) if m.isdigit()}


class Writer:
    """Writes the statements that make a schema.

    :param schema: the schema.
    :param spell: how to write names.
    :param declare: how to write them where they are given.
    """

    def __init__(
        self, schema: Schema, spell: Speller = plain, declare: Speller = plain
    ) -> None:
        self.schema = schema
        self.spell = spell
        self.declare = declare
        self.names = schema.names()

    def fill(self, text: str) -> str:
        """Put names in the place of marks.

        :raises KeyError: a column or table is gone.
        """
        return _MARK.sub(lambda m: self.spell(self.names[m.group(1)]), text)

    def name(self, number: int) -> str:
        """Write the name of a column."""
        return self.spell(self.names[str(number)])

    def table(self, table: Table) -> str:
        """Write ``CREATE TABLE``."""
        items = [
            self.column(table, c, last=i + 1 == len(table.columns))
            for i, c in enumerate(table.columns)
        ]
        items += [
            f", {self.constraint(c)}"
            for c in table.constraints
            if not getattr(c, "inline", False)
        ]
        options = ["WITHOUT ROWID"] * table.without_rowid + ["STRICT"] * table.strict
        body = "".join(items)
        return f"CREATE TABLE {self.declare(table.name)} ({body}) {', '.join(options)}"

    def column(self, table: Table, column: Column, *, last: bool = True) -> str:
        """Write a column, with its comma and comment in the body of a table."""
        comma = "" if last else ","
        comment = f" /* {column.comment} */" if column.comment else ""
        return f"{self.definition(table, column)}{comma}{comment}\n"

    def definition(self, table: Table, column: Column) -> str:
        """Write a column by itself."""
        parts = [self.declare(column.name), column.type]
        for constraint in table.constraints:
            if isinstance(constraint, Check):
                if constraint.inline == column.id:
                    parts.append(self.constraint(constraint))
            elif constraint.inline and constraint.columns == {column.id}:
                parts.append(self.inline(constraint))
        if column.not_null:
            parts.append(f"NOT NULL{column.not_null_conflict}")
        if column.default is not None:
            parts.append(f"DEFAULT {column.default}")
        if column.collation is not None:
            parts.append(f"COLLATE {column.collation}")
        if column.generated is not None:
            kind = "STORED" if column.stored else "VIRTUAL"
            parts.append(f"GENERATED ALWAYS AS ({self.fill(column.generated)}) {kind}")
        return " ".join(part for part in parts if part)

    def inline(self, constraint: Key | ForeignKey) -> str:
        """Write a constraint on its column."""
        name = f"CONSTRAINT {plain(constraint.name)} " if constraint.name else ""
        if isinstance(constraint, Key):
            kind = "PRIMARY KEY" if constraint.primary else "UNIQUE"
            order = f" {constraint.terms[0].order}" if constraint.primary else ""
            auto = " AUTOINCREMENT" if constraint.autoincrement else ""
            return f"{name}{kind}{order}{constraint.conflict}{auto}"
        return f"{name}{self.references(constraint)}"

    def constraint(self, constraint: Constraint) -> str:
        """Write a constraint of the table."""
        name = f"CONSTRAINT {plain(constraint.name)} " if constraint.name else ""
        if isinstance(constraint, Check):
            return f"{name}CHECK ({self.fill(constraint.expression)})"
        if isinstance(constraint, Key):
            kind = "PRIMARY KEY" if constraint.primary else "UNIQUE"
            terms = ", ".join(self.term(t) for t in constraint.terms)
            auto = " AUTOINCREMENT" if constraint.autoincrement else ""
            return f"{name}{kind} ({terms}{auto}){constraint.conflict}"
        children = ", ".join(self.name(c) for c in constraint.children)
        return f"{name}FOREIGN KEY ({children}) {self.references(constraint)}"

    def references(self, key: ForeignKey) -> str:
        """Write the part of a foreign key about its parent."""
        text = f"REFERENCES {self.spell(self.names[f't{key.parent}'])}"
        if key.parents:
            text += f" ({', '.join(self.name(p) for p in key.parents)})"
        text += f" ON DELETE {key.on_delete}" if key.on_delete else ""
        text += f" ON UPDATE {key.on_update}" if key.on_update else ""
        return text + (" DEFERRABLE INITIALLY DEFERRED" if key.deferred else "")

    def term(self, term: Term) -> str:
        """Write a member of a key or an index."""
        if term.column is not None:
            text = self.name(term.column)
        else:
            text = f"({self.fill(term.expression or '')})"
        text += f" COLLATE {term.collation}" if term.collation else ""
        return f"{text} {term.order}".rstrip()

    def index(self, index: Index) -> str:
        """Write ``CREATE INDEX``."""
        terms = ", ".join(self.term(t) for t in index.terms)
        unique = "UNIQUE " if index.unique else ""
        where = f" WHERE {self.fill(index.where)}" if index.where else ""
        table = self.spell(self.names[f"t{index.table}"])
        return f"CREATE {unique}INDEX {plain(index.name)} ON {table} ({terms}){where}"

    def program(self, program: Program) -> str:
        """Write ``CREATE TRIGGER`` or ``CREATE VIEW``."""
        return self.fill(program.sql)


def drop_column(schema: Schema, table: Table, number: int) -> None:
    """Drop a column with what belongs to its table and mentions it."""
    table.columns = [c for c in table.columns if c.id != number]
    table.constraints = [c for c in table.constraints if number not in c.columns]
    schema.indexes = [i for i in schema.indexes if number not in i.columns]


def affinity(type_: str) -> str:
    """Determine the affinity of a declared type.

    See https://www.sqlite.org/datatype3.html#determination_of_column_affinity
    """
    folded = type_.upper()
    if "INT" in folded:
        return "INTEGER"
    if any(part in folded for part in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if "BLOB" in folded or not folded:
        return "BLOB"
    if any(part in folded for part in ("REAL", "FLOA", "DOUB")):
        return "REAL"
    return "NUMERIC"


def of_type(constraints: cabc.Iterable[Constraint], kind: type[t.Any]) -> list[t.Any]:
    """Return the constraints of a kind."""
    return [c for c in constraints if isinstance(c, kind)]
