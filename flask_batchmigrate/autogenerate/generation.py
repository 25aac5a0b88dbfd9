"""Compares models with every database of a run, and reports the outcome."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t
import warnings

import sqlalchemy as sa

from ..reporting import reporter
from . import first_revision
from .alembics_log import without_alembics_log
from .choices.unusable_models import unusable_models_refused
from .imports import render_item
from .message import message
from .pipeline import improve
from .request import Request
from .schemas import compare_known_schemas
from .script.conditional import leave_out_other_databases
from .servers.mariadb_columns import defaults_seen
from .servers.own_comparisons import compare_server_default
from .servers.own_comparisons import compare_type
from .tables.virtual_tables import leave_out_virtual_tables
from .verify import Start

if t.TYPE_CHECKING:
    from alembic.operations import ops
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

_Hook = cabc.Callable[[t.Any, t.Any, t.Any], None]

#: Warnings of Alembic and SQLAlchemy about what is compared, or ordered, all the same.
_SEEN: t.Final = (
    r"Computed default on .* cannot be modified",
    r"Cannot correctly sort tables",
)
#: Further warnings of Alembic and SQLAlchemy, about what is compared on SQLite.
_SEEN_ON_SQLITE: t.Final = (
    r"autogenerate skipping .*expression-based index",
    r"Skipped unsupported reflection of expression-based index",
    r"Did not recognize type",
    r"Could not instantiate type",
)


class Generation:
    """The state of a comparison that takes one database after the other.

    :param writes: whether a revision is written.
    :param request: how the revision is generated.
    """

    def __init__(self, writes: bool, request: Request) -> None:
        self._writes = writes
        self._request = request
        #: The SQLite databases before the upgrade, for the proof of the script.
        self.starts: list[Start] = []
        #: Whether a hook of the user's comes last.
        self.is_rewritten = False
        self._message: str | None = None
        self._directives: list[ops.MigrationScript] = []
        self._unversioned: list[str] = []

    def hook(self, users: _Hook | None) -> _Hook:
        """Return the function that Alembic calls with the operations that it found.

        :param users: the user's ``process_revision_directives``, which comes last.
        """
        self.is_rewritten |= users is not None
        # A comparison that writes no revision asks no questions.
        request = (
            self._request if self._writes else Request(no_rename=True, writes=False)
        )

        def process_revision_directives(
            context: t.Any, revision: t.Any, directives: list[t.Any]
        ) -> None:
            for script in directives:
                start = improve(context, script, request, users is not None)
                self.starts += [start] if start is not None else []
            self._describe(directives)
            if users is not None:
                users(context, revision, directives)
            self._directives = directives
            if self._writes:
                self._unversioned += first_revision.unversioned_tables(context)

        return process_revision_directives

    def _describe(self, directives: list[ops.MigrationScript]) -> None:
        """Give revisions without a message one that describes their operations."""
        for script in directives:
            if script.message is None or script.message == self._message:
                operations = [o for each in script.upgrade_ops_list for o in each.ops]
                script.message = self._message = message(operations)

    def add_options(
        self, options: dict[str, t.Any], dialect: str, scripts: ScriptDirectory
    ) -> None:
        """Add what a comparison needs to the options for Alembic.

        :param options: the options that the user chose; changed in place.
        :param dialect: the name of the database's dialect.
        """
        options["process_revision_directives"] = self.hook(
            options.get("process_revision_directives")
        )
        options["render_item"] = render_item(options.get("render_item"))
        # A comparison does not need the version table.
        options.setdefault("dont_mutate", True)
        leave_out_other_databases(options)
        compare_known_schemas(options, scripts)
        if dialect == "sqlite":
            leave_out_virtual_tables(options)
        options["compare_type"] = compare_type(
            dialect, options.get("compare_type", True)
        )
        options["compare_server_default"] = compare_server_default(
            dialect, options.get("compare_server_default")
        )

    @contextlib.contextmanager
    def comparing(self, context: MigrationContext) -> cabc.Iterator[None]:
        """Suppress the messages in which Alembic's comparison is wrong.

        :raises BatchMigrateError: the database cannot have the models.
        """
        is_sqlite = context.dialect.name == "sqlite"
        with (
            warnings.catch_warnings(),
            without_alembics_log(),
            defaults_seen(),
            unusable_models_refused(context),
        ):
            for message in _SEEN + (_SEEN_ON_SQLITE if is_sqlite else ()):
                warnings.filterwarnings("ignore", message, UserWarning)
                warnings.filterwarnings("ignore", message, sa.exc.SAWarning)
            yield

    @property
    def differences(self) -> list[t.Any]:
        """The differences, as Alembic's tuples."""
        return [
            difference
            for script in self._directives
            for operations in script.upgrade_ops_list
            for difference in operations.as_diffs()
        ]

    def conclude(self) -> None:
        """Report the outcome after every database has been compared."""
        if not (self._writes and self._directives):
            return
        differs = not self._nothing_differs()
        if not differs:
            self._directives.clear()
            reporter().note("No changes in schema detected.")
        if self._unversioned:
            reporter().warning(first_revision.advice(self._unversioned, differs))

    def _nothing_differs(self) -> bool:
        """Tell whether the revisions to be written have no operations."""
        return all(
            operations.is_empty()
            for script in self._directives
            for operations in script.upgrade_ops_list
        )
