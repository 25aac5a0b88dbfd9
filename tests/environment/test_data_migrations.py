"""Revisions that change rows and tables in one go, on applications of all kinds."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import pathlib
import sqlite3
import sys
import textwrap
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import query
from tests.apps import tables_of
from tests.apps import version_of
from tests.apps import write_revision
from tests.legacy import folders

SCHEMA = """
    CREATE TABLE author (id INTEGER PRIMARY KEY, name VARCHAR(20), age TEXT);
    INSERT INTO author VALUES (1, 'Ada', '36'), (2, 'Bob', '40'), (3, 'Cy', '7');
    CREATE TABLE book (
        id INTEGER PRIMARY KEY,
        author_id INTEGER REFERENCES author(id) ON DELETE CASCADE
    );
    INSERT INTO book VALUES (10, 1), (20, 2), (30, 3);
"""

DB = "from flask import current_app\ndb = current_app.extensions['sqlalchemy']\n"


def write(
    folder: pathlib.Path, revision: str, down: str | None, upgrade: str
) -> pathlib.Path:
    """Write a revision; ``db`` is the application's own."""
    lines = textwrap.indent(textwrap.dedent(DB) + textwrap.dedent(upgrade), "    ")
    return write_revision(folder / "migrations", revision, down, lines.strip())


def line_of(path: pathlib.Path, text: str) -> int:
    """Return the number of the line of a file that holds a text."""
    lines = path.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@dataclasses.dataclass(frozen=True)
class Kind:
    """How an application talks to its database.

    :param options: engine options.
    :param connect: statements for each new connection of the driver.
    :param begin: the statement that begins each transaction, where a listener does.
    """

    options: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    connect: tuple[str, ...] = ()
    begin: str | None = None

    @property
    def enforces(self) -> bool:
        """Whether foreign keys are enforced."""
        return any("foreign_keys" in statement for statement in self.connect)


ENFORCED = "PRAGMA foreign_keys = ON"

KINDS: dict[str, Kind] = {
    "plain": Kind(),
    "enforced": Kind(connect=(ENFORCED,)),
    "wal": Kind(connect=(ENFORCED, "PRAGMA journal_mode = WAL")),
    "null-pool": Kind({"poolclass": sa.NullPool}, (ENFORCED,)),
    "static-pool": Kind({"poolclass": sa.StaticPool}, (ENFORCED,)),
    "begin": Kind({"connect_args": {"isolation_level": None}}, (ENFORCED,), "BEGIN"),
    "begin-immediate": Kind(
        {"connect_args": {"isolation_level": None}}, (ENFORCED,), "BEGIN IMMEDIATE"
    ),
    "autocommit": Kind({"isolation_level": "AUTOCOMMIT"}, (ENFORCED,)),
}
if sys.version_info >= (3, 12):
    KINDS |= {
        f"driver-autocommit-{value}": Kind(
            {"connect_args": {"autocommit": value}}, () if not value else (ENFORCED,)
        )
        for value in (False, True)
    }


@dataclasses.dataclass
class Project:
    """An application with the tables of authors and books.

    :param file: its database.
    """

    app: Flask
    kind: Kind
    file: pathlib.Path

    @property
    def folder(self) -> pathlib.Path:
        return self.file.parent

    def upgrade(self) -> None:
        with self.app.app_context():
            fb.upgrade()

    def fail(self) -> str:
        """Upgrade in vain; return the message, which is true."""
        before = dump(self.file)
        with self.app.app_context(), pytest.raises(fb.BatchMigrateError) as caught:
            fb.upgrade()
        message = str(caught.value)
        assert "Nothing was changed." in message
        assert dump(self.file) == before
        return message

    def rows(self, sql: str) -> list[t.Any]:
        return query(self.file, sql)


