"""What generated revisions say: functions on Alembic's operations and on values."""
