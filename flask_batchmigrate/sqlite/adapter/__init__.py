"""Turns Alembic's calls into changes of the engine: the only place that knows both."""

import typing as t

from .impl import activate as activate
from .impl import join_transaction as join_transaction
from .run import RunOptions as RunOptions

if t.TYPE_CHECKING:
    from ..plan.plan import Plan as Plan

__all__ = ["Plan", "RunOptions", "activate", "join_transaction"]
