"""Writes the page about changes of type for the documentation.

``python -m tools.docs.types_page`` makes it anew.
"""

from __future__ import annotations

import ast
import contextlib
import pathlib
import sqlite3
import typing as t

from flask_batchmigrate.sqlite.errors import RowsRefused
from flask_batchmigrate.sqlite.plan.engine import alter_table
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.target import changes

PAGE: t.Final = (
    pathlib.Path(__file__).parents[2] / "docs" / "reference" / "sqlite-types.md"
)


class Fits(t.NamedTuple):
    """What a type promises to its readers, in words, and in values as SQL."""

    words: str
    held: tuple[str, ...]
    refused: tuple[str, ...]


TYPES: t.Final = {
    "BOOLEAN": Fits("0 and 1", ("0", "1"), ("2", "'true'", "0.5")),
    "SMALLINT": Fits("integers of 16 bits", ("32767", "'7'"), ("32768", "1.5", "'k'")),
    "INTEGER": Fits(
        "integers of 32 bits", ("-2147483648", "'42'", "3.0"), ("2147483648", "'4x'")
    ),
    "BIGINT": Fits(
        "integers of 64 bits", ("9223372036854775807",), ("9e18 * 10", "1.5", "''")
    ),
    "FLOAT": Fits("numbers", ("1.5", "7", "'1e3'"), ("'k'", "x'00'")),
    "NUMERIC(5, 2)": Fits(
        "numbers of at most as many digits before the point",
        ("999.99", "-1", "'12.5'"),
        ("1000", "'k'"),
    ),
    "VARCHAR(5)": Fits(
        "text of at most as many characters",
        ("'größe'", "''", "12345"),
        ("'sixsix'", "x'00'", "123456"),
    ),
    "TEXT": Fits("text", ("'any'", "''", "7"), ("x'00'",)),
    "DATE": Fits(
        "text that is a date, `YYYY-MM-DD`",
        ("'2020-02-29'",),
        ("'2021-02-29'", "'2020-2-1'", "20200101", "'2020-01-01 10:00'"),
    ),
    "TIME": Fits(
        "text that is a time, `HH:MM`, with seconds or without",
        ("'10:30'", "'10:30:59.5'"),
        ("'25:00'", "1030"),
    ),
    "DATETIME": Fits(
        "text that begins with a date, with a time or without",
        ("'2020-02-29 10:30:00.000000'", "'2020-02-29'"),
        ("'2021-02-29 10:30'", "'now'", "1580000000"),
    ),
    "JSON": Fits(
        "text that is JSON, and numbers", ("'{\"a\": [1]}'", "7"), ("'{a}'", "x'00'")
    ),
    "BLOB": Fits("blobs", ("x'00ff'", "x''"), ("'text'", "7")),
    "Enum('new', 'old')": Fits(
        "its members, whatever their length",
        ("'new'", "'old'"),
        ("'ne'", "''", "'New'"),
    ),
}
PAIRS: t.Final = (
    *(name for name in TYPES if not name.startswith(("VARCHAR", "Enum"))),
    "VARCHAR(5)",
    "VARCHAR(9)",
)
CARRIED: t.Final = (
    ("'42'", "TEXT", "INTEGER"),
    ("'042'", "TEXT", "INTEGER"),
    ("'1e3'", "TEXT", "FLOAT"),
    ("42", "INTEGER", "TEXT"),
    ("1.5", "FLOAT", "TEXT"),
    ("3.0", "FLOAT", "INTEGER"),
    ("7", "INTEGER", "FLOAT"),
    ("'2020-01-31'", "VARCHAR(20)", "DATE"),
    ("1", "INTEGER", "BOOLEAN"),
    ("'12.50'", "TEXT", "NUMERIC(5, 2)"),
)


ENUMERATED: t.Final = (
    ("'gone'", "VARCHAR(4)", "Enum('new', 'old')"),
    ("'gone'", "Enum('new', 'old')", "Enum('new', 'old', 'sold')"),
    ("'gone'", "Enum('new', 'old')", "Enum('new', 'sold')"),
    ("'old'", "Enum('new', 'old')", "Enum('new', 'sold')"),
)


