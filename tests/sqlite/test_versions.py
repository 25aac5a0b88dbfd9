"""What differs between SQLite libraries: each way round is taken on the one in use."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import re
import sqlite3
import sys
import typing as t

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from flask_batchmigrate.sqlite.adapter import activate
from flask_batchmigrate.sqlite.ddl.table import parse_table
from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.errors import UnsupportedLibrary
from flask_batchmigrate.sqlite.plan.engine import alter_table
from flask_batchmigrate.sqlite.schema.catalogue import read_catalogue
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.target import changes

SCHEMA = """
CREATE TABLE {s}.author(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE);
CREATE TABLE {s}.book(
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- its number
    title VARCHAR(50) COLLATE NOCASE NOT NULL,
    pages TEXT DEFAULT '0',
    price INTEGER CHECK (price >= 0),
    twice GENERATED ALWAYS AS (price * 2) VIRTUAL,
    thrice INTEGER AS (price * 3) STORED,
    spare TEXT,
    author_id INTEGER REFERENCES author(id) ON DELETE CASCADE,
    CONSTRAINT one_title UNIQUE (title) ON CONFLICT IGNORE
);
CREATE TABLE {s}.page(
    id INTEGER PRIMARY KEY,
    book_id INTEGER NOT NULL REFERENCES book(id) ON DELETE CASCADE
);
CREATE TABLE {s}.log(what TEXT);
CREATE INDEX {s}.by_price ON book(price DESC) WHERE price > 1;
CREATE INDEX {s}.by_lower ON book(lower(title));
CREATE TRIGGER {s}.told AFTER UPDATE OF title ON book
    BEGIN INSERT INTO log VALUES (new.title); END;
CREATE TEMP TRIGGER noted AFTER INSERT ON {s}.book
    BEGIN SELECT new.title; END;
CREATE VIEW {s}.dear AS SELECT title, price FROM book WHERE price > 100;
INSERT INTO {s}.author VALUES (1, 'Ann'), (2, 'Bob');
INSERT INTO {s}.book (id, title, pages, price, spare, author_id) VALUES
    (1, 'One', '10', 5, 'a', 1), (7, 'Two', '007', 200, NULL, 1),
    (9, 'Gone', '0', 0, NULL, 2);
DELETE FROM {s}.book WHERE id = 9;
INSERT INTO {s}.page VALUES (1, 1), (2, 1), (3, 7);
ANALYZE {s}
"""


class Before336(DirectDatabase):
    """A library that does not read the schema again when the cookie is raised."""

    version = min((3, 34, 1), sqlite3.sqlite_version_info)


class Before332(DirectDatabase):
    """A library that asks a CHECK of a value before the column converts it."""

    version = min((3, 31, 1), sqlite3.sqlite_version_info)


class SchemaClosed(DirectDatabase):
    """A library in defensive mode, as the system's one of macOS."""

    can_write_schema = False


Door = type[DirectDatabase]
DOORS = (DirectDatabase, Before336, SchemaClosed)

CHANGES: dict[str, list[changes.Change]] = {
    "add column": [changes.AddColumn("isbn", "isbn TEXT DEFAULT 'x'")],
    "add column between": [changes.AddColumn("isbn", "isbn TEXT", after="title")],
    "drop column": [changes.DropColumn("spare")],
    "drop columns": [changes.DropColumn("spare"), changes.DropColumn("thrice")],
    "rename column": [changes.RenameColumn("title", "name")],
    "rename and type": [
        changes.RenameColumn("pages", "leaves"),
        changes.SetType("leaves", "INTEGER"),
    ],
    "rename table": [changes.RenameTable("volume")],
    "longer type": [changes.SetType("title", "VARCHAR(80)")],
    "other type": [changes.SetType("pages", "INTEGER")],
    "not null": [changes.SetNotNull("pages", True)],
    "nullable": [changes.SetNotNull("title", False)],
    "default": [changes.SetDefault("pages", "'1'")],
    "check": [changes.AddConstraint("CONSTRAINT few CHECK (price < 1000)")],
    "unique": [changes.AddConstraint("CONSTRAINT u UNIQUE (pages, price)")],
    "foreign key": [
        changes.AddConstraint(
            "CONSTRAINT other FOREIGN KEY(author_id) REFERENCES author(id)"
            " DEFERRABLE INITIALLY DEFERRED"
        )
    ],
    "drop unique": [changes.DropConstraint("one_title")],
    "no counter": [changes.SetOptions(autoincrement=False)],
}


