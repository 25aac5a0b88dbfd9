"""The plan that brings a table to its target: a list of steps, its run and its proof.

The engine's front door is :func:`~flask_batchmigrate.sqlite.plan.engine.alter_table`.
"""
