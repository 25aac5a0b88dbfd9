"""Tests of what generated revisions say."""
