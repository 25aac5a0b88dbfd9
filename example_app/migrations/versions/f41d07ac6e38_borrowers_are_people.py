"""borrowers are people

A text column becomes a table of its own: the rows are moved, then the new column is
made NOT NULL and the old one is dropped.

Revision ID: f41d07ac6e38
Revises: 27f6d9810ec4
Create Date: 2025-08-17 16:13:22.805593

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "f41d07ac6e38"
down_revision = "27f6d9810ec4"
branch_labels = None
depends_on = None

person = sa.table(
    "person",
    sa.column("id", sa.Integer()),
    sa.column("name", sa.String(length=80)),
)
loan = sa.table(
    "loan",
    sa.column("borrower", sa.String(length=80)),
    sa.column("borrower_id", sa.Integer()),
)


def upgrade():
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    with op.batch_alter_table("loan", schema=None) as batch_op:
        batch_op.add_column(sa.Column("borrower_id", sa.Integer(), nullable=True))

    connection = op.get_bind()
    names = sa.select(loan.c.borrower).distinct().order_by(loan.c.borrower)
    connection.execute(sa.insert(person).from_select(["name"], names))
    connection.execute(
        sa.update(loan).values(
            borrower_id=sa.select(person.c.id)
            .where(person.c.name == loan.c.borrower)
            .scalar_subquery()
        )
    )

    with op.batch_alter_table("loan", schema=None) as batch_op:
        batch_op.alter_column("borrower_id", existing_type=sa.Integer(), nullable=False)
        batch_op.create_index(
            batch_op.f("ix_loan_borrower_id"), ["borrower_id"], unique=False
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_loan_borrower_id_person"), "person", ["borrower_id"], ["id"]
        )
        batch_op.drop_column("borrower")


def downgrade():
    with op.batch_alter_table("loan", schema=None) as batch_op:
        batch_op.add_column(sa.Column("borrower", sa.String(length=80), nullable=True))

    op.get_bind().execute(
        sa.update(loan).values(
            borrower=sa.select(person.c.name)
            .where(person.c.id == loan.c.borrower_id)
            .scalar_subquery()
        )
    )

    with op.batch_alter_table("loan", schema=None) as batch_op:
        batch_op.alter_column(
            "borrower", existing_type=sa.String(length=80), nullable=False
        )
        batch_op.drop_constraint(
            batch_op.f("fk_loan_borrower_id_person"), type_="foreignkey"
        )
        batch_op.drop_index(batch_op.f("ix_loan_borrower_id"))
        batch_op.drop_column("borrower_id")

    op.drop_table("person")
