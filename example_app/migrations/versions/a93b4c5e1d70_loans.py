"""loans

A partial index is made here (a plain one on MariaDB), and check constraints on a table
that has rows.

Revision ID: a93b4c5e1d70
Revises: 60d1f8e32b97
Create Date: 2025-05-04 08:48:36.910345

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "a93b4c5e1d70"
down_revision = "60d1f8e32b97"
branch_labels = None
depends_on = None

book = sa.table("book", sa.column("pages", sa.Integer()))


def upgrade():
    op.create_table(
        "loan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("borrower", sa.String(length=80), nullable=False),
        sa.Column("lent_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.CheckConstraint("due_on >= lent_on"),
        sa.ForeignKeyConstraint(["book_id"], ["book.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("loan", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_loan_due_on"),
            ["due_on"],
            unique=False,
            sqlite_where=sa.text("returned_on IS NULL"),
            postgresql_where=sa.text("returned_on IS NULL"),
        )

    op.get_bind().execute(
        sa.update(book).where(book.c.pages <= 0).values(pages=sa.null())
    )
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.create_check_constraint(
            batch_op.f("ck_book_pages_positive"), "pages > 0"
        )


def downgrade():
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_book_pages_positive"), type_="check")

    with op.batch_alter_table("loan", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loan_due_on"))

    op.drop_table("loan")
