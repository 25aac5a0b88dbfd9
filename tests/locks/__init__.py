"""Tests of one migrator at a time."""
