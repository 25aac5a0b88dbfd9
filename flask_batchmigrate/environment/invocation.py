"""One call of a command, with its config and its scripts."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import os
import pathlib
import typing as t

from alembic import command
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ..errors import BatchMigrateError
from ..errors import MigrationFolderError
from ..errors import MultipleHeads
from ..errors import UNCHANGED
from ..project.binds import Bind
from ..project.binds import find
from ..project.binds import no_models
from ..project.binds import select
from ..project.revision_files import check_files
from ..project.revision_files import Overview
from ..project.revision_files import refuse_unusable
from ..project.revision_files import refuse_unusable_label
from ..reporting import reporter
from ..results import Applied
from ..results import Current
from ..results import Sql
from ..state import current_state
from .config import setup_of
from .config import SqlBuffer
from .error_translation import translated
from .rehearsal.detour import without_making
from .runner import exclusive


class Invocation:
    """One call of a command: it reads the scripts and runs the environment.

    :param directory: a migrations folder to use instead of the application's own.
    :param x_arg: the value of ``-x`` for ``env.py``.
    :param opts: names to set on ``config.cmd_opts``.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | None,
        x_arg: str | cabc.Sequence[str] | None = None,
        opts: cabc.Iterable[str] = (),
    ) -> None:
        migrate = current_state().migrate
        self.config = migrate.get_config(directory, x_arg, opts)
        assert self.config.cmd_opts is not None
        # Without this option, Alembic prints the files that it writes.
        self.config.cmd_opts.quiet = True
        self.setup = setup_of(self.config)
        self._overview = Overview()

    @contextlib.contextmanager
    def guarded(self) -> cabc.Iterator[None]:
        """Let no other thread migrate inside the block, and translate its errors."""
        with exclusive(), self.translated():
            yield

    def translated(self) -> contextlib.AbstractContextManager[None]:
        """Raise errors of the project's family instead of those of the block."""
        return translated(self.setup)

    def scripts(self) -> ScriptDirectory:
        """Return the revisions, read from the folder now.

        :raises MigrationFolderError: there is no folder.
        :raises BrokenScript: the files do not fit together.
        """
        self.setup.folder.require()
        scripts = ScriptDirectory.from_config(self.config)
        if not self.setup.files_checked:
            self._overview = check_files(scripts)
            self.setup.files_checked = True
        return scripts

    def look(self, scripts: ScriptDirectory) -> list[Current]:
        """Return the revisions of the databases without changing anything."""
        found: list[Current] = []

        def read(stored: t.Any, context: MigrationContext) -> None:
            # Scripts may ask for the configuration when they are loaded: not before.
            heads = set(scripts.get_heads())
            known = scripts.get_all_current(stored)
            ids = tuple(sorted(context.get_current_heads()))
            ordered = tuple(sorted(known, key=lambda script: script.revision))
            for bind in self.setup.active:
                found.append(
                    Current(bind.key, bind.database, ids, ordered, set(ids) == heads)
                )

        self.visit(scripts, read)
        return found

    def visit(
        self,
        scripts: ScriptDirectory,
        look: cabc.Callable[[t.Any, MigrationContext], None],
    ) -> None:
        """Run the environment to read each database, without changing anything.

        :param look: a function that is called for each database with its stored
            revisions and Alembic's context; ``setup.active`` has its binds.
        """
        self.setup.only_reads = True

        def read(stored: t.Any, context: MigrationContext) -> cabc.Iterable[t.NoReturn]:
            look(stored, context)
            return ()

        with (
            exclusive(),
            self.translated(),
            without_making(find(self.setup.state).values()),
            EnvironmentContext(self.config, scripts, fn=read, dont_mutate=True),
        ):
            scripts.run_env()

    def current_ids(self, scripts: ScriptDirectory) -> tuple[str, ...]:
        """Return the ids of the current revisions of all databases."""
        ids = {head for each in self.look(scripts) for head in each.heads}
        return tuple(sorted(ids))

    def head_target(self, revision: str) -> str:
        """Return the target that ``head`` means for this folder.

        If there are several heads, it means all of them if each is a branch with its
        own label. Otherwise the second head is an accident.

        :raises MultipleHeads: there are several heads by accident.
        """
        if revision != "head":
            return revision
        scripts = self.scripts()
        if len(self._overview.heads) == 1:
            # This is the usual case, and needs no file to be loaded.
            return "head"
        heads = scripts.get_revisions(scripts.get_heads())
        labels = [set(head.branch_labels) for head in heads]
        own = [
            mine - set().union(*labels[:i], *labels[i + 1 :])
            for i, mine in enumerate(labels)
        ]
        if len(heads) < 2:
            return "head"
        if all(own):
            return "heads"
        names = tuple(head.revision for head in heads)
        raise MultipleHeads(
            f"'{self.setup.folder.path}' has {len(heads)} heads: "
            f"{', '.join(map(repr, names))}",
            f"Join them with 'flask db merge {' '.join(names)}', name one, or ask for "
            "'heads'.",
            heads=names,
        )

    def upgrade(self, revision: str, sql: bool, tag: str | None) -> list[Applied] | Sql:
        """Run the revisions up to one; return those that were applied, or their SQL."""
        with self.guarded():
            self.scripts()
            target = self.head_target(revision)
            return self.apply(sql, command.upgrade, target, tag=tag)

    def downgrade(self, revision: str) -> None:
        """Take the databases back to a revision, or to ``base``."""
        with self.guarded():
            self.scripts()
            self.apply(False, command.downgrade, revision)

    def apply(
        self,
        sql: bool,
        function: cabc.Callable[..., None],
        *args: t.Any,
        **kwargs: t.Any,
    ) -> list[Applied] | Sql:
        """Run a command of Alembic; return the applied revisions, or their SQL."""
        if not sql:
            function(self.config, *args, **kwargs)
            return list(self.setup.applied)
        buffer = SqlBuffer(self.config.output_buffer)
        self.config.output_buffer = buffer
        function(self.config, *args, sql=True, **kwargs)
        parts = {key: part.getvalue() for key, part in self.setup.sql.items()}
        return Sql(parts or {"": buffer.getvalue()})

    def prepare_writing(
        self, head: str | None, rev_id: str | None, branch_label: str | None
    ) -> None:
        """Check, before any work is done, that a revision file can be written.

        The folder may be missing, since writing the file makes it.

        :param head: the revision to follow.
        :param rev_id: the id of the new revision.
        :param branch_label: the label of the new branch.
        """
        if rev_id is not None:
            refuse_unusable(rev_id)
        if branch_label is not None:
            refuse_unusable_label(branch_label)
        if self.setup.compares:
            self.require_models()
        folder = self.setup.folder
        folder.require_writable()
        if not folder.exists:
            self._prepare_new_folder()
            return
        scripts = self.scripts()
        for script in scripts.walk_revisions() if rev_id is not None else ():
            if script.revision == rev_id:
                raise BatchMigrateError(
                    f"Revision '{rev_id}' exists: '{script.path}'",
                    "Choose another id.",
                    state=UNCHANGED,
                    revision=rev_id,
                    path=pathlib.Path(script.path),
                )
        if head is not None:
            scripts.get_revisions(head)

    def require_models(self) -> None:
        """Require models, unless an ``env.py`` may define others.

        :raises NoModels: no bind has a table.
        """
        state = self.setup.state
        if self.setup.folder.env.is_file():
            return
        if not any(each.has_tables for each in select(state, find(state), {""})):
            raise no_models()

    def _prepare_new_folder(self) -> None:
        """Allow the folder to be missing.

        :raises MigrationFolderError: a database was migrated with another folder.
        """
        self.setup.folder_may_miss = True
        for bind, head in self._stored_heads():
            raise MigrationFolderError(
                f"There is no migrations folder '{self.setup.folder.path}', but "
                f"database '{bind.database}' is at revision '{head}' of one",
                "Run the command from where the folder is, or set "
                "'BATCHMIGRATE_DIRECTORY' to it.",
                revision=head,
                path=self.setup.folder.path,
                bind=bind.key,
            )
        if self.setup.folder.passed_over is not None:
            reporter().note(
                f"{self.setup.folder.about_passed_over}The new folder is "
                f"'{self.setup.folder.path}'."
            )

    def _stored_heads(self) -> cabc.Iterator[tuple[Bind, str]]:
        """Yield the stored revisions of the databases, with their binds."""
        state = self.setup.state
        options = {
            name: value
            for name, value in state.configure_args.items()
            if name.startswith("version_table")
        }
        for bind in select(state, find(state), frozenset()):
            if not bind.is_there:
                continue
            with bind.engine.connect() as connection:
                context = MigrationContext.configure(connection, opts=options)
                heads = context.get_current_heads()
            yield from ((bind, head) for head in heads)
