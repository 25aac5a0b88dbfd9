"""Draws what a command writes to a terminal, for the first page of the documentation.

``python -m tools.docs.picture`` makes it anew, from the example's own history.
"""

from __future__ import annotations

import html
import os
import pathlib
import subprocess
import sys
import tempfile
import typing as t

STATIC: t.Final = pathlib.Path(__file__).parents[2] / "docs" / "_static"
FROM: t.Final = "e7a2580c9f64"
TO: t.Final = "a93b4c5e1d70"
_LINE: t.Final = 18
_LETTER: t.Final = 7.8


def lines() -> list[str]:
    """Return what a person sees who asks for the plan and takes it."""
    with tempfile.TemporaryDirectory() as folder:
        _flask(folder, "upgrade", FROM)
        seen = []
        for arguments in (("upgrade", "--plan", TO), ("upgrade", TO)):
            text = _flask(folder, *arguments).replace(f"{folder}/", "/srv/")
            seen += [f"$ flask db {' '.join(arguments)}", *text.rstrip().splitlines()]
        return seen


def _flask(folder: str, *arguments: str) -> str:
    uri = f"sqlite:///{folder}/shelf.db"
    app = f"example_app:create_app({{'SQLALCHEMY_DATABASE_URI': {uri!r}}})"
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", app, "db", *arguments],
        env={**os.environ, "COLUMNS": "96"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout


def drawing(text: list[str]) -> str:
    """Return a picture of lines on a dark terminal."""
    width = round(max(map(len, text)) * _LETTER) + 40
    height = len(text) * _LINE + 40
    rows = []
    for number, line in enumerate(text):
        color = "#d0d0d0"
        if line.startswith("$"):
            color = "#8fd18f"
        elif line.lstrip().startswith("!"):
            color = "#ff8f80"
        rows.append(
            f'<text x="20" y="{30 + number * _LINE}" fill="{color}" '
            f'xml:space="preserve">{html.escape(line)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="monospace" font-size="13">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#1e1e1e"/>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    (STATIC / "plan.svg").write_text(drawing(lines()), encoding="utf-8")
