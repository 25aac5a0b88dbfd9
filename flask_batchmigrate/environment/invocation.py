"""One call of a command: its config, its scripts, and the way into the environment."""

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
from ..state import current_state
from .config import setup_of
from .config import SqlBuffer
from .detour import without_making
from .errors import translated
from .runner import exclusive


class Invocation:
    """What a command works with.

    :param directory: another migrations folder than the application's own.
    :param x_arg: what ``-x`` passes to ``env.py``.
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
        # Alembic prints what it writes, unless it is told to be quiet.
        self.config.cmd_opts.quiet = True
        self.setup = setup_of(self.config)
        self._overview = Overview()

    @contextlib.contextmanager
    def guarded(self) -> cabc.Iterator[None]:
        """Have the process's migrations to oneself, and errors of the family."""
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
        """Return the revisions of the databases, changing nothing."""
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
        """Run the environment to look at each database, changing nothing.

        :param look: called with what is stored and with Alembic's context, while
            ``setup.active`` are the binds that it is for.
        """
        self.setup.looks = True

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
        """Return the ids that any of the databases is at."""
        ids = {head for each in self.look(scripts) for head in each.heads}
        return tuple(sorted(ids))

    def head_target(self, revision: str) -> str:
        """Return what ``head`` means for this folder.

        Several heads are all meant where each is a branch with a label of its own; two
        heads by accident are not.

        :raises MultipleHeads: naming them.
        """
        if revision != "head":
            return revision
        scripts = self.scripts()
        if len(self._overview.heads) == 1:
            # The usual case, without loading every file once more.
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

    def upgrade(self, revision: str, sql: bool, tag: str | None) -> list[Applied] | str:
        """Run the revisions up to one; return what was applied, or its SQL."""
        with self.guarded():
            self.scripts()
            target = self.head_target(revision)
            return self.apply(sql, command.upgrade, target, tag=tag)

    def apply(
        self,
        sql: bool,
        function: cabc.Callable[..., None],
        *args: t.Any,
        **kwargs: t.Any,
    ) -> list[Applied] | str:
        """Run one of Alembic's commands; return what it applied, or its SQL."""
        if not sql:
            function(self.config, *args, **kwargs)
            return list(self.setup.applied)
        buffer = SqlBuffer(self.config.output_buffer)
        self.config.output_buffer = buffer
        function(self.config, *args, sql=True, **kwargs)
        return buffer.getvalue()

    def prepare_writing(
        self, head: str | None, rev_id: str | None, branch_label: str | None
    ) -> None:
        """Refuse what could only be refused after the work, and check the files.

        The folder may be missing: the file that is going to be written makes it.

        :param head: the revision to follow.
        :param rev_id: the id to give.
        :param branch_label: the label to give.
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
        """Refuse to compare databases with nothing, before looking at them.

        :raises NoModels: no bind has a table; an ``env.py`` may know better.
        """
        state = self.setup.state
        if self.setup.folder.env.is_file():
            return
        if not any(each.has_tables for each in select(state, find(state), {""})):
            raise no_models()

    def _prepare_new_folder(self) -> None:
        """Allow the folder to be missing.

        :raises MigrationFolderError: a database has been migrated from a folder that
            is not here.
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
                f"{self.setup.folder.told_of_another}The new folder is "
                f"'{self.setup.folder.path}'."
            )

    def _stored_heads(self) -> cabc.Iterator[tuple[Bind, str]]:
        """Yield what databases say without knowing the folder."""
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
