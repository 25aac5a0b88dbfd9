"""Compares the tables of models with those of a SQLite database.

Both are read by the SQLite engine from SQL text: what ``create_all()`` makes of the
models, and what the database has.
"""
