"""Alembic's calls as changes of the engine: the only place that knows Alembic."""

from .impl import activate as activate
from .impl import join_transaction as join_transaction
from .run import Plan as Plan
from .run import RunOptions as RunOptions

__all__ = ["Plan", "RunOptions", "activate", "join_transaction"]