def dump(file: pathlib.Path) -> list[str]:
    """Everything in a file."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def listen(engine: sa.Engine, kind: Kind) -> None:
    """Add the listeners that an application of this kind has."""

    def on_connect(dbapi: sqlite3.Connection, record: object) -> None:
        for statement in kind.connect:
            dbapi.execute(statement).close()

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(str(kind.begin))

    sa.event.listen(engine, "connect", on_connect)
    if kind.begin is not None:
        sa.event.listen(engine, "begin", on_begin)


def make(apps: Apps, kind: Kind, **options: t.Any) -> Project:
    """Make an application with a filled database."""
    file = apps.path / "app.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(SCHEMA)
    app = apps.make(
        {None: ["author name age", "book author_id"]},
        config={"SQLALCHEMY_ENGINE_OPTIONS": kind.options},
        **options,
    )
    with app.app_context():
        listen(app.extensions["sqlalchemy"].engine, kind)
    return Project(app, kind, file)


@pytest.fixture(params=list(KINDS))
def project(apps: Apps, request: pytest.FixtureRequest) -> Project:
    """An application of each kind."""
    return make(apps, KINDS[request.param])


@pytest.fixture
def plain(apps: Apps) -> Project:
    """An application without any listeners."""
    return make(apps, Kind())


AFTER = [(1, 36, "integer"), (3, 7, "integer")]
AGES = "SELECT id, age, typeof(age) FROM author"


def test_deletes_cascade_and_alterations_do_not(project: Project) -> None:
    """A script's DELETE does what the application's does; a batch block loses no row.

    The block writes the table of parents anew, after and before the DELETE.
    """
    write(
        project.folder,
        "aa11",
        None,
        """\
        with op.batch_alter_table('author', recreate='always') as batch:
            batch.alter_column('age', type_=sa.Integer)
        op.execute("DELETE FROM author WHERE name = 'Bob'")
        with op.batch_alter_table('author', recreate='always') as batch:
            batch.alter_column('name', nullable=False)
        """,
    )
    project.upgrade()
    assert project.rows(AGES) == AFTER
    left = [(10,), (30,)] if project.kind.enforces else [(10,), (20,), (30,)]
    assert project.rows("SELECT id FROM book") == left
    assert "age INTEGER" in project.rows("SELECT sql FROM sqlite_master")[0][0]
    assert version_of(project.file) == {"aa11"}
    with project.app.app_context():
        session = project.app.extensions["sqlalchemy"].session
        enforced = session.execute(sa.text("PRAGMA foreign_keys")).scalar()
        session.remove()
    assert bool(enforced) is project.kind.enforces


SESSION = """\
    with op.batch_alter_table('author') as batch:
        batch.add_column(sa.Column('email', sa.String(50)))
    db.session.execute(sa.text("UPDATE author SET email = name || '@x.org'"))
    db.session.commit()
    count = db.session.execute(sa.text('SELECT count(email) FROM author')).scalar()
    assert count == 3
    with op.batch_alter_table('author') as batch:
        batch.alter_column('email', nullable=False)
        batch.alter_column('age', type_=sa.Integer)
    db.session.execute(sa.text("DELETE FROM author WHERE name = 'Bob'"))
    db.session.commit()
"""


def test_session_with_commit(project: Project) -> None:
    """What the session commits is part of the migration."""
    write(project.folder, "aa11", None, SESSION)
    project.upgrade()
    assert project.rows(AGES) == AFTER
    assert project.rows("SELECT email FROM author") == [("Ada@x.org",), ("Cy@x.org",)]
    assert version_of(project.file) == {"aa11"}


def test_a_failure_after_the_sessions_commit(project: Project) -> None:
    """Nothing stays of what the session committed, nor of the revision before."""
    write(project.folder, "aa11", None, SESSION)
    text = "op.execute('DELETE FROM book')\n1 / 0"
    path = write(project.folder, "bb22", "aa11", text)
    message = project.fail()
    assert f"'{path}', line {line_of(path, '1 / 0')})" in message
    write(project.folder, "bb22", "aa11", "op.execute('DELETE FROM book')")
    project.upgrade()
    assert project.rows("SELECT * FROM book") == []


def test_models(project: Project) -> None:
    """A model query reads what the script has written, and writes with it."""
    write(
        project.folder,
        "aa11",
        None,
        """\
        with op.batch_alter_table('author') as batch:
            batch.alter_column('age', new_column_name='years', type_=sa.Integer)
        class Author(db.Model):
            __tablename__ = 'author'
            __table_args__ = {'extend_existing': True}
            __mapper_args__ = {'include_properties': ['id', 'name', 'years']}
            years = db.Column(db.Integer)
        for author in Author.query.order_by(Author.id):
            author.years += 1
        db.session.add(Author(name='Di', years=5))
        db.session.commit()
        assert Author.query.filter_by(years=8).one().name == 'Cy'
        """,
    )
    project.upgrade()
    assert project.rows("SELECT name, years FROM author") == [
        ("Ada", 37),
        ("Bob", 41),
        ("Cy", 8),
        ("Di", 5),
    ]


WRITES = {
    "engine": """\
        with db.engine.begin() as second:
            second.execute(sa.text('DELETE FROM book'))
        """,
    "driver": """\
        import sqlite3
        second = sqlite3.connect(db.engine.url.database, timeout=0)
        try:
            second.execute('DELETE FROM book')
        finally:
            second.close()
        """,
    "new-engine": """\
        engine = sa.create_engine(db.engine.url, connect_args={'timeout': 0})
        try:
            with engine.begin() as second:
                second.execute(sa.text('DELETE FROM book'))
        finally:
            engine.dispose()
        """,
}


@pytest.mark.parametrize("how", WRITES)
def test_a_second_connection_that_writes(project: Project, how: str) -> None:
    """It fails at once, with the line of the script and what to use."""
    path = write(project.folder, "aa11", None, ALTER + textwrap.dedent(WRITES[how]))
    message = project.fail()
    number = line_of(path, "second.execute")
    lines = (number, number - 1)  # the connection is opened, the statement is run
    assert any(f"'{path}', line {n}" in message for n in lines), message
    assert "'op.get_bind()'" in message
    assert project.rows("SELECT count(*) FROM book") == [(3,)]


ALTER = """\
op.execute("UPDATE author SET name = name || '!'")
with op.batch_alter_table('author') as batch:
    batch.alter_column('age', type_=sa.Integer)
