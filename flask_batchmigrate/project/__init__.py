"""The contents of the application and its migrations folder, read without Alembic.

Changes nothing.
"""
