"""isbn of thirteen digits

The values move to a new column, and the old column goes together with its unnamed
unique constraint.

Revision ID: 60d1f8e32b97
Revises: e7a2580c9f64
Create Date: 2025-03-30 14:55:19.290071

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "60d1f8e32b97"
down_revision = "e7a2580c9f64"
branch_labels = None
depends_on = None

book = sa.table(
    "book",
    sa.column("id", sa.Integer()),
    sa.column("isbn", sa.String(length=20)),
    sa.column("isbn13", sa.String(length=13)),
)


def isbn13(isbn):
    """The thirteen digits of an ISBN, or None for what is none."""
    digits = isbn.replace("-", "").replace(" ", "")
    if len(digits) == 10 and digits[:9].isdecimal():
        digits = "978" + digits[:9]
        total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))
        digits += str(-total % 10)
    return digits if len(digits) == 13 and digits.isdecimal() else None


def upgrade():
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.add_column(sa.Column("isbn13", sa.String(length=13), nullable=True))

    connection = op.get_bind()
    seen = set()
    books = sa.select(book.c.id, book.c.isbn).where(book.c.isbn.is_not(None))
    for row in connection.execute(books.order_by(book.c.id)).all():
        number = isbn13(row.isbn)
        if number is not None and number not in seen:
            seen.add(number)
            connection.execute(
                sa.update(book).where(book.c.id == row.id).values(isbn13=number)
            )

    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.create_unique_constraint(batch_op.f("uq_book_isbn13"), ["isbn13"])
        batch_op.drop_column("isbn")


def downgrade():
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.add_column(sa.Column("isbn", sa.String(length=20), nullable=True))

    op.get_bind().execute(sa.update(book).values(isbn=book.c.isbn13))

    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.create_unique_constraint(batch_op.f("uq_book_isbn"), ["isbn"])
        batch_op.drop_constraint(batch_op.f("uq_book_isbn13"), type_="unique")
        batch_op.drop_column("isbn13")
