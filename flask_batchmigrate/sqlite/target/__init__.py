"""Works out the definition that a block of changes asks for.

It consists of values and functions on them; it changes no database.
"""
