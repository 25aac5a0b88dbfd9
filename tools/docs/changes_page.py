"""Writes the page about generated migrations, change by change, and reads it again.

``python -m tools.docs.changes_page`` makes it anew; servers must answer where the tests
look for them.
"""

from __future__ import annotations

import contextlib
import pathlib
import re
import tempfile
import typing as t

from tests.autogenerate.changes import Change
from tests.autogenerate.changes import changes
from tests.autogenerate.changes import groups
from tests.autogenerate.laboratory import Laboratory
from tests.autogenerate.laboratory import MADE
from tests.autogenerate.laboratory import NOTHING
from tests.autogenerate.laboratory import Place
from tests.servers import new_database

PAGE: t.Final = (
    pathlib.Path(__file__).parents[2] / "docs" / "reference" / "generated-changes.md"
)
KINDS: t.Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
#: What holds of each change on each database.
Signs = dict[tuple[str, str], str]
#: The marks of the page for a database without the models, and for nothing to do.
_MISSING: t.Final = " "
_MARKS: t.Final = {MADE: "✓", NOTHING: "="}
HEAD: t.Final = """\
# Generated migrations, change by change

<!-- Made by python -m tools.docs.changes_page -->

Each row is a change of models, tried with two rows in each table on SQLite, PostgreSQL
and MariaDB: `flask db migrate`, `upgrade`, `downgrade` and `upgrade` again, without a
hand edit.

- ✓: it is found, by `flask db check` and `status` as well. The upgrade makes what
  `create_all()` makes of the models, by the catalogue of the database, and keeps the
  rows. A second `migrate` finds nothing. The downgrade restores the start, and keeps
  the rows that the upgrade kept.
- =: the database does not know the difference. `create_all()` makes the same before and
  after, and nothing is found.
- A number: a part of this does not hold; the reason is below the table.
- An empty cell: the database has no such thing.
"""


def render(signs: Signs) -> str:
    """Write the page."""
    parts = [HEAD]
    for title, group in groups():
        lines = [f"## {title}", "", _row("Change", KINDS.values())]
        lines.append(_row("---", [":-:"] * len(KINDS)))
        notes: list[str] = []
        for change in group:
            cells = [_cell(change, kind, signs, notes) for kind in KINDS]
            lines.append(_row(change.name, cells))
        lines += ["", *(f"{n}. {note}" for n, note in enumerate(notes, 1))]
        parts.append("\n".join(lines).rstrip() + "\n")
    return "\n".join(parts)


def _cell(change: Change, kind: str, signs: Signs, notes: list[str]) -> str:
    if kind not in change.only:
        return _MISSING
    sign = signs[change.name, kind]
    if sign in _MARKS:
        return _MARKS[sign]
    reason = change.limits.get(kind, "nobody knows why")
    note = f"{sign[0].upper()}{sign[1:]}: {reason}."
    if note not in notes:
        notes.append(note)
    return str(notes.index(note) + 1)


def _row(first: str, rest: t.Iterable[str]) -> str:
    return f"| {' | '.join((first, *rest))} |"


def read(text: str) -> Signs:
    """Read what holds from a page."""
    signs: Signs = {}
    meanings = {mark: sign for sign, mark in _MARKS.items()}
    for section in text.split("\n## ")[1:]:
        notes = re.findall(r"^\d+\. (.*?): ", section, re.M)
        for line in re.findall(r"^\| (?!Change|---)(.*) \|$", section, re.M):
            name, *cells = line.split(" | ")
            for kind, cell in zip(KINDS, cells, strict=True):
                if cell.isdigit():
                    note = notes[int(cell) - 1]
                    signs[name, kind] = f"{note[0].lower()}{note[1:]}"
                elif cell.strip():
                    signs[name, kind] = meanings[cell]
    return signs


def _tried(kind: str) -> Signs:
    """Try every change on a database."""
    signs: Signs = {}
    with contextlib.ExitStack() as stack:
        urls = ["", ""]
        if kind != "sqlite":
            urls = [stack.enter_context(new_database(kind)) for _ in urls]
        for change in changes():
            if kind not in change.only:
                continue
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                url = urls[0] or f"sqlite:///{folder / 'app.db'}"
                place = Place(url, urls[1] or None, folder)
                signs[change.name, kind] = Laboratory(change, place).run().sign
                place.close()
    return signs


def main() -> None:
    """Try every change on every database, and write the page."""
    signs: Signs = {}
    for kind in KINDS:
        signs |= _tried(kind)
    PAGE.write_text(render(signs), encoding="utf-8")


if __name__ == "__main__":
    main()
