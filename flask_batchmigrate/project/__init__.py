"""What the application and its migrations folder hold, known before Alembic is loaded.

Changes nothing.
"""
