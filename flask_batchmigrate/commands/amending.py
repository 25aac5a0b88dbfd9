"""Generates the newest revision anew, as long as no other database has it.

A SQLite database is not touched before the new script is known to be right: the old
revision is reverted on a copy, from which the new one is generated. A server's database
is reverted first, and upgraded again if the new script is refused.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import pathlib
import re
import typing as t

from alembic import command
from alembic.script import Script

from ..autogenerate.handwritten import lost_statements
from ..autogenerate.rows.downgrade_losses import downgrade_losses
from ..environment.applied import applied_revisions
from ..environment.invocation import Invocation
from ..environment.rehearsal.stand_ins import stand_ins
from ..errors import BatchMigrateError
from ..errors import DatabaseNotUpToDate
from ..errors import NotSupported
from ..errors import Outcome
from ..errors import State
from ..errors import UNCHANGED
from ..project.binds import Bind
from ..project.binds import find
from ..reporting import reporter
from ..reporting import silenced
from ..value_classes import value_class
from .revision_file import amendable
from .revision_file import copies_without
from .revision_file import kept
from .revision_file import prepared
from .upgrading import Directory
from .upgrading import XArg
from .writing import scratch_of
from .writing import verified

if t.TYPE_CHECKING:
    from ..autogenerate.request import Request

_DATE: t.Final = re.compile(rb"^Create Date: .*$", re.MULTILINE)
_HEADER: t.Final = re.compile(r"\s*^Revision ID: ", re.MULTILINE)


def amend(
    directory: Directory, message: str | None, x_arg: XArg, request: Request
) -> list[Script]:
    """Replace the newest revision by one that is generated anew; return it.

    :param message: the description of the revision; None keeps the one it has.
    :return: the revision; nothing if its file stays as it is.
    """
    amendment = _Amendment(directory, message, x_arg, request)
    amendment.announce_losses()
    return amendment.carry_out()


def refuse_options(**given: t.Any) -> None:
    """Refuse options that are about a new revision.

    :param given: the options; those that are false were not given.
    :raises BatchMigrateError: one was.
    """
    named = [f"'--{name.replace('_', '-')}'" for name, value in given.items() if value]
    if named:
        raise BatchMigrateError(
            f"{' and '.join(named)} cannot be used with '--amend', which keeps the "
            "revision's id and place",
            "Leave it out.",
            state=UNCHANGED,
        )


@value_class
class _Place:
    """A database, and whether it has the newest revision.

    :param has_it: if not, it has all revisions but that one.
    """

    bind: Bind
    has_it: bool


class _Amendment:
    """One replacement of the newest revision of a folder.

    :raises BatchMigrateError: the revision cannot be replaced; nothing was changed.
    """

    def __init__(
        self,
        directory: Directory,
        message: str | None,
        x_arg: XArg,
        request: Request,
    ) -> None:
        self._directory = directory
        self._x_arg = x_arg
        self._request = request
        call = self._call()
        with call.translated():
            call.require_models()
            self._script = amendable(call)
            self._path = pathlib.Path(self._script.path).resolve()
            self._old = self._path.read_bytes()
            self._places = self._find_places(call)
        words = _HEADER.split(self._script.longdoc)[0]
        self._message = message if message is not None else words
        destructive = call.setup.state.settings["destructive"]
        self._may_lose = request.destructive and destructive
        self._version_table = call.setup.state.version_table
        self._losses = ""
        #: The servers' databases that have been taken back.
        self._taken_back: list[Bind] = []

    def _call(self) -> Invocation:
        return Invocation(self._directory, self._x_arg)

    def _find_places(self, call: Invocation) -> list[_Place]:
        """Return where the databases are.

        :raises DatabaseNotUpToDate: one lacks other revisions, too.
        :raises NotSupported: one of a server is elsewhere than another database.
        """
        scripts = call.scripts()
        history = list(scripts.walk_revisions())[::-1]
        everything = {each.revision for each in history}
        databases = call.look(scripts)
        binds = find(call.setup.state)
        places = []
        for database in databases:
            applied = applied_revisions(scripts, history, database.heads)
            if applied is None or everything - applied - {self._script.revision}:
                at = ", ".join(map(repr, database.heads)) or "no revision"
                raise DatabaseNotUpToDate(
                    f"Revision '{self._script.revision}' cannot be amended: database "
                    f"'{database.database}' is neither at it nor at the one before, "
                    f"but at {at}",
                    "Run 'flask db upgrade' first.",
                    revision=self._script.revision,
                    bind=database.bind,
                )
            places.append(_Place(binds[database.bind], applied == everything))
        with_server = any(p.has_it and p.bind.dialect != "sqlite" for p in places)
        if with_server and not all(place.has_it for place in places):
            raise NotSupported(
                f"Revision '{self._script.revision}' cannot be amended: some databases "
                "are at it, others at the one before",
                "Run 'flask db upgrade' or 'flask db downgrade' first.",
                revision=self._script.revision,
            )
        if with_server and self._request.dry_run:
            raise NotSupported(
                "'--amend' cannot be tried with '--dry-run': a server's database has "
                f"to be taken back from revision '{self._script.revision}' to see what "
                "would be written",
                "Run 'flask db downgrade' first.",
                revision=self._script.revision,
            )
        return places

    # What is lost

    def announce_losses(self) -> None:
        """Warn of the rows and values that the databases lose with the revision.

        :raises BatchMigrateError: the request does not allow losses.
        """
        losses: list[str] = []
        with self._call().guarded():
            for place in self._places:
                if place.has_it:
                    losses += self._count(place.bind)
        self._losses = text = "; ".join(dict.fromkeys(losses))
        if not losses:
            return
        if not self._may_lose:
            raise BatchMigrateError(
                f"Taking back revision '{self._script.revision}' would lose {text}, "
                "which '--no-destructive' or 'BATCHMIGRATE_DESTRUCTIVE' forbids",
                "Write another revision with 'flask db migrate', or allow the loss.",
                state=UNCHANGED,
                revision=self._script.revision,
            )
        verb = "would lose" if self._request.dry_run else "loses"
        reporter().warning(
            f"Taking back revision '{self._script.revision}' {verb} {text}."
        )

    def _count(self, bind: Bind) -> list[str]:
        with bind.engine.connect() as connection:
            function = self._script.module.downgrade
            return downgrade_losses(function, bind.name, connection)

    # The new script

    def carry_out(self) -> list[Script]:
        """Generate the script, take the databases back and replace the file."""
        try:
            text = self._proposal()
            if self._request.dry_run:
                reporter().script_shown(text.decode("utf-8"))
                return []
            if _DATE.sub(b"", text) == _DATE.sub(b"", self._old):
                self._put_back(None)
                reporter().note(
                    f"Revision '{self._script.revision}' is already what would be "
                    f"generated: '{self._path}' stays as it is."
                )
                return []
        except BaseException as error:
            self._put_back(error)
            raise
        self._replace(text)
        scripts = self._call().scripts()
        return [each for each in scripts.get_revisions("head") if each is not None]

    def _proposal(self) -> bytes:
        """Return the text of the new script, once it is known to be right."""
        with contextlib.ExitStack() as stack:
            call = Invocation(self._directory, self._x_arg, ["autogenerate"])
            stack.enter_context(call.translated())
            verify = self._request.verify
            scratch = scratch_of(call) if verify else None
            copies = stack.enter_context(copies_without(self._path, call))
            with self._reverted():
                script = self._generated(copies.use(call), copies.own)
            new = pathlib.Path(script.path).read_bytes()
            self._refuse_loss(new)
            failures = []
            if verify:
                failures = verified(
                    call, lambda: copies.use(self._call()), script, scratch
                )
            if failures:
                raise BatchMigrateError(
                    f"'{self._path}' stays as it is, since what would take its place "
                    f"is not right: {'; '.join(failures)}",
                    "Change the models, or write it all the same with '--no-verify'.",
                    state=UNCHANGED,
                    path=self._path,
                )
            return new

    def _refuse_loss(self, new: bytes) -> None:
        """Refuse a text without the statements that a person wrote into the old one."""
        lost = lost_statements(self._old, new)
        if lost:
            line, statement = lost[0]
            raise BatchMigrateError(
                f"'{self._path}', line {line}: '{statement}' was written by hand, and "
                "would not be in the script that is generated anew",
                "Move it to a revision of its own, or take it out of the file.",
                state=UNCHANGED,
                revision=self._script.revision,
                path=self._path,
                line=line,
            )

    @contextlib.contextmanager
    def _reverted(self) -> cabc.Iterator[None]:
        """Take the databases back inside the block: SQLite copies, servers for good."""
        if not any(place.has_it for place in self._places):
            yield
            return
        sqlite = [p.bind for p in self._places if p.bind.dialect == "sqlite"]
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(stand_ins(sqlite, True, self._version_table))
            except NotSupported as error:
                raise NotSupported(
                    f"Revision '{self._script.revision}' cannot be amended while a "
                    f"database is at it: {error.problem}",
                    "Run 'flask db downgrade' first.",
                    revision=self._script.revision,
                ) from error
            with silenced():
                self._downgrade()
            self._taken_back = [
                place.bind for place in self._places if place.bind.dialect != "sqlite"
            ]
            yield

    def _downgrade(self) -> None:
        down = self._script.down_revision
        self._call().downgrade(down if isinstance(down, str) else "base")

    def _generated(self, call: Invocation, location: pathlib.Path) -> Script:
        """Generate the script into a folder without the old one."""
        call.setup.request = dataclasses.replace(self._request, dry_run=False)
        module = self._script.module
        with call.guarded():
            result = command.revision(
                call.config,
                message=self._message,
                autogenerate=True,
                rev_id=self._script.revision,
                branch_label=getattr(module, "branch_labels", None),
                depends_on=getattr(module, "depends_on", None),
                version_path=str(location),
            )
        written = result if isinstance(result, list) else [result]
        scripts = [script for script in written if script is not None]
        if len(scripts) != 1:
            what = "nothing" if not scripts else "more than one script"
            raise BatchMigrateError(
                f"Without revision '{self._script.revision}', {what} would be left to "
                f"write, so '{self._path}' stays as it is",
                "To be rid of it, run 'flask db downgrade' and delete the file."
                if not scripts
                else "Edit the file by hand.",
                state=UNCHANGED,
                revision=self._script.revision,
                path=self._path,
            )
        return scripts[0]

    def _put_back(self, error: BaseException | None) -> None:
        """Upgrade the databases of servers again, since nothing is written.

        :param error: why nothing is; it is made to say what has become of them.
        """
        if not self._taken_back:
            return
        names = " and ".join(f"'{bind.database}'" for bind in self._taken_back)
        said = f"{names} was taken back from revision '{self._script.revision}'"
        try:
            with silenced():
                self._call().upgrade(self._script.revision, False, None)
            said += " and upgraded again."
            if self._losses:
                said = f"{said[:-1]}, which lost {self._losses}."
        except BatchMigrateError as another:
            if not isinstance(error, BatchMigrateError):
                raise
            said += f", and could not be upgraded again: {another.problem}."
        if isinstance(error, BatchMigrateError):
            error.state = State(Outcome.COMMITTED, said)

    # The file

    def _replace(self, text: bytes) -> None:
        """Take the databases back, and put a new text in the place of the old one."""
        path = self._path
        with prepared(path, text) as put, kept(path, self._old) as old:
            if any(place.has_it for place in self._places):
                self._downgrade()
            put()
        reporter().note(
            f"'{path}' was generated anew; its old text is in '{old.name}' beside it. "
            "Run 'flask db upgrade' to apply it."
        )
