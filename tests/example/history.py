"""The example's history walked with rows in the tables, on whatever database."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import datetime as dt
import typing as t

import sqlalchemy as sa
from flask import Flask

from example_app import create_app
from example_app.models import Author
from example_app.models import Book
from example_app.models import db
from example_app.models import Loan
from example_app.models import Person
from example_app.models import Shelf
from example_app.models import ShelfMove
from example_app.seed import seed
from flask_batchmigrate import check
from flask_batchmigrate import downgrade
from flask_batchmigrate import upgrade

FIRST = "4f1c2a9be07d"
MOVES = "c05e7719d4ab"
LOANS = "a93b4c5e1d70"
HEAD = "f41d07ac6e38"

Row: t.TypeAlias = dict[str, t.Any]

OLD_ROWS: list[tuple[str, list[Row]]] = [
    ("shelf", [{"id": 101, "name": "Novels"}, {"id": 102, "name": "Science"}]),
    ("writer", [{"id": 107, "name": "Mary Shelley"}]),
    (
        "book",
        [
            {
                "id": 111,
                "title": "Frankenstein",
                "pages": " 280 ",
                "isbn": "0-14-143947-3",
                "writer_id": 107,
                "shelf_id": 102,
            },
            {
                "id": 112,
                "title": "The Last Man",
                "pages": "about 300",
                "isbn": "none",
                "writer_id": 107,
                "shelf_id": None,
            },
            {
                "id": 113,
                "title": "Mathilda",
                "pages": "0",
                "isbn": None,
                "writer_id": 107,
                "shelf_id": 101,
            },
        ],
    ),
]
"""Rows of the third revision, with the values that later revisions must mend.

The ids are out of the way of those that PostgreSQL's sequences will give.
"""

OLD_LOANS: list[Row] = [
    {
        "id": 100 + number,
        "book_id": 111,
        "borrower": borrower,
        "lent_on": dt.date(2025, 5, number),
        "due_on": dt.date(2025, 6, number),
    }
    for number, borrower in enumerate(["Ada", "Ben", "Ada"], start=1)
]


@contextlib.contextmanager
def example(url: str) -> cabc.Iterator[Flask]:
    """The example on this database, within its context; its engines are closed."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": url})
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def insert(table: str, rows: list[Row]) -> None:
    names = [sa.column(name) for name in rows[0]]
    with db.engine.begin() as connection:
        connection.execute(sa.insert(sa.table(table, *names)), rows)


def tables() -> set[str]:
    return set(sa.inspect(db.engine).get_table_names()) - {"alembic_version"}


def walk_up_with_old_rows() -> None:
    """Rows written at old revisions arrive at the head, mended and complete."""
    upgrade(revision=MOVES)
    for table, rows in OLD_ROWS:
        insert(table, rows)
    with db.engine.begin() as connection:
        connection.execute(sa.text("UPDATE book SET shelf_id = 101 WHERE id = 111"))

    upgrade(revision=LOANS)
    insert("loan", OLD_LOANS)
    upgrade()

    books = db.session.scalars(sa.select(Book).order_by(Book.id)).all()
    found = [(b.id, b.title, b.pages, b.isbn13, b.copy_number) for b in books]
    assert found == [
        (111, "Frankenstein", 280, "9780141439471", 1),
        (112, "The Last Man", None, None, 1),
        (113, "Mathilda", None, None, 1),
    ]
    assert {b.author.name for b in books} == {"Mary Shelley"}
    assert [b.shelf and b.shelf.name for b in books] == ["Novels", None, "Novels"]

    loans = db.session.scalars(sa.select(Loan).order_by(Loan.id)).all()
    assert [loan.borrower.name for loan in loans] == ["Ada", "Ben", "Ada"]
    assert [loan.lent_on for loan in loans] == [row["lent_on"] for row in OLD_LOANS]

    # Written by the trigger at the third revision, referring to 'book' by a cascade.
    assert moves() == [(111, 102, 101)]


def moves() -> list[tuple[int, int | None, int | None]]:
    rows = db.session.scalars(sa.select(ShelfMove).order_by(ShelfMove.id))
    return [(move.book_id, move.from_shelf_id, move.to_shelf_id) for move in rows]


def add_rows() -> int:
    """Two rows at least in every table.

    :return: the id of a book that stands on a shelf, is lent, and has been moved.
    """
    left, right = Shelf(name="Left"), Shelf(name="Right")
    author = Author(name="Michael Faraday")
    book = Book(title="Notes", author=author, shelf=left, isbn13="9780000000002")
    other = Book(title="Letters", author=author, shelf=right, isbn13="9780000000019")
    today = dt.date(2026, 3, 2)
    for name in ("Dora", "Emil"):
        borrower = Person(name=name)
        db.session.add(Loan(book=book, borrower=borrower, lent_on=today, due_on=today))
    db.session.add(other)
    db.session.flush()
    book.shelf, other.shelf = right, left
    db.session.commit()
    number = book.id
    db.session.remove()
    return number


def head_works() -> None:
    """At the head: trigger, view, cascade, every constraint, and no drift."""
    assert check() is True
    book = add_rows()

    with db.engine.connect() as connection:
        run = connection.exec_driver_sql
        shelf = run(f"SELECT shelf_id FROM book WHERE id = {book}").scalar_one()
        load = f"SELECT books FROM shelf_load WHERE shelf_id = {shelf}"
        logged = f"SELECT count(*) FROM shelf_move WHERE book_id = {book}"

        assert run(load).scalar_one() == 1
        assert run(logged).scalar_one() == 1
        run(f"UPDATE book SET shelf_id = NULL WHERE id = {book}")
        assert run(logged).scalar_one() == 2
        assert run(load).scalar() is None

        run(f"DELETE FROM loan WHERE book_id = {book}")
        run(f"DELETE FROM book WHERE id = {book}")
        assert run(logged).scalar_one() == 0
        connection.rollback()

    for refused in (
        "UPDATE book SET author_id = 4711",
        "UPDATE book SET author_id = NULL",
        "UPDATE book SET shelf_id = 4711",
        "UPDATE book SET pages = 0",
        "UPDATE book SET copy_number = 0",
        "UPDATE book SET isbn13 = 'x', copy_number = 1",
        "UPDATE loan SET due_on = '1999-12-31'",
        "UPDATE loan SET borrower_id = 4711",
        "UPDATE loan SET borrower_id = NULL",
        "UPDATE person SET name = 'x'",
        "UPDATE shelf SET name = 'x'",
    ):
        assert is_refused(refused), refused


def is_refused(statement: str) -> bool:
    with db.engine.connect() as connection:
        try:
            connection.exec_driver_sql(statement)
        except sa.exc.DBAPIError:
            return True
        finally:
            connection.rollback()
    return False


def down_and_up_again() -> None:
    """Rows that an older schema can hold survive the way down and up again."""
    before = {
        (book.id, book.title, book.pages, book.author.name): book.isbn13
        for book in db.session.scalars(sa.select(Book))
        if book.copy_number == 1
    }
    db.session.remove()

    downgrade(revision=FIRST)
    assert tables() == {"writer", "book"}
    upgrade()

    after = {
        (book.id, book.title, book.pages, book.author.name): book.isbn13
        for book in db.session.scalars(sa.select(Book))
    }
    assert before.items() <= after.items()
    db.session.remove()


def to_base_and_up_again() -> None:
    """The way down ends with no table, and the way up works from there."""
    downgrade(revision="base")
    assert tables() == set()

    upgrade()
    assert check() is True
    assert seed() == 4
    db.session.remove()
