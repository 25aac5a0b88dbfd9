"""Random statements in all of SQLite's freedoms of spelling."""

from __future__ import annotations

import typing as t

from hypothesis import strategies as st

from flask_batchmigrate.sqlite.ddl.tokens import KEYWORDS

NAMES = (
    "id",
    "Name",
    "x y",
    "a]b",
    'q"uote',
    "it's",
    "back`tick",
    "größe",
    "order",
    "Check",
    "key",
    "end",
    "like",
    "left",
    "-- no",
    "/* no */",
    "comma,comma",
    "(",
    "_1",
    "a$",
    "rowid_",
)

_PLAIN = frozenset({"id", "Name", "größe", "key", "end", "like", "left", "_1", "a$"})

TRIVIA = (
    " ",
    "  ",
    "\n",
    "\t",
    "\r\n    ",
    " /* c, ) ' */ ",
    "/**/",
    " -- it's, (\n",
    "\n  -- x */\n  ",
    " \f\v ",
)

TYPES = (
    "",
    "",
    "INTEGER",
    "int",
    "TEXT",
    "VARCHAR(20)",
    "DECIMAL(+5,-2)",
    "DOUBLE PRECISION",
    "'my type'",
    '"Integer"',
    "[odd, type]",
    '`odd` "type" (3)',
    "UNSIGNED BIG INT",
    "BLOB",
    "ANY",
    "REAL",
    "größe text",
    "KEY VIEW",
    "over (1)",
)

DEFAULTS = (
    "0",
    "-5",
    "+ 5",
    "- .5e-3",
    "0x1F",
    "'it''s, )'",
    "''",
    "x'00ff'",
    "NULL",
    "CURRENT_TIMESTAMP",
    "-CURRENT_DATE",
    "TRUE",
    "word",
    "(1+1)",
    "( 'a' || ')' )",
    "(datetime('now') /* ) */)",
    "(CASE WHEN 1 THEN 2 END)",
)

EXPRESSIONS = (
    "1",
    "length('a,)') > 0",
    "{0} IS NOT NULL OR {1} > -1",
    "{0} NOT IN ('-- x', '/*', {1})",
    "CASE {0} WHEN {1} THEN 1 ELSE ({0}) END",
    "{0} LIKE '%' ESCAPE '\\' AND {1} BETWEEN 1 AND 2",
    "CAST({0} AS VARCHAR(10)) || {1} <> x'00'",
    "{0} << 2 >> 1 != ~ {1}",
    "{0} COLLATE nocase = {1} -- why, )\n",
    "{0}->>'$.a' IS {1}",
)

CONFLICTS = ("", "", " ON CONFLICT IGNORE", " on conflict replace", " ON CONFLICT FAIL")
COLLATIONS = ("NOCASE", "binary", '"rtrim"', "'NoCase'", "[BINARY]")
ACTIONS = ("SET NULL", "SET DEFAULT", "CASCADE", "RESTRICT", "NO ACTION")
PARENTS = ("parent", '"pa rent"', "[t]", "'par''ent'")


@st.composite
def spelled(draw: st.DrawFn, name: str) -> str:
    """A name in one of the spellings SQLite takes for it."""
    forms = [
        '"' + name.replace('"', '""') + '"',
        "`" + name.replace("`", "``") + "`",
        "'" + name.replace("'", "''") + "'",
    ]
    if "]" not in name:
        forms.append(f"[{name}]")
    if name in _PLAIN:
        forms.extend((name, _swapped(name)))
    return draw(st.sampled_from(forms))


def _swapped(name: str) -> str:
    return "".join(c.swapcase() if c.isascii() else c for c in name)


@st.composite
def quoted(draw: st.DrawFn, name: str) -> str:
    """A name as it may stand in an expression, where 'x' would be text."""
    spelling = draw(spelled(name))
    return '"' + name.replace('"', '""') + '"' if spelling[0] == "'" else spelling


@st.composite
def recased(draw: st.DrawFn, text: str) -> str:
    """Words in another case, now and then."""
    if draw(st.integers(0, 3)):
        return text
    return draw(st.sampled_from((text.lower(), text.title())))


