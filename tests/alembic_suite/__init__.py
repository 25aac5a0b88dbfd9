"""Alembic's own tests, run with the engine in the place of its SQLite code."""
