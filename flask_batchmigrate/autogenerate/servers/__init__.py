"""Completes Alembic's comparison of models with a server's database.

The servers are PostgreSQL, MySQL and MariaDB. Nothing is stored there: temporary
tables and types are removed or rolled back.
"""
