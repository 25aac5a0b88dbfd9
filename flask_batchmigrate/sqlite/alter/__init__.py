"""The deeds: each changes one thing of a table, or says why it cannot be changed.

All or nothing, in the transaction of the caller.
"""
