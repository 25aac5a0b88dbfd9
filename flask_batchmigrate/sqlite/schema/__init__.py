"""Reads a SQLite database as it is, and makes the few raw writes to its schema.

It knows the schema table, the rows and the file, but no changes.
"""
