"""Counts the rows that a script would lose, change or fail on."""
