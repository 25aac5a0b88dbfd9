"""Turns Alembic's calls into changes of the engine: the only place that knows both."""

from .impl import activate as activate
from .impl import join_transaction as join_transaction
from .run import RunOptions as RunOptions

__all__ = ["RunOptions", "activate", "join_transaction"]
