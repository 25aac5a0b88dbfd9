"""Lets scripts catch the engine's errors as they catch Alembic's and SQLAlchemy's.

``try: batch.drop_constraint(...) except ValueError: pass`` is how scripts drop what may
not exist. With Alembic alone, a change of SQLite's schema fails with its
``ValueError`` or ``KeyError``, or with a driver's error that SQLAlchemy has wrapped:
https://docs.sqlalchemy.org/en/20/core/exceptions.html#dbapi-exceptions
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

import sqlalchemy as sa

from ..errors import AlreadyThere
from ..errors import ChangeRefused
from ..errors import MissingTable
from ..errors import RowsRefused

_ALSO: t.Final[tuple[tuple[type[ChangeRefused], tuple[type[Exception], ...]], ...]] = (
    (RowsRefused, (sa.exc.IntegrityError,)),
    (MissingTable, (sa.exc.NoSuchTableError,)),
    (AlreadyThere, (sa.exc.DuplicateColumnError,)),
)
"""The classes of an engine's error besides :class:`~sqlalchemy.exc.OperationalError`.

``KeyError`` and ``ValueError`` are bases of the engine's own classes.
"""

_NOT_ON_SQLITE: t.Final = "No support for ALTER of constraints in SQLite dialect."
"""Alembic's message for every constraint outside of a batch block."""


@contextlib.contextmanager
def caught_as_usual(dialect: sa.Dialect, *also: type[Exception]) -> cabc.Iterator[None]:
    """Raise refusals of the engine so that the usual ``except`` clauses catch them.

    They keep their class as a base, and all that they carry.

    :param dialect: the dialect of the connection, for the driver's own errors.
    :param also: more classes that Alembic raises for the operation.
    """
    try:
        yield
    except ChangeRefused as error:
        if NotImplementedError in also:
            # Scripts that catch this class look for these words in the message.
            remedy = error.remedy.rstrip(".")
            known_words = f"Alembic by itself says: {_NOT_ON_SQLITE}"
            error.remedy = f"{remedy}. {known_words}" if remedy else known_words
            error.args = (error.problem, error.remedy)
        kind = _known_as(type(error), also)
        module = t.cast(t.Any, dialect).dbapi
        # Some drivers have one class only.
        driver = getattr(module, "OperationalError", module.Error)(str(error))
        known = kind.__new__(kind)
        # By name, since the first classes among the bases take other arguments.
        sa.exc.DBAPIError.__init__(t.cast(t.Any, known), None, None, driver)
        known.args = error.args
        known.__dict__.update(error.__dict__)
        raise known.with_traceback(error.__traceback__) from error.__cause__


def _known_as(
    kind: type[ChangeRefused], also: tuple[type[Exception], ...]
) -> type[ChangeRefused]:
    """Make the class of an error that is SQLAlchemy's as well."""
    more = [base for own, bases in _ALSO if issubclass(kind, own) for base in bases]
    bases = (kind, *more, sa.exc.OperationalError, *also)
    return type(kind.__name__, bases, {"__module__": kind.__module__})
