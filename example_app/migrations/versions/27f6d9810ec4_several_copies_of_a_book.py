"""several copies of a book

A NOT NULL column is added to rows that exist, a unique and a check constraint are
replaced by wider ones, and a text column grows.

Revision ID: 27f6d9810ec4
Revises: a93b4c5e1d70
Create Date: 2025-06-21 19:05:58.447726

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "27f6d9810ec4"
down_revision = "a93b4c5e1d70"
branch_labels = None
depends_on = None

book = sa.table(
    "book",
    sa.column("isbn13", sa.String(length=13)),
    sa.column("copy_number", sa.Integer()),
    sa.column("title", sa.String(length=200)),
)


def upgrade():
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("copy_number", sa.Integer(), server_default="1", nullable=False)
        )
        batch_op.alter_column(
            "title",
            existing_type=sa.String(length=120),
            type_=sa.String(length=200),
            existing_nullable=False,
        )
        batch_op.drop_constraint(batch_op.f("ck_book_pages_positive"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_book_counts_positive"), "pages > 0 AND copy_number > 0"
        )
        batch_op.drop_constraint(batch_op.f("uq_book_isbn13"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_book_isbn13_copy_number"), ["isbn13", "copy_number"]
        )


def downgrade():
    # The older schema knows one copy of a book, and shorter titles. Further copies
    # stay as books without a number, long titles are cut.
    connection = op.get_bind()
    connection.execute(
        sa.update(book).where(book.c.copy_number > 1).values(isbn13=sa.null())
    )
    connection.execute(
        sa.update(book)
        .where(sa.func.length(book.c.title) > 120)
        .values(title=sa.func.substr(book.c.title, 1, 120))
    )

    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("uq_book_isbn13_copy_number"), type_="unique"
        )
        batch_op.create_unique_constraint(batch_op.f("uq_book_isbn13"), ["isbn13"])
        batch_op.drop_constraint(batch_op.f("ck_book_counts_positive"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_book_pages_positive"), "pages > 0"
        )
        batch_op.alter_column(
            "title",
            existing_type=sa.String(length=200),
            type_=sa.String(length=120),
            existing_nullable=False,
        )
        batch_op.drop_column("copy_number")
