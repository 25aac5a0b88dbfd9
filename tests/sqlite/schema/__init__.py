"""Tests of a database as it is."""
