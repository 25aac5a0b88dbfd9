"""writers are authors

A table and a column are renamed; the foreign key between them follows.

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


def downgrade():
    with op.batch_alter_table("book", schema=None) as batch_op:
        batch_op.alter_column(
            "author_id",
            new_column_name="writer_id",
            existing_type=sa.Integer(),
            existing_nullable=False,
        )
    op.rename_table("author", "writer")
