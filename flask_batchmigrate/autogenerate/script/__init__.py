"""Writes operations, types and names as a script needs them."""
