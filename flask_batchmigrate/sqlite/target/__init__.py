"""What a block of changes asks of a table: the definition that it is to have.

Values and functions on them; nothing here changes a database.
"""
