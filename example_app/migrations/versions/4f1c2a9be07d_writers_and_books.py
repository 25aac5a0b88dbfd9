"""writers and books

Revision ID: 4f1c2a9be07d
Revises:
Create Date: 2025-01-11 10:02:13.405161

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "4f1c2a9be07d"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "writer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    # Neither the foreign key nor the unique constraint has a name.
    op.create_table(
        "book",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("pages", sa.String(length=20), nullable=True),
        sa.Column("isbn", sa.String(length=20), nullable=True),
        sa.Column("writer_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["writer_id"], ["writer.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("isbn"),
    )
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_book_title"), ["title"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_book_writer_id"), ["writer_id"], unique=False
        )


def downgrade():
    # The indexes go with their table.
    op.drop_table("book")
    op.drop_table("writer")
