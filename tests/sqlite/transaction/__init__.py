"""Tests of one migration as one transaction."""