"""


def test_a_second_connection_that_reads(project: Project) -> None:
    """It sees what the migration has made so far, and waits for nothing."""
    write(
        project.folder,
        "aa11",
        None,
        ALTER
        + textwrap.dedent("""\
        op.execute("UPDATE author SET name = name || '?'")
        with db.engine.connect() as second:
            names = second.execute(sa.text('SELECT name FROM author')).scalars().all()
        assert all(name.endswith('?') for name in names), names
        """),
    )
    if project.kind.options.get("poolclass") is sa.StaticPool:
        assert "'op.get_bind()'" in project.fail()
    else:
        project.upgrade()
        names = [name for (name,) in project.rows("SELECT name FROM author")]
        assert len(names) == 3
        assert all(name.endswith("?") for name in names)


ENDS = {
    "executescript": "op.get_bind().connection.driver_connection.executescript("
    "'DELETE FROM book;')",
    "raw COMMIT": "op.execute('COMMIT')",
    "driver COMMIT": "op.get_bind().connection.cursor().execute('COMMIT')",
    "raw ROLLBACK": "op.execute('ROLLBACK')",
    "raw END": "op.get_bind().exec_driver_sql('END TRANSACTION')",
    "raw BEGIN": "op.execute('BEGIN')",
}


@pytest.mark.parametrize("how", ENDS)
def test_ending_the_transaction(project: Project, how: str) -> None:
    """A script that ends the transaction itself is stopped before it does."""
    write(project.folder, "aa11", None, ALTER)
    path = write(
        project.folder, "bb22", "aa11", f"op.drop_table('book')\n{ENDS[how]}\n"
    )
    message = project.fail()
    assert f"'{path}', line {line_of(path, ENDS[how])}" in message, message
    if how == "executescript" and "autocommit" in project.kind.options.get(
        "connect_args", {}
    ):
        # With that attribute executescript() does not commit: the script is wrong.
        assert "no such table: book" in message
    else:
        assert "would end the transaction" in message
    # Afterwards the application works, and so does a corrected script.
    write(project.folder, "bb22", "aa11", "op.drop_table('book')")
    project.upgrade()
    assert tables_of(project.file) == {"author", "alembic_version"}


def test_autocommit_block(project: Project) -> None:
    """Nothing of SQLite's has to run outside of a transaction: it stays in this one."""
    text = """\
        op.execute("UPDATE author SET name = 'Al' WHERE id = 1")
        with op.get_context().autocommit_block():
            op.execute("UPDATE author SET name = 'Bo' WHERE id = 2")
        with op.batch_alter_table('author') as batch:
            batch.alter_column('age', type_=sa.Integer)
        """
    write(project.folder, "aa11", None, text)
    path = write(project.folder, "bb22", "aa11", "1 / 0")
    project.fail()
    path.unlink()
    project.upgrade()
    assert project.rows("SELECT name FROM author") == [("Al",), ("Bo",), ("Cy",)]
    assert project.rows(AGES)[0] == (1, 36, "integer")


