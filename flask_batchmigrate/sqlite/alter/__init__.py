"""The operations on a table: each changes one thing, or says why it cannot.

All or nothing, in the transaction of the caller.
"""