class Speller:
    """Draws the pieces of one statement."""

    def __init__(self, draw: st.DrawFn, names: t.Sequence[str]) -> None:
        self.draw = draw
        self.names = names

    def pick(self, options: t.Sequence[str]) -> str:
        return self.draw(st.sampled_from(options))

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == 1

    def space(self) -> str:
        return self.pick(TRIVIA) if self.chance(4) else " "

    def words(self, text: str) -> str:
        words = self.draw(recased(text)).split(" ")
        return self.space().join(words)

    def name(self, name: str | None = None) -> str:
        return self.draw(spelled(name or self.pick(self.names)))

    def expression(self) -> str:
        pair = [self.draw(quoted(self.pick(self.names))) for _ in range(2)]
        return self.pick(EXPRESSIONS).format(*pair)

    def label(self) -> str:
        if not self.chance(4):
            return ""
        return f"{self.words('CONSTRAINT')} {self.name(self.pick(NAMES))} "

    def references(self) -> str:
        text = f"{self.words('REFERENCES')} {self.pick(PARENTS)}"
        if self.chance(2):
            text += f"({self.name(self.pick(NAMES))})"
        for event in ("DELETE", "UPDATE"):
            if self.chance(3):
                text += f" {self.words('ON ' + event + ' ' + self.pick(ACTIONS))}"
        if self.chance(6):
            text += f" {self.words('MATCH')} full"
        return text

    def deferrable(self) -> str:
        text = self.pick(("DEFERRABLE", "NOT DEFERRABLE"))
        text += self.pick(("", " INITIALLY DEFERRED", " INITIALLY IMMEDIATE"))
        return self.words(text)

    def conflict(self) -> str:
        return self.pick(CONFLICTS)

    def column_clause(self, *, generated: bool) -> str:
        kind = self.draw(st.integers(0, 8))
        if kind == 0 and not generated:
            return f"{self.words('DEFAULT')} {self.pick(DEFAULTS)}"
        if kind == 1:
            return self.words("NOT NULL") + self.conflict()
        if kind == 2:
            return f"{self.words('COLLATE')} {self.pick(COLLATIONS)}"
        if kind == 3:
            return f"{self.words('CHECK')}{self.space()}({self.expression()})"
        if kind == 4:
            return self.words("UNIQUE") + self.conflict()
        if kind == 5:
            tail = f" {self.deferrable()}" if self.chance(3) else ""
            between = " NOT NULL" if tail and self.chance(2) else ""
            return self.references() + between + tail
        if kind == 6:
            return self.words("NULL") + self.conflict()
        return self.words("NOT NULL")

    def column(self, name: str, *, key: bool) -> str:
        generated = not key and self.chance(6)
        declared = self.pick(TYPES)
        parts = [self.name(name), declared]
        clauses = []
        if generated:
            word = self.pick(("AS", "GENERATED ALWAYS AS"))
            words = self.draw(recased(word))
            kind = self.pick(("", " STORED", " VIRTUAL", " stored"))
            other = self.draw(quoted(self.names[0]))
            clauses.append(f"{words}{self.space()}({other} + 1){kind}")
        for _ in range(self.draw(st.integers(0, 3))):
            clauses.append(self.label() + self.column_clause(generated=generated))
        if key:
            order = self.pick(("", "", " ASC", " DESC"))
            clauses.append(self.words("PRIMARY KEY" + order) + self.conflict())
            if upper_type(declared) == "INTEGER" and "DESC" not in order.upper():
                clauses[-1] += self.pick(("", " AUTOINCREMENT"))
        parts.extend(self.draw(st.permutations(clauses)))
        if self.chance(12):
            parts.append(f"{self.words('CONSTRAINT')} {self.name(self.pick(NAMES))}")
        return self.space().join(part for part in parts if part)

    def members(self) -> str:
        few = self.draw(
            st.lists(st.sampled_from(self.names), min_size=1, max_size=3, unique=True)
        )
        members = []
        for name in few:
            member = self.name(name)
            if self.chance(5):
                member = f"({self.draw(quoted(name))})"
            if self.chance(4):
                member += f" {self.words('COLLATE')} {self.pick(COLLATIONS)}"
            members.append(member + self.pick(("", "", " ASC", " desc")))
        return f"{self.space()},{self.space()}".join(members)

    def table_constraint(self, *, primary: bool) -> str:
        if primary:
            return self.words("PRIMARY KEY") + f"({self.members()})" + self.conflict()
        kind = self.draw(st.integers(0, 3))
        if kind == 0:
            return self.words("UNIQUE") + f" ({self.members()})" + self.conflict()
        if kind == 1:
            return self.words("CHECK") + f" ({self.expression()})" + self.conflict()
        if kind == 2:
            child = self.name()
            tail = f" {self.deferrable()}" if self.chance(3) else ""
            return f"{self.words('FOREIGN KEY')}({child}) {self.references()}{tail}"
        return f"{self.words('CONSTRAINT')} {self.name(self.pick(NAMES))}"


def upper_type(declared: str) -> str:
    """The declared type as SQLite compares it with INTEGER."""
    return declared.strip("\"'[]").upper()


@st.composite
def table_statements(draw: st.DrawFn, name: str = "t") -> str:
    """A CREATE TABLE statement; most are legal, the test asks SQLite."""
    names = draw(
        st.lists(
            st.sampled_from(NAMES),
            min_size=1,
            max_size=5,
            unique_by=str.lower,
        )
    )
    speller = Speller(draw, names)
    where_key = draw(st.sampled_from(("none", "column", "table")))
    column_key = draw(st.sampled_from(names)) if where_key == "column" else None
    body = [speller.column(n, key=n == column_key) for n in names]
    constraints = [
        speller.label() + speller.table_constraint(primary=False)
        for _ in range(draw(st.integers(0, 3)))
    ]
    if where_key == "table":
        constraints.append(speller.label() + speller.table_constraint(primary=True))
    text = _lines(speller, body)
    for index, constraint in enumerate(draw(st.permutations(constraints))):
        comma = "," if index == 0 or not speller.chance(4) else " "
        text += f"{speller.space()}{comma}{speller.space()}{constraint}"
    options = draw(st.sampled_from(("", "", "", "WITHOUT ROWID", "without  rowid")))
    text = (
        f"{speller.words('CREATE TABLE')} {speller.name(name)}{speller.space()}({text}"
    )
    return f"{text}{speller.space()}){speller.space()}{options}"


def _lines(speller: Speller, items: t.Sequence[str]) -> str:
    style = speller.pick(("one line", "lines", "commas first", "wild"))
    if style == "wild":
        return "".join(
            f"{',' if index else ''}{speller.space()}{item}{speller.space()}"
            for index, item in enumerate(items)
        )
    if style == "one line":
        return ", ".join(items)
    if style == "lines":
        comment = speller.pick(("", " -- note, (", " /* note */"))
        return "\n    " + f",{comment}\n    ".join(items) + "\n"
    return "\n  " + "\n, ".join(items) + "\n"


KEYWORD_NAMES = st.sampled_from(sorted(KEYWORDS))