def test_in_memory(apps: Apps) -> None:
    """A database in memory, one connection for all: data and sessions survive."""
    app = apps.make(
        {None: ["author name"]},
        config={
            "SQLALCHEMY_DATABASE_URI": "sqlite://",
            "SQLALCHEMY_ENGINE_OPTIONS": {"poolclass": sa.StaticPool},
        },
    )
    write(
        apps.path,
        "aa11",
        None,
        """\
        op.create_table('author', sa.Column('id', sa.Integer, primary_key=True),
            sa.Column('name', sa.String(20)))
        db.session.execute(sa.text("INSERT INTO author VALUES (1, '5')"))
        db.session.commit()
        """,
    )
    failing = write(
        apps.path,
        "bb22",
        "aa11",
        """\
        with op.batch_alter_table('author') as batch:
            batch.alter_column('name', type_=sa.Integer)
        db.session.execute(sa.text("INSERT INTO author VALUES (2, 6)"))
        db.session.commit()
        1 / 0
        """,
    )
    session = app.extensions["sqlalchemy"].session
    rows = sa.text("SELECT id, name FROM author")
    with app.app_context():
        fb.upgrade(revision="aa11")
        assert session.execute(rows).all() == [(1, "5")]
        session.rollback()
        with pytest.raises(fb.RevisionFailed):
            fb.upgrade()
        assert session.execute(rows).all() == [(1, "5")]
        session.rollback()
        failing.write_text(failing.read_text().replace("1 / 0", "pass"))
        fb.upgrade()
        assert session.execute(rows).all() == [(1, 5), (2, 6)]


def test_attached_schema(apps: Apps) -> None:
    """Tables of an attached database are altered, and rolled back, with the others."""
    other = apps.path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.executescript(SCHEMA)
    project = make(apps, Kind(connect=(ENFORCED, f"ATTACH '{other}' AS shop")))
    text = """\
        for schema in (None, 'shop'):
            with op.batch_alter_table('author', schema=schema) as batch:
                batch.alter_column('age', type_=sa.Integer)
            prefix = f'{schema}.' if schema else ''
            op.execute(f"DELETE FROM {prefix}author WHERE id = 2")
        op.drop_column('author', 'name', schema='shop')
        """
    write(project.folder, "aa11", None, text + "        1 / 0\n")
    before = dump(other)
    project.fail()
    assert dump(other) == before
    write(project.folder, "aa11", None, text)
    project.upgrade()
    assert project.rows(AGES) == query(other, AGES) == AFTER
    assert query(other, "SELECT * FROM author") == [(1, 36), (3, 7)]
    assert query(other, "SELECT id FROM book") == [(10,), (30,)]
    assert project.rows("SELECT name FROM author") == [("Ada",), ("Cy",)]


@pytest.mark.parametrize("only_copy", [False, True])
def test_leftover_of_an_earlier_tool(plain: Project, only_copy: bool) -> None:
    """It is in nobody's way and is kept, whether or not its rows are elsewhere."""
    with contextlib.closing(sqlite3.connect(plain.file)) as connection:
        connection.executescript(
            "CREATE TABLE _alembic_tmp_author AS SELECT * FROM author;"
            "CREATE TABLE _alembic_tmp_lost (id INTEGER PRIMARY KEY, name TEXT);"
            "INSERT INTO _alembic_tmp_lost VALUES (1, 'here only');"
            + ("DELETE FROM author;" if only_copy else "")
        )
    write(
        plain.folder,
        "aa11",
        None,
        """\
        with op.batch_alter_table('author', recreate='always') as batch:
            batch.alter_column('age', type_=sa.Integer)
        """,
    )
    plain.upgrade()
    assert len(plain.rows("SELECT * FROM _alembic_tmp_author")) == 3
    assert plain.rows("SELECT * FROM _alembic_tmp_lost") == [(1, "here only")]
    assert plain.rows("SELECT count(*) FROM author") == [(0 if only_copy else 3,)]


