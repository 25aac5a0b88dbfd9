"""Tests of SQL text, without a database or with SQLite as the judge."""
