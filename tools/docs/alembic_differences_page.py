"""Writes the page about Alembic's own tests for the documentation.

``python -m tools.docs.alembic_differences_page`` makes it anew.
"""

from __future__ import annotations

import pathlib
import typing as t

from tests.alembic_suite.differences import ALEMBIC
from tests.alembic_suite.differences import DIFFERENCES
from tests.alembic_suite.differences import LEFT_OUT

PAGE: t.Final = (
    pathlib.Path(__file__).parents[2] / "docs" / "explanation" / "alembic-tests.md"
)


def render() -> str:
    """Write the page, from the list of differences."""
    rows = "\n".join(f"| `{d.test}` | {d.reason} |" for d in DIFFERENCES)
    left_out = "\n".join(f"- `{file}`: {why}." for file, why in LEFT_OUT.items())
    return f"""\
# Alembic's own tests

Alembic comes with about two thousand tests. They are run here with the engine in the
place of Alembic's SQLite code, active around each of them; that includes the tests of
batch mode and of the SQLite dialect. All pass but those below, which ask for something
that the engine does differently on purpose. These are run too, and have to fail; each
has a test here of what happens instead.

The list is that of Alembic {ALEMBIC}.

| Test | Why it differs |
| --- | --- |
{rows}

Not run:

{left_out}

## Running them

The tests are in Alembic's source distribution. Name it, packed or unpacked:

```console
$ python -m pip download --no-deps --no-binary alembic alembic==1.20.1
$ ALEMBIC_SOURCE=alembic-1.20.1.tar.gz python -m pytest tests/alembic_suite
```

## Versions

Alembic's tests were run of 1.20.1. The project's own tests of the engine and of its
place in Alembic were run with

- Python 3.10, 3.11, 3.12 and 3.13;
- SQLAlchemy 2.0.16, 2.0.31, 2.0.57 and 2.1.9;
- Alembic 1.16.0, the oldest that is supported, and 1.20.1;
- SQLite 3.31.1, 3.32.0, 3.34.0, 3.35.2, 3.36.0, 3.37.0, 3.40.1 and 3.54.1, with the
  catalogue open and in defensive mode. 3.29.0 is refused, with its version.

What older SQLite libraries lack is done in another way. Before 3.36 the schema is read
again by renaming a scratch table. Before 3.35.5, the first release whose `DROP COLUMN`
damages no file, columns are dropped by a copy. Before 3.35, SQLite may rename columns
in computed columns of other tables as well; such a rename is refused. Before 3.34,
foreign keys are checked table by table. `STRICT` needs 3.37 and is refused by older
ones.
"""


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