@contextlib.contextmanager
def database(
    path: pathlib.Path, schema: str, keys: bool
) -> cabc.Iterator[sqlite3.Connection]:
    """A filled file, attached where ``schema`` is not ``main``, in a transaction."""
    connection = sqlite3.connect(path / "app.db", isolation_level=None)
    try:
        if schema != "main":
            connection.execute(f"ATTACH ? AS {schema}", (str(path / "other.db"),))
        for statement in statements(SCHEMA.format(s=schema)):
            connection.execute(statement)
        connection.execute(f"PRAGMA foreign_keys = {int(keys)}")
        connection.execute("BEGIN IMMEDIATE")
        yield connection
    finally:
        connection.close()


def statements(script: str) -> cabc.Iterator[str]:
    """Split a script."""
    text = ""
    for part in script.split(";"):
        text += part + ";"
        if sqlite3.complete_statement(text):
            yield text
            text = ""
    yield text


State = dict[str, t.Any]


def state(connection: sqlite3.Connection, schema: str) -> State:
    """Everything that a change may touch, as SQLite answers it."""
    found: State = {}
    # Another connection could only see it after a commit; a VACUUM of the state into
    # another file would be refused in a transaction. So ask the connection itself.
    objects = connection.execute(
        f"SELECT type, name, tbl_name, sql FROM {schema}.sqlite_master ORDER BY 2"
    ).fetchall()
    for type_, name, table, sql in objects:
        if type_ == "table":
            found[name] = gist(sql) if name in ("book", "volume") else sql
            # In the table's own order: automatic indexes may be numbered otherwise.
            rows = connection.execute(
                f"SELECT {'*' if name.startswith('sqlite') else 'rowid, *'}"
                f' FROM {schema}."{name}" ORDER BY 1, 2'
            )
            found[f"rows of {name}"] = rows.fetchall()
        else:
            found[name] = (type_, table, sql and sql.replace('"', ""))
    temporary = "SELECT name, sql FROM temp.sqlite_master"
    found["temp"] = [
        (name, sql.replace('"', "")) for name, sql in connection.execute(temporary)
    ]
    found["keys"] = connection.execute(f"PRAGMA {schema}.foreign_key_check").fetchall()
    found["integrity"] = connection.execute(
        f"PRAGMA {schema}.integrity_check"
    ).fetchall()
    return found


def gist(sql: str) -> tuple[t.Any, ...]:
    """What a definition says; SQLite's own ALTER spells names by its own habits."""
    text = parse_table(sql)
    columns = [
        (c.name, c.type, c.not_null, c.default, c.collation, c.generated is None)
        for c in text.columns
    ]
    constraints = sorted(
        (c.kind.value, c.name or "", c.columns, c.conflict or "")
        for c in text.all_constraints
    )
    return (columns, constraints, text.strict, text.without_rowid, text.autoincrement)


