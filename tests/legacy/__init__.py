"""Migrations folders as older releases of Flask-Migrate wrote them.

Written anew with the same mechanics: what they import, read, set and call.
"""