def change(value: str, old: str, new: str) -> str | None:
    """Change the type of a column that holds a value.

    :param value: as SQL.
    :return: what is stored then, as SQL; ``None`` where the change was refused.
    """
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.isolation_level = None
        declared = "VARCHAR(3)" if old.startswith("Enum") else old
        connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, c {declared})")
        connection.execute(f"INSERT INTO t (c) VALUES ({value})")
        before = connection.execute("SELECT quote(c) FROM t").fetchone()
        connection.execute("BEGIN IMMEDIATE")
        try:
            alter_table(DirectDatabase(connection), "t", [set_type(new, old)])
        except RowsRefused:
            after = connection.execute("SELECT quote(c) FROM t").fetchone()
            assert after == before
            return None
        ((stored,),) = connection.execute("SELECT quote(c) FROM t")
        return str(stored)


def set_type(new: str, old: str = "") -> changes.SetType:
    """Make the change to a type; for an ``Enum`` as a script's comes to."""
    if not new.startswith("Enum"):
        return changes.SetType("c", new)
    length = max(map(len, _members(new)))
    before = _members(old) if old.startswith("Enum") else None
    return changes.SetType(
        "c", f"VARCHAR({length})", allowed=_members(new), allowed_before=before
    )


def _members(enum: str) -> tuple[str, ...]:
    return tuple(ast.literal_eval(enum.removeprefix("Enum")))


def is_checked(old: str, new: str) -> bool:
    """Tell whether the rows are looked at, by a value that the new type refuses."""
    misfit = "x'00'" if new == "VARCHAR(9)" else TYPES[new].refused[-1]
    return change(misfit, old, new) is None


def render() -> str:
    """Write the page."""
    parts = [
        "# Changes of type on SQLite",
        "<!-- Made by python -m tools.docs.types_page -->",
        "SQLite stores any value in any column. A change of type carries the values"
        " over as a column\nof the new type stores them, which loses nothing; it never"
        " casts. What the new type's readers\ncould not read stops the migration, with"
        " the number of rows and examples, before anything is\nchanged. The script may"
        " say how to convert (`sqlite_using=`) or that such values stay as they\nare"
        " (`sqlite_keep_values=True`), both on `alter_column()`.",
        "## What fits",
        "| Type | Holds | for example | but not |\n|---|---|---|---|\n"
        + "\n".join(
            f"| `{name}` | {fits.words} | {_code(fits.held)} | {_code(fits.refused)} |"
            for name, fits in TYPES.items()
        ),
        "NULL fits everywhere. A type that is not listed holds everything. Where SQLite"
        " takes no other integer\ntype than `INTEGER` (a primary key that is the rowid,"
        " `STRICT` tables), it holds\n64 bits.",
        "## Which rows are read",
        "✓: every value of the type at the left fits the type above, so no row is read."
        " ?: the rows are\nread first, and those that do not fit stop the migration.",
        "| | "
        + " | ".join(f"`{new}`" for new in PAIRS)
        + " |\n|---|"
        + ":-:|" * len(PAIRS)
        + "\n"
        + "\n".join(
            f"| `{old}` | "
            + " | ".join("?" if is_checked(old, new) else "✓" for new in PAIRS)
            + " |"
            for old in PAIRS
        ),
        "## Enumerations",
        "What an `Enum` holds is its members: `sqlalchemy.Enum` is a VARCHAR as long as"
        " the longest, and\nreads nothing else. Of a change from one `Enum`"
        " (`existing_type=`) to another, values stop the\nmigration that were members"
        " and are none any more. What was no member before is none the worse\nfor it:"
        " it stays, with a warning.",
        "| Stored | from | to | |\n|---|---|---|---|\n"
        + "\n".join(
            f"| `{value}` | `{old}` | `{new}` | {_outcome(value, old, new)} |"
            for value, old, new in ENUMERATED
        ),
        "## Defaults",
        "The default of a column is what new rows get, so it is held against the new"
        " type as the rows\nare: `VARCHAR DEFAULT ''` cannot become `INTEGER`"
        " unless the same `alter_column()` gives another\ndefault (`server_default=`),"
        " none, or `sqlite_keep_values=True`.",
        "## How values are carried",
        "| Stored | from | to | stored then |\n|---|---|---|---|\n"
        + "\n".join(
            f"| `{value}` | `{old}` | `{new}` | `{change(value, old, new)}` |"
            for value, old, new in CARRIED
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _outcome(value: str, old: str, new: str) -> str:
    return "refused" if change(value, old, new) is None else "stays"


def _code(values: tuple[str, ...]) -> str:
    return ", ".join(f"`{value}`" for value in values)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
