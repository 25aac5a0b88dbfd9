"""One migration is one transaction, on SQLAlchemy's connections.

Gives the engine its door to the database; nothing else commits.
"""
