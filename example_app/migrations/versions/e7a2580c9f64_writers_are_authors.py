"""writers are authors

A table and a column are renamed, and the foreign key between them follows. The index
is made anew for its name; MariaDB wants the new one first, for the foreign key.

Revision ID: e7a2580c9f64
Revises: 1be94d06f3a8
Create Date: 2025-03-09 11:22:45.067458

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "e7a2580c9f64"
down_revision = "1be94d06f3a8"
branch_labels = None
depends_on = None


def upgrade():
    op.rename_table("writer", "author")
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.alter_column(
            "writer_id",
            new_column_name="author_id",
            existing_type=sa.Integer(),
            existing_nullable=False,
        )
        batch_op.create_index(
            batch_op.f("ix_book_author_id"), ["author_id"], unique=False
        )
        batch_op.drop_index(batch_op.f("ix_book_writer_id"))


def downgrade():
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.alter_column(
            "author_id",
            new_column_name="writer_id",
            existing_type=sa.Integer(),
            existing_nullable=False,
        )
        batch_op.create_index(
            batch_op.f("ix_book_writer_id"), ["writer_id"], unique=False
        )
        batch_op.drop_index(batch_op.f("ix_book_author_id"))
    op.rename_table("author", "writer")
