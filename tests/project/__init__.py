"""Tests of what is known of an application and its folder before Alembic is loaded."""
