"""Writes the table of what survives for the documentation, and reads it again.

``python -m tools.docs.matrix_page`` makes the page anew.
"""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import re
import sqlite3
import tempfile
import typing as t

from tests.sqlite.matrix.features import FEATURES
from tests.sqlite.matrix.matrix_cells import cells
from tests.sqlite.matrix.matrix_cells import CHANGED
from tests.sqlite.matrix.matrix_cells import KEPT
from tests.sqlite.matrix.matrix_cells import Laboratory
from tests.sqlite.matrix.matrix_cells import Outcome
from tests.sqlite.matrix.matrix_cells import REFUSED
from tests.sqlite.matrix.operations import OPERATIONS

PAGE: t.Final = (
    pathlib.Path(__file__).parents[2] / "docs" / "reference" / "sqlite-matrix.md"
)
SIGNS: t.Final = {KEPT: "✓", CHANGED: "✎", REFUSED: "✗"}
Outcomes = dict[tuple[str, str], Outcome]
HEAD: t.Final = """\
# What survives on SQLite

<!-- Made by python -m tools.docs.matrix_page -->

Each feature that a table of SQLite may have, with each operation of a migration. Every
cell is a test: a file with that feature and a few rows is upgraded and downgraded
again, and everything that SQLite can tell of it is compared before and after: the
stored text of the table, its views, triggers and indexes, every value with its storage
class, row ids, counters, statistics, foreign keys, the integrity check, and what the
feature does when it is used. The reasons are those of SQLite {version}.

| | |
|---|---|
| ✓ | The feature is kept, with everything else. |
| ✎ | The operation is about the feature: changed as asked, and nothing else. |
| ✗ | Refused with the reason below; not one byte of the file is changed. |

"""
GROUPS: t.Final = (
    (
        "Operations beside the feature",
        "The operation works on other columns of the same table, or on all of it.",
        False,
    ),
    (
        "Operations on the feature's column",
        "The operation works on the very column that has the feature.",
        True,
    ),
)


def render(outcomes: Outcomes, version: str = sqlite3.sqlite_version) -> str:
    """Write the page.

    :param version: the SQLite release that gave the reasons.
    """
    parts = [HEAD.rstrip().format(version=version)]
    for title, text, on in GROUPS:
        names = [name for name, o in OPERATIONS.items() if o.on is on]
        parts.append(f"## {title}\n\n{text}")
        parts.append(
            "\n".join(
                f"{number}. {OPERATIONS[name].title}"
                for number, name in enumerate(names, 1)
            )
        )
        numbers = [str(number) for number in range(1, len(names) + 1)]
        lines = [_row("Feature", numbers), _row("---", [":-:"] * len(names))]
        for key, feature in FEATURES.items():
            signs = [SIGNS[outcomes[key, name].result] for name in names]
            lines.append(_row(feature.title, signs))
        parts.append("\n".join(lines))
        parts.append("\n".join(["Refused:", "", *_reasons(outcomes, names)]))
    return "\n\n".join(parts) + "\n"


def _row(first: str, rest: cabc.Iterable[str]) -> str:
    return f"| {' | '.join((first, *rest))} |"


def _reasons(outcomes: Outcomes, names: list[str]) -> cabc.Iterator[str]:
    for key, feature in FEATURES.items():
        for number, name in enumerate(names, 1):
            outcome = outcomes[key, name]
            if outcome.result == REFUSED:
                yield f"- {feature.title}, {number}: `{outcome.reason}`"


def version_of(text: str) -> str:
    """Return the SQLite release that a page was made with."""
    return re.findall(r"SQLite (\d+\.\d+\.\d+)\.", text)[0]


def read(text: str) -> Outcomes:
    """Read the outcomes from a page."""
    found: Outcomes = {}
    for (_, _, on), section in zip(GROUPS, text.split("\n## ")[1:], strict=True):
        names = [name for name, o in OPERATIONS.items() if o.on is on]
        reasons = {
            (title, int(number)): reason
            for title, number, reason in re.findall(
                r"^- (.*), (\d+): `(.*)`$", section, re.M
            )
        }
        rows = re.findall(r"^\| (?!Feature|---)(.*) \|$", section, re.M)
        for key, row in zip(FEATURES, rows, strict=True):
            title, *signs = row.split(" | ")
            for number, (name, sign) in enumerate(zip(names, signs, strict=True), 1):
                result = next(r for r, s in SIGNS.items() if s == sign)
                found[key, name] = Outcome(result, reasons.get((title, number), ""))
    return found


def main() -> None:
    """Run every cell and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        laboratory = Laboratory(pathlib.Path(folder), enforce=False)
        outcomes = {cell: laboratory.run(*cell) for cell in cells()}
    PAGE.write_text(render(outcomes), encoding="utf-8")


if __name__ == "__main__":
    main()
