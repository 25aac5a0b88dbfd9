"""Tests of Alembic's calls, as scripts make them."""
