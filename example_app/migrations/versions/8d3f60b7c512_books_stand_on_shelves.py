"""books stand on shelves

A foreign key is added to a table that has rows. The view reads that table, so every
later change of it must leave the view working.

Revision ID: 8d3f60b7c512
Revises: 4f1c2a9be07d
Create Date: 2025-01-25 17:40:51.118204

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "8d3f60b7c512"
down_revision = "4f1c2a9be07d"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "shelf",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shelf_id", sa.Integer(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_book_shelf_id"), ["shelf_id"], unique=False
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_book_shelf_id_shelf"), "shelf", ["shelf_id"], ["id"]
        )

    op.execute(
        "CREATE VIEW shelf_load AS"
        " SELECT shelf_id, count(*) AS books FROM book"
        " WHERE shelf_id IS NOT NULL GROUP BY shelf_id"
    )


def downgrade():
    op.execute("DROP VIEW shelf_load")

    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_book_shelf_id_shelf"), type_="foreignkey"
        )
        batch_op.drop_index(batch_op.f("ix_book_shelf_id"))
        batch_op.drop_column("shelf_id")

    op.drop_table("shelf")
