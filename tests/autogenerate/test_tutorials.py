"""What the tutorials for beginners do, with plain commands and no edit of a script.

Each is a list of models, with the commands between them, on SQLite and on the servers.
Every step is judged by what ``create_all()`` makes of the models, and by the rows.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import typing as t

import pytest
import sqlalchemy as sa

from tests.servers import new_database
from tests.servers import SERVERS

from .bench import Bench
from .changes import Define
from .judge import schema_of
from .judge import schema_of_models
from .server_judge import schema_of_models as schema_of_server_models
from .server_judge import schema_of_server

KINDS = [
    "sqlite",
    *(pytest.param(kind, marks=pytest.mark.servers) for kind in SERVERS),
]


def key() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def tables(**columns: cabc.Callable[[], list[sa.SchemaItem]]) -> Define:
    """Return what makes tables with a number and these columns."""

    def define(metadata: sa.MetaData) -> None:
        for name, make in columns.items():
            sa.Table(name, metadata, *make())

    return define


class Tutorial:
    """A project that somebody works through a tutorial with.

    :param bench: its database.
    :param judged: the URL of an empty database for ``create_all()``.
    """

    def __init__(self, bench: Bench, judged: str | None) -> None:
        self.bench = bench
        self._judged = judged
        self.define: Define = lambda metadata: None

    def models(self, define: Define) -> None:
        """Write the models anew."""
        self.define = define

    def run(self, *arguments: str) -> str:
        """Run a command; it must succeed."""
        code, output = self.attempt(*arguments)
        assert code == 0, output
        return output

    def attempt(self, *arguments: str) -> tuple[int, str]:
        """Run a command; return its exit code and what it wrote."""
        app, _ = self.bench.app(self.define)
        result = app.test_cli_runner().invoke(args=["db", *arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    def change(self, define: Define, *options: str) -> None:
        """Change the models, write a revision and run it."""
        self.models(define)
        self.run("migrate", "-m", "a change", *options)
        self.run("upgrade")
        self.judge()
        self.run("check")

    def back(self, define: Define) -> None:
        """Undo the newest revision."""
        self.run("downgrade")
        self.models(define)
        self.judge()

    def judge(self) -> None:
        """Compare the database with what the models make."""
        metadata = sa.MetaData()
        self.define(metadata)
        if self._judged is None:
            file = self.bench.path / "app.db"
            models = schema_of_models(metadata)
            assert schema_of(file) == models
        else:
            models = schema_of_server_models(metadata, self._judged)
            assert schema_of_server(self.bench.url) == models

    def insert(self, table: str, **values: t.Any) -> None:
        """Add a row."""
        app, db = self.bench.app(self.define)
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(db.metadata.tables[table].insert(), values)

    def rows(self, table: str) -> list[tuple[t.Any, ...]]:
        """Return the rows of a table."""
        app, db = self.bench.app(self.define)
        with app.app_context(), db.engine.connect() as connection:
            return [
                tuple(r) for r in connection.execute(db.metadata.tables[table].select())
            ]


@pytest.fixture(params=KINDS)
def tutorial(
    request: pytest.FixtureRequest,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> cabc.Iterator[Tutorial]:
    """A new project, on each database."""
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            yield Tutorial(Bench(f"sqlite:///{tmp_path / 'app.db'}", tmp_path), None)
            return
        url, judged = (
            stack.enter_context(new_database(request.param)) for _ in range(2)
        )
        yield Tutorial(Bench(url, tmp_path), judged)


def test_students_to_scholars(tutorial: Tutorial) -> None:
    """A table gets another name, and its old one back."""

    def named(table: str) -> Define:
        return tables(
            **{
                table: lambda: [
                    key(),
                    sa.Column("name", sa.String(80), nullable=False, index=True),
                    sa.Column("email", sa.String(80), unique=True),
                ],
                "grade": lambda: [
                    key(),
                    sa.Column("student_id", sa.ForeignKey(f"{table}.id")),
                ],
            }
        )

    tutorial.change(named("students"))
    tutorial.insert("students", id=1, name="Ada", email="a@b.c")
    tutorial.insert("grade", id=1, student_id=1)
    tutorial.models(named("scholars"))
    code, output = tutorial.attempt("migrate")
    assert code == 1 and "--rename students:scholars" in output
    tutorial.change(named("scholars"), "--rename", "students:scholars")
    assert tutorial.rows("scholars") == [(1, "Ada", "a@b.c")]
    tutorial.change(named("students"), "--rename", "scholars:students")
    tutorial.back(named("scholars"))
    tutorial.back(named("students"))
    assert tutorial.rows("students") == [(1, "Ada", "a@b.c")]
    assert tutorial.rows("grade") == [(1, 1)]


def hobby(*items: cabc.Callable[[], sa.SchemaItem]) -> Define:
    return tables(
        person=lambda: [key(), sa.Column("name", sa.String(80))],
        hobby=lambda: [
            key(),
            sa.Column("title", sa.String(80), nullable=False),
            sa.Column("person_id", sa.Integer, sa.ForeignKey("person.id")),
            *(make() for make in items),
        ],
    )


def test_address_of_a_hobby(tutorial: Tutorial) -> None:
    """A column comes and goes, by revisions and by downgrades."""
    with_address = hobby(lambda: sa.Column("address", sa.String(120)))
    tutorial.change(hobby())
    tutorial.insert("hobby", id=3, title="chess")
    tutorial.change(with_address)
    tutorial.back(hobby())
    tutorial.run("upgrade")
    tutorial.change(hobby())
    assert tutorial.rows("hobby") == [(3, "chess", None)]
    tutorial.back(with_address)
    tutorial.back(hobby())
    assert tutorial.rows("hobby") == [(3, "chess", None)]


def test_string_to_integer(tutorial: Tutorial) -> None:
    """A column of numbers that were kept as text, with NULL among them, and back."""

    def typed(type_: t.Any, **options: t.Any) -> Define:
        return tables(
            book=lambda: [key(), sa.Column("pages", type_, **options)],
        )

    tutorial.change(typed(sa.String(20)))
    tutorial.insert("book", id=1, pages="312")
    tutorial.insert("book", id=2, pages=None)
    tutorial.change(typed(sa.Integer))
    assert tutorial.rows("book") == [(1, 312), (2, None)]
    tutorial.back(typed(sa.String(20)))
    assert tutorial.rows("book") == [(1, "312"), (2, None)]
    tutorial.run("upgrade")
    tutorial.change(typed(sa.String(20)))
    assert tutorial.rows("book") == [(1, "312"), (2, None)]


def test_second_foreign_key_of_a_friend(tutorial: Tutorial) -> None:
    """A table that has one key to another gets a second one to it."""

    def friends(*items: cabc.Callable[[], sa.SchemaItem]) -> Define:
        return tables(
            user=lambda: [key(), sa.Column("name", sa.String(30))],
            friend=lambda: [
                key(),
                sa.Column("user_id", sa.Integer, sa.ForeignKey("user.id")),
                *(make() for make in items),
            ],
        )

    both = friends(lambda: sa.Column("friend_id", sa.Integer, sa.ForeignKey("user.id")))
    tutorial.change(friends())
    tutorial.insert("user", id=1, name="Ada")
    tutorial.insert("friend", id=1, user_id=1)
    tutorial.change(both)
    tutorial.back(friends())
    tutorial.run("upgrade")
    tutorial.change(friends())
    tutorial.back(both)
    assert tutorial.rows("friend") == [(1, 1, None)]


def test_isbn_made_unique(tutorial: Tutorial) -> None:
    """An unnamed UNIQUE comes and goes, also one that the first revision made."""

    def book(**options: t.Any) -> Define:
        return tables(
            book=lambda: [
                key(),
                sa.Column("title", sa.String(80)),
                sa.Column("isbn", sa.String(13), **options),
            ],
        )

    tutorial.change(book())
    tutorial.insert("book", id=1, title="Sketch", isbn="9780000000001")
    tutorial.change(book(unique=True))
    tutorial.back(book())
    tutorial.run("upgrade")
    tutorial.change(book())
    tutorial.back(book(unique=True))
    tutorial.run("upgrade")
    tutorial.change(book(unique=True, index=True))
    tutorial.change(book(nullable=False, unique=True))
    assert tutorial.rows("book") == [(1, "Sketch", "9780000000001")]


def test_unique_since_the_first_revision(tutorial: Tutorial) -> None:
    """What a table is made with can be dropped and come back."""

    def book(**options: t.Any) -> Define:
        return tables(book=lambda: [key(), sa.Column("isbn", sa.String(13), **options)])

    tutorial.change(book(unique=True))
    tutorial.insert("book", id=1, isbn="9780000000001")
    tutorial.change(book())
    tutorial.back(book(unique=True))
    assert tutorial.rows("book") == [(1, "9780000000001")]


def test_link_table_of_employees_and_departments(tutorial: Tutorial) -> None:
    """A foreign key becomes a table of pairs, which gets a column of its own."""

    def company(*links: cabc.Callable[[], sa.SchemaItem], key_: bool = False) -> Define:
        made: dict[str, cabc.Callable[[], list[sa.SchemaItem]]] = {
            "department": lambda: [key(), sa.Column("name", sa.String(40))],
            "employee": lambda: [
                key(),
                sa.Column("name", sa.String(40)),
                *(
                    [sa.Column("department_id", sa.ForeignKey("department.id"))]
                    if key_
                    else []
                ),
            ],
        }
        if links:
            made["employee_department"] = lambda: [make() for make in links]
        return tables(**made)

    pairs: list[cabc.Callable[[], sa.SchemaItem]] = [
        lambda: sa.Column(
            "employee_id", sa.ForeignKey("employee.id"), primary_key=True
        ),
        lambda: sa.Column(
            "department_id",
            sa.ForeignKey("department.id", ondelete="CASCADE"),
            primary_key=True,
        ),
    ]
    since = lambda: sa.Column("since", sa.Date)  # noqa: E731
    tutorial.change(company(key_=True))
    tutorial.insert("department", id=1, name="Sales")
    tutorial.insert("employee", id=1, name="Ada")
    tutorial.change(company(*pairs))
    tutorial.insert("employee_department", employee_id=1, department_id=1)
    tutorial.change(company(*pairs, since))
    assert tutorial.rows("employee_department") == [(1, 1, None)]
    tutorial.back(company(*pairs))
    assert tutorial.rows("employee_department") == [(1, 1)]
    tutorial.back(company(key_=True))
    assert tutorial.rows("employee") == [(1, "Ada", None)]
