"""pages are numbers

A type is changed from text to integer. What is no number ("about 300") is cleared
first: the migration would stop at it.

Revision ID: 1be94d06f3a8
Revises: c05e7719d4ab
Create Date: 2025-02-16 20:31:04.552310

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "1be94d06f3a8"
down_revision = "c05e7719d4ab"
branch_labels = None
depends_on = None

book = sa.table(
    "book", sa.column("id", sa.Integer()), sa.column("pages", sa.String(length=20))
)


def upgrade():
    connection = op.get_bind()
    for row in connection.execute(sa.select(book).where(book.c.pages.is_not(None))):
        number = row.pages.strip()
        connection.execute(
            sa.update(book)
            .where(book.c.id == row.id)
            .values(pages=number if number.isdecimal() else None)
        )

    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.alter_column(
            "pages",
            existing_type=sa.String(length=20),
            type_=sa.Integer(),
            existing_nullable=True,
            postgresql_using="pages::integer",
        )


def downgrade():
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.alter_column(
            "pages",
            existing_type=sa.Integer(),
            type_=sa.String(length=20),
            existing_nullable=True,
        )
