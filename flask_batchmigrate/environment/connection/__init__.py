"""Guards the connection that a script works on.

Its commits become savepoints, so that the migration stays one transaction.
"""
