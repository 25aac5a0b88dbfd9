"""Writes the SQL of a migration of SQLite databases, without reading them.

The revisions up to the start run on empty databases; the later ones are recorded.
"""

from __future__ import annotations

import collections.abc as cabc
import os
import typing as t

from alembic import command

from ..environment.invocation import Invocation
from ..environment.rehearsal.recording import mark_script
from ..environment.rehearsal.stand_ins import recorded_stand_ins
from ..environment.rehearsal.statements import listening
from ..project.binds import Bind
from ..reporting import reporter
from ..reporting import reporting_to
from ..reporting import Silence
from ..results import Sql
from . import lookup

if t.TYPE_CHECKING:
    from ..environment.rehearsal.recording import Recording


def can_record(call: Invocation) -> bool:
    """Tell whether the SQL of a migration can be recorded on empty databases."""
    with call.translated():
        binds = call.setup.make_scope(call.scripts()).selected
    return all(bind.dialect == "sqlite" for bind in binds)


def record(
    direction: t.Literal["upgrade", "downgrade"],
    revision: str,
    directory: str | os.PathLike[str] | None,
    tag: str | None,
    x_arg: str | cabc.Sequence[str] | None,
) -> Sql:
    """Return the SQL of a migration.

    :param revision: the target, or a range ``<from>:<to>``.
    """
    start, separator, target = revision.rpartition(":")
    if direction == "downgrade" and not separator:
        start = "head"
    call = Invocation(directory, x_arg)
    with call.translated():
        binds = call.setup.make_scope(call.scripts()).selected
    version = call.setup.state.configure_args.get("version_table", "alembic_version")
    with recorded_stand_ins(binds) as recordings:
        if start and start != "base":
            with reporting_to(Silence()):
                _run(Invocation(directory, x_arg), "upgrade", start, tag)
        for recording in recordings.values():
            recording.start(version)
        recorded = Invocation(directory, x_arg)
        recorded.setup.may_be_short = lambda column: any(
            recording.may_be_short(column) for recording in recordings.values()
        )

        with reporting_to(Silence()), listening(mark_script):
            _run(recorded, direction, target, tag)
        text = Sql(dict(_texts(binds, recordings)))
    buffer = call.config.output_buffer
    if buffer is not None:
        buffer.write(text)
    return text


def _run(call: Invocation, direction: str, target: str, tag: str | None) -> None:
    with call.guarded():
        scripts = call.scripts()
        if direction == "upgrade":
            call.apply(False, command.upgrade, call.head_target(target), tag=tag)
        else:
            steps = lookup.steps_back(scripts, target)
            call.apply(False, command.downgrade, steps, tag=tag)


def _texts(
    binds: cabc.Sequence[Bind], recordings: dict[str, Recording]
) -> cabc.Iterator[tuple[str, str]]:
    seen: list[Recording] = []
    for bind in binds:
        recording = recordings[bind.key]
        if recording in seen:
            continue
        seen.append(recording)
        for query in dict.fromkeys(recording.reads_rows):
            reporter().warning(
                f"A script reads rows of '{bind.database}', which its SQL is written "
                f"without: {' '.join(query.split())}. Where there are others, the SQL "
                "stops and changes nothing. Write there what the script does with them."
            )
        yield bind.key, recording.script(bind.database)
