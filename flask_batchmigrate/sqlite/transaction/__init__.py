"""Makes one migration one transaction, on SQLAlchemy's connections.

The engine uses the database through it, and nothing else commits.
"""
