"""Reads SQL text with spans and edits it in one place, so that nothing is lost.

It needs no connection, and nothing of the project but its errors.
"""
