"""The tables as the application sees them today.

No constraint is named here: the names in the migration scripts are those that
``flask db migrate`` gives.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import typing as t

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import orm


class Base(orm.DeclarativeBase):
    """The base of all models."""


db = SQLAlchemy(model_class=Base)


def enforce_foreign_keys(connection: t.Any, record: t.Any) -> None:
    """SQLite enforces foreign keys only where it is asked to."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA foreign_keys = ON")


class Author(db.Model):  # type: ignore[name-defined]
    __tablename__ = "author"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(80))

    books: orm.Mapped[list[Book]] = orm.relationship(back_populates="author")


class Shelf(db.Model):  # type: ignore[name-defined]
    __tablename__ = "shelf"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(40), unique=True)

    books: orm.Mapped[list[Book]] = orm.relationship(
        back_populates="shelf", order_by="Book.title"
    )


class Book(db.Model):  # type: ignore[name-defined]
    """One copy of a book; a trigger records every change of its shelf."""

    __tablename__ = "book"
    __table_args__ = (
        sa.UniqueConstraint("isbn13", "copy_number"),
        sa.CheckConstraint("pages > 0 AND copy_number > 0"),
    )

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    title: orm.Mapped[str] = orm.mapped_column(sa.String(200), index=True)
    pages: orm.Mapped[int | None]
    author_id: orm.Mapped[int] = orm.mapped_column(
        sa.ForeignKey("author.id"), index=True
    )
    shelf_id: orm.Mapped[int | None] = orm.mapped_column(
        sa.ForeignKey("shelf.id"), index=True
    )
    isbn13: orm.Mapped[str | None] = orm.mapped_column(sa.String(13))
    copy_number: orm.Mapped[int] = orm.mapped_column(server_default="1")

    author: orm.Mapped[Author] = orm.relationship(back_populates="books")
    shelf: orm.Mapped[Shelf | None] = orm.relationship(back_populates="books")
    loans: orm.Mapped[list[Loan]] = orm.relationship(
        back_populates="book", order_by="Loan.lent_on"
    )
    moves: orm.Mapped[list[ShelfMove]] = orm.relationship(
        order_by="ShelfMove.id", viewonly=True
    )

    @property
    def open_loan(self) -> Loan | None:
        """The loan that has not been returned yet."""
        return next((loan for loan in self.loans if loan.returned_on is None), None)


class ShelfMove(db.Model):  # type: ignore[name-defined]
    """Written by the trigger ``book_moved``, never by the application."""

    __tablename__ = "shelf_move"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    book_id: orm.Mapped[int] = orm.mapped_column(
        sa.ForeignKey("book.id", ondelete="CASCADE")
    )
    from_shelf_id: orm.Mapped[int | None]
    to_shelf_id: orm.Mapped[int | None]
    moved_at: orm.Mapped[dt.datetime] = orm.mapped_column(server_default=sa.func.now())


class Person(db.Model):  # type: ignore[name-defined]
    __tablename__ = "person"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(80), unique=True)

    loans: orm.Mapped[list[Loan]] = orm.relationship(back_populates="borrower")


class Loan(db.Model):  # type: ignore[name-defined]
    __tablename__ = "loan"
    __table_args__ = (
        sa.CheckConstraint("due_on >= lent_on"),
        sa.Index(
            "ix_loan_due_on",
            "due_on",
            sqlite_where=sa.text("returned_on IS NULL"),
            postgresql_where=sa.text("returned_on IS NULL"),
        ),
    )

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    book_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("book.id"))
    borrower_id: orm.Mapped[int] = orm.mapped_column(
        sa.ForeignKey("person.id"), index=True
    )
    lent_on: orm.Mapped[dt.date]
    due_on: orm.Mapped[dt.date]
    returned_on: orm.Mapped[dt.date | None]

    book: orm.Mapped[Book] = orm.relationship(back_populates="loans")
    borrower: orm.Mapped[Person] = orm.relationship(back_populates="loans")


shelf_load = sa.table("shelf_load", sa.column("shelf_id"), sa.column("books"))
"""The view that counts the books of a shelf."""
