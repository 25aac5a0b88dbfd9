"""Generates the operations of revisions, and proves the scripts on SQLite."""