@contextlib.contextmanager
def stock(file: pathlib.Path) -> cabc.Iterator[t.Any]:
    """Alembic's own operations on a file, as a program without the extension has."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    engine = sa.create_engine(f"sqlite:///{file}")
    try:
        with engine.begin() as connection:
            yield Operations(MigrationContext.configure(connection))
    finally:
        engine.dispose()


def test_stock_alembic_in_the_same_process(apps: Apps, plain: Project) -> None:
    """Before, during and after a run, other uses of Alembic have Alembic's own."""
    other = apps.path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.executescript(SCHEMA)
    seen: list[str] = []

    def use(when: str) -> None:
        with stock(other) as op:
            seen.append(f"{type(op.impl).__module__} {when}")
            with pytest.raises(NotImplementedError):
                op.create_unique_constraint("uq", "author", ["name"])
            with op.batch_alter_table("author") as batch:
                batch.add_column(sa.Column(when, sa.Integer))

    plain.app.extensions["other"] = use
    write(
        plain.folder,
        "aa11",
        None,
        """\
        op.create_unique_constraint('uq', 'author', ['name'])
        import threading
        thread = threading.Thread(
            target=current_app.extensions['other'], args=('during',))
        thread.start()
        thread.join()
        op.alter_column('author', 'age', type_=sa.Integer)
        """,
    )
    use("before")
    plain.upgrade()
    use("after")
    assert seen == [f"alembic.ddl.sqlite {w}" for w in ("before", "during", "after")]
    assert plain.rows("SELECT count(*) FROM book") == [(3,)]
    names = [row[1] for row in query(other, "PRAGMA table_info(author)")]
    assert names[-3:] == ["before", "during", "after"]


BINDS = """\
def upgrade(engine_name):
    globals()[f'upgrade_{engine_name}']()


def downgrade(engine_name):
    globals()[f'downgrade_{engine_name}']()


def upgrade_():
    op.execute("DELETE FROM author WHERE id = 2")
    with op.batch_alter_table('author') as batch:
        batch.alter_column('age', type_=sa.Integer)


def upgrade_logs():
    with op.batch_alter_table('entry') as batch:
        batch.alter_column('text', new_column_name='what')
    op.execute("UPDATE entry SET what = what || '!'")
    FAILS


def downgrade_():
    pass


def downgrade_logs():
    pass
"""

ENTRY = "CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT UNIQUE);"


@dataclasses.dataclass
class Binds:
    """An application with two binds.

    :param files: their databases, maybe only one.
    """

    app: Flask
    files: list[pathlib.Path]
    script: pathlib.Path

    def write(self, last_line: str) -> None:
        """Write the revision; the second bind's part ends like this."""
        text = BINDS.replace("FAILS", last_line)
        self.script.parent.mkdir(parents=True, exist_ok=True)
        self.script.write_text(
            "from alembic import op\nimport sqlalchemy as sa\n"
            "revision = 'aa11'\ndown_revision = None\n\n\n" + text
        )


@pytest.fixture(params=["packaged", "old"])
def binds(apps: Apps, request: pytest.FixtureRequest) -> cabc.Iterator[t.Any]:
    """Makes applications with two binds, with no env.py and with an old one."""

    def make_one(files: list[str]) -> Binds:
        paths = [apps.path / file for file in files]
        for path, script in zip(paths * 2, (SCHEMA, ENTRY), strict=False):
            with contextlib.closing(sqlite3.connect(path)) as connection:
                connection.executescript(script)
        app = apps.make(
            {None: ["author name age", "book author_id"], "logs": ["entry text"]},
            config={"SQLALCHEMY_BINDS": {"logs": apps.url(files[-1])}},
        )
        with app.app_context():
            for engine in app.extensions["sqlalchemy"].engines.values():
                listen(engine, Kind(connect=(ENFORCED,)))
        if request.param == "old":
            folders.write(apps.path / "migrations", "multi")
        return Binds(app, paths, apps.path / "migrations" / "versions" / "aa11_.py")

    yield make_one


def check_binds(binds: Binds) -> None:
    """Make sure that the first attempt changes nothing and the second everything."""
    before = [dump(file) for file in binds.files]
    binds.write("1 / 0")
    with binds.app.app_context():
        with pytest.raises(fb.RevisionFailed, match="Nothing was changed"):
            fb.upgrade()
        assert [dump(file) for file in binds.files] == before
        binds.write("pass")
        fb.upgrade()
    assert query(binds.files[0], AGES) == AFTER
    assert query(binds.files[0], "SELECT id FROM book") == [(10,), (30,)]
    assert query(binds.files[-1], "SELECT id, what FROM entry") == []
    for file in binds.files:
        assert version_of(file) == {"aa11"}


