"""The target: the definition that a block of changes asks for.

Values and functions on them; nothing here changes a database.
"""
