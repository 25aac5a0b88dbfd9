"""Proves a generated script on scratch databases of servers.

The revisions before it are run there first, so the start is what they make of an empty
database. Then the script is run up and down, as any other would be.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib

from alembic.script import Script
from alembic.util import to_tuple

from ..autogenerate.differences import in_words
from ..autogenerate.servers.snapshot import not_restored
from ..autogenerate.servers.snapshot import Snapshot
from ..autogenerate.servers.snapshot import snapshot
from ..environment.invocation import Invocation
from ..environment.rehearsal.stand_ins import empty_stand_ins
from ..environment.scratch_servers import DIALECTS
from ..environment.scratch_servers import scratch_servers
from ..errors import BatchMigrateError
from ..errors import NotSupported
from ..errors import SchemaDiffers
from ..errors import UNCHANGED
from ..project.binds import Bind
from ..project.binds import find
from ..project.binds import select
from ..reporting import reporter
from ..reporting import silenced
from ..value_classes import value_class
from .comparing import check

MakeCall = cabc.Callable[[], Invocation]


class Scratch:
    """The scratch databases of an application.

    :param call: a call of the command.
    """

    def __init__(self, call: Invocation) -> None:
        state = call.setup.state
        known = find(state)
        self._known = tuple(known.values())
        self._binds: cabc.Sequence[Bind]
        if call.setup.folder.exists:
            self._binds = call.setup.make_scope(call.scripts()).selected
        else:
            self._binds = select(state, known, frozenset())
        self._timeout = state.settings.lock_timeout
        servers = [bind for bind in self._binds if bind.dialect in DIALECTS]
        named = state.settings.scratch_urls
        self._urls = {
            bind: named.get(bind.key) or named[None]
            for bind in servers
            if bind.key in named or None in named
        }
        #: The binds whose databases are neither SQLite nor have a scratch database.
        self.lacking = [
            bind
            for bind in self._binds
            if bind not in self._urls and bind.dialect != "sqlite"
        ]

    @property
    def is_named(self) -> bool:
        """Whether there is a scratch database."""
        return bool(self._urls)

    @contextlib.contextmanager
    def used(self) -> cabc.Iterator[None]:
        """Connect the application to empty databases inside the block.

        :raises NotSupported: a scratch database cannot be used.
        """
        sqlite = [bind for bind in self._binds if bind.dialect == "sqlite"]
        self._refuse_schemas()
        with contextlib.ExitStack() as stack:
            stack.enter_context(empty_stand_ins(sqlite))
            stack.enter_context(scratch_servers(self._urls, self._known, self._timeout))
            yield

    def _refuse_schemas(self) -> None:
        """Refuse schemas on MySQL, where they are other databases."""
        for bind in self._urls:
            schemas = {
                table.schema for each in bind.metadata for table in each.tables.values()
            } - {None}
            if bind.dialect != "postgresql" and schemas:
                raise NotSupported(
                    f"The models of '{bind.database}' name the schema "
                    f"'{min(map(str, schemas))}', which is another database on a "
                    f"{bind.dialect} server and would be changed",
                    "Leave out 'BATCHMIGRATE_SCRATCH_URL'.",
                    state=UNCHANGED,
                    bind=bind.key,
                )

    def snapshots(self, version_table: str) -> dict[str, Snapshot]:
        """Describe the scratch databases of servers, by the key of the bind."""
        found = {}
        for bind in self._urls:
            with bind.engine.connect() as connection:
                found[bind.key] = snapshot(connection, version_table)
        return found


def usable_scratch(call: Invocation) -> Scratch | None:
    """Return the scratch databases for a proof; None if they are not complete.

    They are tried, so that a wrong setting is found before anything is written.

    :raises NotSupported: a scratch database cannot be used.
    """
    scratch = Scratch(call)
    if not scratch.is_named:
        return None
    if scratch.lacking:
        names = " and ".join(f"'{bind.database}'" for bind in scratch.lacking)
        reporter().note(
            f"Not verified: 'BATCHMIGRATE_SCRATCH_URL' names no database for {names}."
        )
        return None
    with scratch.used():
        return scratch


@value_class
class Proof:
    """The outcome of a proof.

    :param failures: sentences about what is not right with the script.
    :param obstacle: why there was no proof; empty if there was one.
    """

    failures: tuple[str, ...] = ()
    obstacle: str = ""


def prove(
    scratch: Scratch, make_call: MakeCall, script: Script, is_rewritten: bool
) -> Proof:
    """Run a generated script on scratch databases, up and down.

    :param make_call: makes a call that finds the script among the revisions.
    :param is_rewritten: whether the user's own hook had the last word, so that the
        script need not lead to the models.
    """
    with scratch.used(), silenced():
        return _prove(scratch, make_call, script, is_rewritten)


def _prove(
    scratch: Scratch, make_call: MakeCall, script: Script, is_rewritten: bool
) -> Proof:
    call = make_call()
    version = call.setup.state.version_table
    with call.translated():
        heads = set(call.scripts().get_heads()) - {script.revision}
    before_it = [str(each) for each in to_tuple(script.down_revision, ())]
    for revision in (*before_it, *sorted(heads)):
        try:
            make_call().upgrade(revision, False, None)
        except BatchMigrateError as error:
            return Proof(obstacle=error.problem)
    start = scratch.snapshots(version)
    try:
        make_call().upgrade(script.revision, False, None)
    except BatchMigrateError as error:
        return Proof((f"upgrade failed: {error.problem}",))
    end = scratch.snapshots(version)
    if not is_rewritten:
        try:
            check(make_call())
        except SchemaDiffers as error:
            differing = in_words(error.diffs)
            return Proof((f"after the upgrade, this differs: {differing}",))
    try:
        make_call().downgrade(before_it[0] if before_it else "base")
    except BatchMigrateError as error:
        return Proof((f"downgrade failed: {error.problem}",))
    last = scratch.snapshots(version)
    return Proof(
        tuple(
            text
            for key in start
            for text in not_restored(start[key], end[key], last[key])
        )
    )