@pytest.mark.parametrize("keys", [False, True], ids=["unenforced", "enforced"])
@pytest.mark.parametrize("schema", ["main", "other"])
@pytest.mark.parametrize("door", DOORS[1:], ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", CHANGES)
def test_every_library_ends_in_the_same(
    name: str, door: Door, schema: str, keys: bool, tmp_path: pathlib.Path
) -> None:
    """The way depends on the library; what comes of a change does not.

    Where a library leaves no safe way, the change is refused with nothing changed.
    """
    results = []
    for number, one in enumerate((DirectDatabase, door)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with database(folder, schema, keys) as connection:
            before = state(connection, schema)
            try:
                alter_table(one(connection), "book", CHANGES[name], schema=schema)
            except ChangeRefused as error:
                assert one is SchemaClosed and keys, error
                assert "Nothing was changed" in str(error)
                assert state(connection, schema) == before
                return
            results.append(state(connection, schema))
            connection.execute("COMMIT")
            assert state(connection, schema) == results[-1]
    assert results[0]["integrity"] == [("ok",)]
    assert len(results[0]["rows of page"]) == 3
    if door is SchemaClosed:
        # There a new name of a table keeps the quotes that SQLite gives it.
        results = [unquoted(result) for result in results]
    assert results[0] == results[1]


def unquoted(value: t.Any) -> t.Any:
    """The same without quotes around plain names, as deep as it goes."""
    if isinstance(value, dict):
        return {key: unquoted(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [unquoted(item) for item in value]
    return re.sub(r'"(\w+)"', r"\1", value) if isinstance(value, str) else value


@pytest.mark.parametrize("door", DOORS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", CHANGES)
def test_a_rollback_leaves_what_was_there(
    name: str, door: Door, tmp_path: pathlib.Path
) -> None:
    """Every way of every library is undone by a rollback, on its connection too."""
    with database(tmp_path, "main", False) as connection:
        before = state(connection, "main")
        master = "SELECT * FROM sqlite_master"
        stored = connection.execute(master).fetchall()
        alter_table(door(connection), "book", CHANGES[name])
        assert connection.execute(master).fetchall() != stored
        connection.execute("ROLLBACK")
        assert state(connection, "main") == before
        assert connection.execute(master).fetchall() == stored


def test_no_check_looks_at_the_rows_that_an_old_library_copies(
    tmp_path: pathlib.Path,
) -> None:
    """Before 3.32 a CHECK is asked of a value that its column has not converted."""
    with database(tmp_path, "main", False) as connection:
        seen: list[str] = []
        connection.set_trace_callback(seen.append)
        alter_table(
            Before332(connection),
            "book",
            [
                changes.SetType("pages", "INTEGER"),
                changes.AddConstraint("CHECK (typeof(pages) = 'integer')"),
            ],
        )
        connection.set_trace_callback(None)
    made = [s for s in seen if s.startswith('CREATE TABLE main."_batchmigrate_copy')]
    assert len(made) == 1
    assert "CHECK" not in made[0]


def test_the_old_way_to_reload_works_beside_a_broken_view(
    tmp_path: pathlib.Path,
) -> None:
    """Before 3.36 a table is renamed to reload; a view that is broken is no matter."""
    with database(tmp_path, "main", False) as connection:
        connection.execute("CREATE VIEW broken AS SELECT * FROM not_there")
        db = Before336(connection)
        alter_table(db, "book", [changes.SetNotNull("title", False)])
        book = read_catalogue(db, "main").table("book")
        assert book is not None
        assert not parse_table(book.sql or "").column("title").not_null
        assert connection.execute("PRAGMA legacy_alter_table").fetchall() == [(0,)]
        # This connection has read the new definition.
        connection.execute("INSERT INTO book (title) VALUES (NULL)")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="setconfig() came with 3.12")
@pytest.mark.parametrize("keys", [False, True], ids=["unenforced", "enforced"])
@pytest.mark.parametrize("name", CHANGES)
def test_defensive_mode_is_respected(
    name: str, keys: bool, tmp_path: pathlib.Path
) -> None:
    """In defensive mode a plain connection alters by statements, or refuses."""
    with database(tmp_path, "main", keys) as connection:
        config = sqlite3.SQLITE_DBCONFIG_DEFENSIVE  # type: ignore[attr-defined]
        connection.setconfig(config, True)  # type: ignore[attr-defined]
        before = state(connection, "main")
        db = DirectDatabase(connection)
        assert not db.can_write_schema
        try:
            alter_table(db, "book", CHANGES[name])
        except ChangeRefused as error:
            assert keys
            assert "Nothing was changed" in str(error)
            assert state(connection, "main") == before
        else:
            after = state(connection, "main")
            assert after != before
            assert after["integrity"] == [("ok",)]
            assert after["rows of page"] == before["rows of page"]
            assert after["told"][1:] != (None, None)
        assert connection.getconfig(config)  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="setconfig() came with 3.12")
@pytest.mark.parametrize("keys", [False, True], ids=["unenforced", "enforced"])
def test_defensive_mode_is_lifted_for_a_migration(
    keys: bool, tmp_path: pathlib.Path
) -> None:
    """Through Alembic every change works in defensive mode, which comes back."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    config = sqlite3.SQLITE_DBCONFIG_DEFENSIVE  # type: ignore[attr-defined]

    @sa.event.listens_for(engine, "connect")
    def connect(dbapi: t.Any, record: object) -> None:
        dbapi.setconfig(config, True)
        dbapi.execute(f"PRAGMA foreign_keys = {int(keys)}").close()

    with engine.connect() as connection:
        for statement in statements(SCHEMA.format(s="main")):
            connection.exec_driver_sql(statement)
        connection.commit()
        with activate():
            op = Operations(MigrationContext.configure(connection))
            with op.batch_alter_table("book") as batch:
                batch.alter_column("pages", type_=sa.Integer())
            connection.commit()
        native = t.cast(t.Any, connection.connection.driver_connection)
        assert native.getconfig(config)
        assert native.execute("PRAGMA foreign_keys").fetchall() == [(int(keys),)]
        after = state(native, "main")
    engine.dispose()
    assert [row[3] for row in after["rows of book"]] == [10, 7]
    assert len(after["rows of page"]) == 3


@pytest.fixture
def old_library(tmp_path: pathlib.Path) -> cabc.Iterator[sa.Engine]:
    """An application whose connections say that their library is 3.30.1."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'app.db'}")

    @sa.event.listens_for(engine, "connect")
    def connect(dbapi: t.Any, record: object) -> None:
        dbapi.create_function("sqlite_version", 0, lambda: "3.30.1")

    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE book(id INTEGER PRIMARY KEY, t TEXT)")
        connection.commit()
    yield engine
    engine.dispose()


def test_an_unsupported_library_is_refused_with_its_version(
    old_library: sa.Engine, tmp_path: pathlib.Path
) -> None:
    """Nothing is changed by a library that is too old, and the message has both."""
    before = (tmp_path / "app.db").read_bytes()
    with old_library.connect() as connection, activate():
        op = Operations(MigrationContext.configure(connection))
        with pytest.raises(UnsupportedLibrary, match=r"3\.30\.1.* need 3\.31 or newer"):
            op.add_column("book", sa.Column("pages", sa.Integer()))
    assert (tmp_path / "app.db").read_bytes() == before


def test_the_engine_alone_refuses_it_too(old_library: sa.Engine) -> None:
    """Whoever uses the engine without Alembic is told the same."""
    with old_library.connect() as connection:
        native = t.cast(t.Any, connection.connection.driver_connection)
        native.execute("BEGIN")
        with pytest.raises(UnsupportedLibrary, match="Nothing was changed"):
            alter_table(DirectDatabase(native), "book", [changes.DropColumn("t")])
        native.execute("ROLLBACK")


def test_a_condition_names_its_table_and_the_schema_is_closed() -> None:
    """The rows cannot be copied under another name; that is said, before anything."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as one:
        one.execute("CREATE TABLE t (a TEXT, b CHECK (t.b > 0))")
        one.execute("INSERT INTO t VALUES ('1', 1)")
        one.execute("BEGIN")
        with pytest.raises(ChangeRefused, match="not valid under another name"):
            alter_table(SchemaClosed(one), "t", [changes.SetType("a", "INTEGER")])
        one.execute("COMMIT")
        assert one.execute("SELECT * FROM t").fetchall() == [("1", 1)]
        assert len(one.execute("SELECT * FROM sqlite_master").fetchall()) == 1


# Found by a random block.
def test_a_rename_leaves_computed_columns_of_other_tables(
    tmp_path: pathlib.Path,
) -> None:
    """Before 3.35, SQLite may take their columns for those of the renamed table."""
    with contextlib.closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.isolation_level = None
        connection.execute("CREATE TABLE t (a, b)")
        connection.execute("CREATE TABLE other (k, g AS (\"k\" || 'x'))")
        connection.execute("INSERT INTO other VALUES (1)")
        connection.execute("BEGIN IMMEDIATE")
        rename = changes.RenameColumn("a", "--")
        try:
            alter_table(DirectDatabase(connection), "t", [rename])
        except ChangeRefused as refusal:
            assert sqlite3.sqlite_version_info < (3, 35)
            assert "computed columns of 'other'" in str(refusal)
        connection.execute("COMMIT")
        assert connection.execute("SELECT g FROM other").fetchall() == [("1x",)]
