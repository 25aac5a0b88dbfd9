"""SQL text: read with spans, edited in one place, with nothing lost.

Needs no connection, and nothing of this package but its errors.
"""
