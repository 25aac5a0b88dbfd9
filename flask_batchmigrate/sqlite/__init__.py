"""The SQLite side: an engine that alters tables without losing anything.

``ddl``, ``schema``, ``target``, ``alter`` and ``plan`` need nothing but Python's
:mod:`sqlite3`; ``transaction`` adds SQLAlchemy, ``adapter`` adds Alembic.
"""
