"""Tests of the engine; each folder is called like the package that it tests."""
