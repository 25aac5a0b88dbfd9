"""Tests of the command line, as its user sees it."""
