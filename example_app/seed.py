"""``flask seed``: a few rows to look at."""

from __future__ import annotations

import datetime as dt

import click
import sqlalchemy as sa
from flask.cli import with_appcontext

from .models import Author
from .models import Book
from .models import db
from .models import Loan
from .models import Person
from .models import Shelf


def seed() -> int:
    """Fill the empty tables; tables with rows are left alone.

    :return: how many books there are afterwards.
    """
    session = db.session
    if session.scalar(sa.select(sa.func.count(Book.id))) == 0:
        novels, science = Shelf(name="Novels"), Shelf(name="Science")
        stevenson = Author(name="Robert Louis Stevenson")
        shelley = Author(name="Mary Shelley")
        faraday = Author(name="Michael Faraday")
        island = Book(
            title="Treasure Island",
            author=stevenson,
            shelf=novels,
            pages=292,
            isbn13="9780141321004",
        )
        second_copy = Book(
            title="Treasure Island",
            author=stevenson,
            pages=292,
            isbn13="9780141321004",
            copy_number=2,
        )
        frankenstein = Book(
            title="Frankenstein", author=shelley, shelf=science, isbn13="9780141439471"
        )
        candle = Book(
            title="The Chemical History of a Candle",
            author=faraday,
            shelf=science,
            pages=223,
        )
        session.add_all([island, second_copy, frankenstein, candle])
        session.flush()

        frankenstein.shelf = novels
        ada, ben = Person(name="Ada"), Person(name="Ben")
        monday = dt.date(2026, 3, 2)
        month = dt.timedelta(days=28)
        session.add_all(
            [
                Loan(book=island, borrower=ada, lent_on=monday, due_on=monday + month),
                Loan(
                    book=candle,
                    borrower=ben,
                    lent_on=monday,
                    due_on=monday + month,
                    returned_on=monday + dt.timedelta(days=9),
                ),
                Loan(book=candle, borrower=ada, lent_on=monday, due_on=monday + month),
            ]
        )
        session.commit()
    return session.scalar(sa.select(sa.func.count(Book.id))) or 0


@click.command("seed")
@with_appcontext
def seed_command() -> None:
    """Fill empty tables with a few books and loans."""
    click.echo(f"{seed()} books on the shelves.")
