"""A SQLite database as it is, and the few raw writes to its schema.

Knows the schema table, the rows and the file; knows no change that is asked for.
"""
