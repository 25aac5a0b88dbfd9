"""The SQLite side: an engine that alters tables without losing anything.

The core (tokens, table text, edits, catalogue, plan, execution, verification) needs
nothing but Python's :mod:`sqlite3`. :mod:`~flask_batchmigrate.sqlite.transaction.migration`
adds SQLAlchemy, :mod:`~flask_batchmigrate.sqlite.adapter` adds Alembic.
"""