def test_two_binds_and_the_second_fails(binds: t.Any) -> None:
    """Neither of them is changed."""
    check_binds(binds(["app.db", "logs.db"]))


def test_two_binds_on_one_file(binds: t.Any) -> None:
    """They share one transaction."""
    check_binds(binds(["app.db"]))


def test_a_script_that_goes_on_after_a_refusal(project: Project) -> None:
    """A refused change has changed nothing; the others are made."""
    write(
        project.folder,
        "aa11",
        None,
        """\
        op.execute("UPDATE author SET name = 'Ada'")
        for attempt in (
            lambda: op.create_unique_constraint('uq', 'author', ['name']),
            lambda: op.alter_column('author', 'name', type_=sa.Integer),
            lambda: op.drop_column('author', 'nope'),
            lambda: op.create_table('author', sa.Column('id', sa.Integer)),
            lambda: op.rename_table('author', 'book'),
        ):
            try:
                attempt()
            except Exception:
                op.execute("INSERT INTO author (name) VALUES ('refused')")
        op.alter_column('author', 'age', type_=sa.Integer)
        """,
    )
    sql = project.rows("SELECT sql FROM sqlite_master WHERE name = 'author'")[0][0]
    project.upgrade()
    names = project.rows("SELECT name FROM author ORDER BY id")
    assert names == [("Ada",)] * 3 + [("refused",)] * 5
    assert project.rows("SELECT sql FROM sqlite_master WHERE name = 'author'") == [
        (sql.replace("age TEXT", "age INTEGER"),)
    ]
    assert project.rows("SELECT count(*) FROM book") == [(3,)]
    temporary = "SELECT name FROM sqlite_master WHERE name LIKE '%batchmigrate%'"
    assert project.rows(temporary) == []


ROLLS_BACK = {
    "conflict": 'op.execute("INSERT OR ROLLBACK INTO author (id) VALUES (1)")',
    "session": """\
        db.session.execute(
            sa.text("INSERT OR ROLLBACK INTO author (id) VALUES (1)"))""",
    "driver": """\
        op.get_bind().connection.execute(
            "INSERT OR ROLLBACK INTO author (id) VALUES (1)")""",
    "trigger": """\
        op.execute("CREATE TRIGGER never BEFORE DELETE ON book "
            "BEGIN SELECT RAISE(ROLLBACK, 'never'); END")
        op.execute("DELETE FROM book")""",
    "interrupt": """\
        driver = op.get_bind().connection.driver_connection
        driver.set_progress_handler(lambda: 1, 1)
        try:
            op.execute("UPDATE author SET name = name || '?'")
        finally:
            driver.set_progress_handler(None, 1)""",
}

GOES_ON = {
    "op": 'op.execute("INSERT INTO book VALUES (99, 1)")',
    "batch": "op.alter_column('author', 'name', nullable=False)",
    "table": "op.create_table('more', sa.Column('id', sa.Integer))",
    "session": """\
        db.session.execute(sa.text("INSERT INTO book VALUES (99, 1)"))
        db.session.commit()""",
    "second connection": """\
        with db.engine.begin() as second:
            second.execute(sa.text("INSERT INTO book VALUES (99, 1)"))""",
    "nothing": "pass",
}


@pytest.mark.parametrize("then", GOES_ON)
@pytest.mark.parametrize("how", ROLLS_BACK)
def test_a_script_that_goes_on_after_sqlite_rolled_back(
    plain: Project, how: str, then: str
) -> None:
    """SQLite ended the transaction; a script that overlooks it stores nothing more."""
    write(
        plain.folder,
        "aa11",
        None,
        ALTER
        + "try:\n"
        + textwrap.indent(textwrap.dedent(ROLLS_BACK[how]), "    ")
        + "\nexcept Exception:\n    pass\n"
        + textwrap.dedent(GOES_ON[then]),
    )
    assert "rolled back" in plain.fail()
    write(plain.folder, "aa11", None, ALTER)
    plain.upgrade()
    assert plain.rows("SELECT name FROM author") == [("Ada!",), ("Bob!",), ("Cy!",)]
