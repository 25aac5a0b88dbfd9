"""Tests of the example application, on every database."""
