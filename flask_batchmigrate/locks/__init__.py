"""Locks of servers, by which one process at a time migrates a database."""
