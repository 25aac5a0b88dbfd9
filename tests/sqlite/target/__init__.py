"""Tests of what a block asks of a table."""
