"""Two pages: all shelves, and one book with its loans and moves."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from flask import abort
from flask import Blueprint
from flask import redirect
from flask import render_template
from flask import request
from flask import url_for
from werkzeug.wrappers import Response

from .models import Book
from .models import db
from .models import Loan
from .models import Person
from .models import Shelf
from .models import shelf_load

bp = Blueprint("shelf", __name__)

LOAN_PERIOD = dt.timedelta(days=28)


@bp.get("/")
def index() -> str:
    shelves = db.session.scalars(sa.select(Shelf).order_by(Shelf.name)).all()
    rows = db.session.execute(sa.select(shelf_load.c.shelf_id, shelf_load.c.books))
    load = {row.shelf_id: row.books for row in rows}
    unshelved = db.session.scalars(
        sa.select(Book).where(Book.shelf_id.is_(None)).order_by(Book.title)
    ).all()
    return render_template(
        "index.html", shelves=shelves, load=load, unshelved=unshelved
    )


@bp.get("/books/<int:book_id>")
def book(book_id: int) -> str:
    shelves = db.session.scalars(sa.select(Shelf).order_by(Shelf.name)).all()
    return render_template(
        "book.html",
        book=db.get_or_404(Book, book_id),
        shelves={shelf.id: shelf.name for shelf in shelves},
    )


@bp.post("/books/<int:book_id>/lend")
def lend(book_id: int) -> Response:
    book = db.get_or_404(Book, book_id)
    name = request.form.get("borrower", "").strip()
    if not name or len(name) > 80 or book.open_loan is not None:
        abort(400)
    borrower = db.session.scalar(sa.select(Person).where(Person.name == name))
    today = dt.date.today()
    loan = Loan(
        book=book,
        borrower=borrower or Person(name=name),
        lent_on=today,
        due_on=today + LOAN_PERIOD,
    )
    db.session.add(loan)
    db.session.commit()
    return redirect(url_for("shelf.book", book_id=book_id))


@bp.post("/books/<int:book_id>/return")
def give_back(book_id: int) -> Response:
    book = db.get_or_404(Book, book_id)
    if book.open_loan is None:
        abort(400)
    book.open_loan.returned_on = dt.date.today()
    db.session.commit()
    return redirect(url_for("shelf.book", book_id=book_id))
