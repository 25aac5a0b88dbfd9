"""The page of the documentation that says which difference is made in which way."""

from __future__ import annotations

import pathlib

from flask_batchmigrate.sqlite.plan.ways import CASES
from flask_batchmigrate.sqlite.plan.ways import Way

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "sqlite-ways.md"
HEAD = """\
# Ways of changing a table on SQLite

<!-- Made by python -m tools.docs.ways_page -->

A block of changes takes the costliest way that any of its differences needs. `ALTER
TABLE` is SQLite's own; renames of columns and tables always go that way, before
everything else. A schema edit replaces the stored definition and writes no row. A
conversion in place writes the rows that would be stored otherwise, and no others. A
copy writes every row anew; it is also the way where the SQLite library forbids to
write its schema, and where SQLite itself does not confirm that the stored records stay
valid.
"""


def render() -> str:
    """Write the page."""
    parts = [HEAD]
    for way in Way:
        rows = [
            f"| {case} | {found.reason} |"
            for case, found in CASES.items()
            if found.way is way
        ]
        title = way.title[0].upper() + way.title[1:]
        parts.append(
            f"## {title}\n\n| Difference | Why |\n|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
