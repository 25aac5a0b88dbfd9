"""The decision between the ways of changing a table is published as it is taken."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.plan.engine import alter_table
from flask_batchmigrate.sqlite.plan.plan import Options
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.target import changes
from tools.docs import ways_page


def test_page() -> None:
    """The documentation has every case, with its reason."""
    assert ways_page.PAGE.read_text(encoding="utf-8") == ways_page.render()


# Found by a random block.
def test_never_means_never(connection: sqlite3.Connection) -> None:
    """What SQLite does not confirm is refused where a copy is ruled out."""
    if sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("DROP COLUMN respells other texts from SQLite 3.37 on")
    connection.execute('CREATE TABLE t (a, b, c DEFAULT "x")')
    connection.execute("CREATE TABLE other (d)")
    connection.execute('CREATE VIEW v AS SELECT d, "some text" AS e FROM other')
    block = [changes.DropColumn("b")]
    with pytest.raises(ChangeRefused, match="recreate='never' rules out"):
        alter_table(
            DirectDatabase(connection), "t", block, options=Options(recreate="never")
        )
