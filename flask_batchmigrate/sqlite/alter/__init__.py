"""Operations on a table: each changes one thing, or explains why it cannot.

They run in the caller's transaction, and succeed or fail as a whole.
"""
