"""Tests of one run of Alembic: folders, ``env.py``, commits and failures."""
