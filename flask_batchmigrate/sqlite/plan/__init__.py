"""Plans that bring a table to its target: how they are made, run and verified.

The engine's front door is :func:`~flask_batchmigrate.sqlite.plan.engine.alter_table`.
"""
