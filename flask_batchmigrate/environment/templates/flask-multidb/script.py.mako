<%!
    from flask_batchmigrate.environment import engine_names
%>\
"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

"""
import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

# The revision, and its place in the history.
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade(engine_name):
    globals()[f"upgrade_{engine_name}"]()


def downgrade(engine_name):
    globals()[f"downgrade_{engine_name}"]()
% for name in engine_names(config):


def upgrade_${name}():
    ${context.get(f"{name}_upgrades") or "pass"}


def downgrade_${name}():
    ${context.get(f"{name}_downgrades") or "pass"}
% endfor
