"""remember moves

A trigger writes the table, and its rows go with their book (ON DELETE CASCADE): no
later change of 'book' may lose the trigger, or fire the cascade.

Revision ID: c05e7719d4ab
Revises: 8d3f60b7c512
Create Date: 2025-02-02 09:15:27.730912

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "c05e7719d4ab"
down_revision = "8d3f60b7c512"
branch_labels = None
depends_on = None

CREATE_TRIGGER = {
    "sqlite": [
        """
        CREATE TRIGGER book_moved AFTER UPDATE OF shelf_id ON book
        WHEN OLD.shelf_id IS NOT NEW.shelf_id
        BEGIN
            INSERT INTO shelf_move (book_id, from_shelf_id, to_shelf_id)
            VALUES (NEW.id, OLD.shelf_id, NEW.shelf_id);
        END
        """
    ],
    "postgresql": [
        """
        CREATE FUNCTION remember_move() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO shelf_move (book_id, from_shelf_id, to_shelf_id)
            VALUES (NEW.id, OLD.shelf_id, NEW.shelf_id);
            RETURN NULL;
        END
        $$
        """,
        """
        CREATE TRIGGER book_moved AFTER UPDATE ON book FOR EACH ROW
        WHEN (OLD.shelf_id IS DISTINCT FROM NEW.shelf_id)
        EXECUTE FUNCTION remember_move()
        """,
    ],
    "mysql": [
        """
        CREATE TRIGGER book_moved AFTER UPDATE ON book FOR EACH ROW
        IF NOT OLD.shelf_id <=> NEW.shelf_id THEN
            INSERT INTO shelf_move (book_id, from_shelf_id, to_shelf_id)
            VALUES (NEW.id, OLD.shelf_id, NEW.shelf_id);
        END IF
        """
    ],
}
DROP_TRIGGER = {
    "sqlite": ["DROP TRIGGER book_moved"],
    "postgresql": [
        "DROP TRIGGER book_moved ON book",
        "DROP FUNCTION remember_move()",
    ],
    "mysql": ["DROP TRIGGER book_moved"],
}


def run(statements):
    dialect = op.get_context().dialect.name
    for statement in statements["mysql" if dialect == "mariadb" else dialect]:
        op.execute(statement)


def upgrade():
    op.create_table(
        "shelf_move",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("from_shelf_id", sa.Integer(), nullable=True),
        sa.Column("to_shelf_id", sa.Integer(), nullable=True),
        sa.Column(
            "moved_at",
            sa.DateTime(),
            server_default=sa.func.now(),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["book_id"], ["book.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    run(CREATE_TRIGGER)


def downgrade():
    run(DROP_TRIGGER)
    op.drop_table("shelf_move")
