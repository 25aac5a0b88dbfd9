"""Calls the functions of revision scripts, and records failures and times."""

from __future__ import annotations

import collections.abc as cabc
import functools
import time
import typing as t

from alembic import context
from alembic.script import Script

from ..project.binds import Bind
from ..project.revision_files import accepts_engine_name
from ..project.revision_files import names_in
from ..reporting import reporter
from ..results import Direction
from ..value_classes import value_class
from .arguments import own_models
from .config import Setup
from .connection.committed_steps import CommittedSteps
from .connection.script_connection import ScriptConnections


@value_class
class Failure:
    """A revision's script that raised an error."""

    script: Script
    error: Exception
    bind: Bind | None


class ScriptCalls:
    """Wraps the functions of all scripts of a run.

    :param setup: the set-up of the command.
    :param commits: learns when a revision begins.
    :param connections: lends each script its connection.
    :param explain: translates an error that the SQLite engine has caused.
    """

    def __init__(
        self,
        setup: Setup,
        commits: CommittedSteps,
        connections: ScriptConnections,
        explain: cabc.Callable[[Exception], Exception | None],
    ) -> None:
        #: The script that raised an error, if one did.
        self.failure: Failure | None = None
        #: How long each revision took.
        self.seconds: dict[str, float] = {}
        self._setup = setup
        self._commits = commits
        self._connections = connections
        self._explain = explain

    def wrap(self, script: Script) -> None:
        """Wrap the functions of a script, which is loaded for this run alone."""
        directions: tuple[Direction, ...] = ("upgrade", "downgrade")
        for direction in directions:
            function = getattr(script.module, direction, None)
            if callable(function):
                wrapped = self._wrapped(script, direction, function)
                setattr(script.module, direction, wrapped)

    def _wrapped(
        self, script: Script, direction: Direction, function: t.Any
    ) -> cabc.Callable[..., None]:
        """Return a function that runs a script's function and takes the time."""
        several = accepts_engine_name(function)
        names = names_in(script)

        @functools.wraps(function)
        def run(**kwargs: t.Any) -> None:
            start = time.perf_counter()
            for bind in self._setup.active:
                reporter().revision_started(
                    bind.key, direction, script.revision, script.doc
                )
            self._commits.revision_started()
            try:
                with self._connections.lend(context.get_context(), script.module):
                    self._call(function, self._arguments(kwargs, several, names))
                    self._connections.refuse_closed(context.get_context())
            except Exception as error:
                failed = self._setup.active[0] if self._setup.active else None
                explained = self._explain(error) or error
                explained = explained.with_traceback(error.__traceback__)
                self.failure = Failure(script, explained, failed)
                raise
            finally:
                self.seconds[script.revision] = time.perf_counter() - start

        return run

    def _call(
        self,
        function: cabc.Callable[..., None],
        calls: cabc.Iterable[dict[str, t.Any]],
    ) -> None:
        """Call a script's function once for each bind, with the models of the bind."""
        options = context.get_context().opts
        for arguments in calls:
            name = arguments.get("engine_name", "")
            with own_models(options, self._setup.active, name):
                function(**arguments)

    def _arguments(
        self, kwargs: dict[str, t.Any], several: bool, names: set[str]
    ) -> cabc.Iterator[dict[str, t.Any]]:
        """Yield the arguments of each call, in the form that the script has.

        A script for one database is for the default bind. A script for several binds is
        not called for a bind that the application got later.
        """
        if kwargs.keys() - {"engine_name"}:
            # Only env.py and the scripts know the meaning of such arguments.
            yield kwargs
            return
        wanted = [kwargs.get("engine_name") or ""]
        if kwargs and len(self._setup.active) > 1:
            wanted = [bind.name for bind in self._setup.active]
        for name in wanted:
            if several and (name in names or not names):
                yield {"engine_name": name}
            elif not several and (not kwargs or name == ""):
                yield {}
