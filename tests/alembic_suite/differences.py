"""Which of Alembic's own tests ask for something else than the engine does, and why.

It imports nothing, since it is loaded beside Alembic's tests, which bring a package
called ``tests`` of their own.
"""

from __future__ import annotations

import dataclasses
import re

#: The release that the list speaks of: each test in it exists there.
ALEMBIC = "1.20"


@dataclasses.dataclass(frozen=True)
class Difference:
    """A test of Alembic that fails with the engine, as it should.

    :param test: ``file::class::test``.
    :param reason: why what the engine does is better; Markdown.
    :param ours: the test here that shows what the engine does instead.
    """

    test: str
    reason: str
    ours: str


_NO_DATABASE = (
    "Compares the text of a statement on a connection that has no database. The engine"
    " reads the stored table before it changes it. Offline (`--sql`) the statement is"
    " the same; on a database, so is the result."
)
_ENFORCED = (
    "Expects an `IntegrityError`, because Alembic drops a table that others refer to"
    " while foreign keys are enforced. Here the same script works, and the child rows"
    " and their keys are what they were."
)
_UNNAMED = (
    "Expects a warning that a CHECK without a name is lost when the table is copied."
    " Here it is kept."
)
_ALTERS = (
    "Expects a `NotImplementedError`. Here the constraint is {} on SQLite as on any"
    " other database, outside of a batch block too."
)

DIFFERENCES = (
    Difference(
        "test_sqlite.py::SQLiteTest::test_add_column",
        _NO_DATABASE,
        "test_add_column",
    ),
    Difference(
        "test_sqlite.py::SQLiteTest::test_add_column_implicit_constraint",
        _NO_DATABASE,
        "test_add_column",
    ),
    Difference(
        "test_sqlite.py::SQLiteTest::test_add_column_with_comment_ignored",
        _NO_DATABASE,
        "test_add_column",
    ),
    Difference(
        "test_sqlite.py::SQLiteTest::test_rename_column",
        _NO_DATABASE,
        "test_rename_column",
    ),
    Difference(
        "test_sqlite.py::SQLiteTest::test_rename_table_w_schema",
        _NO_DATABASE,
        "test_rename_a_table_of_another_schema",
    ),
    Difference(
        "test_sqlite.py::SQLiteTest::test_add_explicit_constraint",
        _ALTERS.format("added"),
        "test_constraints_come_and_go_outside_of_a_batch_block",
    ),
    Difference(
        "test_sqlite.py::SQLiteTest::test_drop_explicit_constraint",
        _ALTERS.format("dropped"),
        "test_constraints_come_and_go_outside_of_a_batch_block",
    ),
    Difference(
        "test_batch.py::BatchRoundTripTest::test_change_type",
        "Expects `'d1'` to become 0 and `'8.5'` to become 8 when a text column becomes"
        " an integer one: a `CAST` of each value. Here values that the new type cannot"
        " hold stop the migration before anything is changed, unless the script says"
        " what becomes of them; with `sqlite_using` the result is Alembic's.",
        "test_a_type_change_loses_no_value",
    ),
    Difference(
        "test_batch.py::BatchRoundTripTest::test_fk_points_to_me_sqlite_refinteg",
        _ENFORCED,
        "test_a_parent_changes_while_keys_are_enforced",
    ),
    Difference(
        "test_batch.py::BatchRoundTripTest::test_selfref_fk_sqlite_refinteg",
        _ENFORCED,
        "test_a_parent_changes_while_keys_are_enforced",
    ),
    Difference(
        "test_batch.py::BatchRoundTripTest"
        "::test_add_column_insert_before_raise_on_alter",
        "Expects an error for `insert_before` without `recreate='always'`. Here the"
        " column gets its place in any block.",
        "test_a_new_column_gets_its_place_without_recreate",
    ),
    Difference(
        "test_batch.py::BatchRoundTripTest::test_add_column_auto",
        "Looks at an in-memory database through a second connection in the midst of a"
        " transaction. The pool has only one to give and rolls it back afterwards."
        " Alembic's changes survive that, since the driver has committed them one by"
        " one; here a migration is one transaction, and what would end it is refused."
        " Through the migration's own connection the test passes.",
        "test_add_column_in_a_block",
    ),
    Difference(
        "test_batch.py::BatchNamingConventionTest"
        "::test_unnamed_type_bound_constraint_warns",
        "Expects a warning that the check of a `Boolean` without a name stays unnamed."
        " The result is the same here, without the warning: an unnamed constraint is"
        " neither lost nor out of reach.",
        "test_a_type_without_a_name_keeps_its_check",
    ),
    Difference(
        "test_batch.py::BatchUnnamedCheckConstraintTest"
        "::test_unnamed_check_constraint_warns",
        _UNNAMED,
        "test_checks_without_a_name_are_kept",
    ),
    Difference(
        "test_batch.py::BatchUnnamedCheckConstraintTest"
        "::test_unnamed_type_bound_check_constraint_warns",
        _UNNAMED,
        "test_checks_without_a_name_are_kept",
    ),
)

#: Files of Alembic's tests that are about no database but about other programs.
LEFT_OUT = {
    "test_post_write.py": "formatters run on new scripts (black, ruff)",
    "test_stubs.py": "the type stubs in Alembic's source tree",
}


_BACKEND = re.compile(r"_sqlite\+pysqlite_[0-9_]+(?=::)")


def plain_name(nodeid: str) -> str:
    """The name of a test without its folder, database and parameters."""
    return _BACKEND.sub("", nodeid.rpartition("/")[2].partition("[")[0])
