"""The SQLite engine, which alters tables without losing anything.

``ddl``, ``schema``, ``target``, ``alter`` and ``plan`` need nothing but Python's
:mod:`sqlite3`; ``transaction`` needs SQLAlchemy, and ``adapter`` Alembic.
"""
