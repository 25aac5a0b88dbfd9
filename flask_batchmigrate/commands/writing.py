"""Writes revision files."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import os
import pathlib
import re
import traceback
import typing as t

from alembic import command
from alembic.script import Script
from alembic.script import ScriptDirectory
from alembic.script import write_hooks

from .._compat import ALEMBIC
from ..environment.invocation import Invocation
from ..errors import BatchMigrateError
from ..errors import NOTHING_WRITTEN
from ..errors import NotSupported
from ..errors import NotVerified
from ..errors import UNCHANGED
from ..reporting import reporter

if t.TYPE_CHECKING:
    from ..autogenerate.request import Request
    from .proving import Scratch


def revision(
    call: Invocation,
    make_call: cabc.Callable[[], Invocation],
    request: Request | None = None,
    **options: t.Any,
) -> list[Script]:
    """Write a revision file and return the scripts that were written.

    :param make_call: makes another call like the first.
    :param request: how to generate its contents; None for an empty revision.
    :param options: the options of Alembic's command.
    :raises NotVerified: the generated script is not right.
    """
    call.setup.request = request
    dry = request is not None and request.dry_run
    verifies = request is not None and request.verify
    with call.translated(), _new_files_removed(call, dry):
        scratch = scratch_of(call) if verifies else None
        with call.guarded():
            written = _write(call, options)
        for script in written if not dry else ():
            reporter().file_written(script.path)
        if verifies and len(written) == 1:
            failures = verified(call, make_call, written[0], scratch)
            if failures:
                raise NotVerified(pathlib.Path(written[0].path), failures)
        for script in written if dry else ():
            text = pathlib.Path(script.path).read_text(encoding="utf-8")
            reporter().script_shown(text)
    return [] if dry else written


def _write(call: Invocation, options: dict[str, t.Any]) -> list[Script]:
    call.prepare_writing(options["head"], options["rev_id"], options["branch_label"])
    if options["version_path"] is not None and call.setup.folder.exists:
        options["version_path"] = _location(call.scripts(), options["version_path"])
    with _removed_on_failure(call):
        result = command.revision(call.config, **options)
    scripts = result if isinstance(result, list) else [result]
    return [script for script in scripts if script is not None]


@contextlib.contextmanager
def _removed_on_failure(call: Invocation) -> cabc.Iterator[None]:
    """Remove the revision file if the block fails after it began to write the file.

    Later commands would fail on a file that is not whole, and find a second head in one
    on which a post-write hook failed.

    :raises BatchMigrateError: a post-write hook failed.
    """
    before = _files(call)
    try:
        yield
    except Exception as error:
        path = _new_revision_file(call, before)
        if path is None:
            raise
        path.unlink()
        if not _is_of_hook(error):
            raise
        hooks = _post_write_hooks(call)
        ini = call.setup.folder.path / "alembic.ini"
        set_here = call.setup.state.settings["post_write_hooks"]
        raise BatchMigrateError(
            f"A post-write hook ({hooks}) could not be run on '{path}': {error}",
            f"Install what it runs, or take it out of "
            f"{'BATCHMIGRATE_POST_WRITE_HOOKS' if set_here else repr(str(ini))}.",
            state=NOTHING_WRITTEN,
        ) from error


def _new_revision_file(
    call: Invocation, before: set[pathlib.Path]
) -> pathlib.Path | None:
    """Return the file of the revision that was rendered last, if it is new."""
    revision = call.setup.rendered
    for path in sorted(_files(call) - before) if revision else ():
        if path.suffix == ".py" and (
            str(revision) in path.name
            or repr(revision) in path.read_text("utf-8", errors="replace")
        ):
            return path
    return None


def _is_of_hook(error: Exception) -> bool:
    """Tell whether an error was raised while Alembic ran the post-write hooks."""
    return any(
        frame.f_globals.get("__name__") == write_hooks.__name__
        for frame, _ in traceback.walk_tb(error.__traceback__)
    )


def _post_write_hooks(call: Invocation) -> str:
    """Return the names of the hooks that Alembic runs on a file, for a message."""
    names = call.config.get_section("post_write_hooks", {}).get("hooks", "")
    return ", ".join(repr(name) for name in re.split(r"[\s,]+", names) if name)


def scratch_of(call: Invocation) -> Scratch | None:
    """Return the scratch databases on servers to prove a script on; None without any.

    :raises NotSupported: a scratch database cannot be used.
    """
    if not call.setup.state.settings.scratch_urls:
        return None
    from .proving import usable_scratch

    return usable_scratch(call)


@contextlib.contextmanager
def _new_files_removed(call: Invocation, dry: bool) -> cabc.Iterator[None]:
    """Remove the files that the block adds to the folders of revisions.

    A dry run needs it because Alembic gives a script's text only as a file.

    :param dry: whether this is a dry run; if not, do nothing.
    """
    before = _files(call) if dry else set()
    try:
        yield
    finally:
        for path in sorted(_files(call) - before, reverse=True) if dry else ():
            path.rmdir() if path.is_dir() else path.unlink()


def _files(call: Invocation) -> set[pathlib.Path]:
    """Return the paths of the folders of revisions, and of all that they contain."""
    folders = [call.setup.folder.path]
    folders += map(pathlib.Path, call.config.get_version_locations_list() or [])
    there = [folder for folder in folders if folder.exists()]
    return {path for folder in there for path in (folder, *folder.rglob("*"))}


def verified(
    call: Invocation,
    make_call: cabc.Callable[[], Invocation],
    script: Script,
    scratch: Scratch | None,
) -> list[str]:
    """Run a generated script on scratch databases, and report that it is right.

    :param call: the call that generated the script.
    :param make_call: makes a call that finds the script among the revisions.
    :param scratch: the scratch databases on servers, if there are any.
    :return: sentences about what is not right; an empty list if nothing is.
    """
    failures: list[str] = []
    proven = bool(call.setup.starts)
    if call.setup.starts:
        from ..autogenerate.alembics_log import without_alembics_steps
        from ..autogenerate.verify import problems

        with call.guarded(), without_alembics_steps():
            failures = [p for s in call.setup.starts for p in problems(script, s)]
    if scratch is not None and not failures:
        from ..autogenerate.alembics_log import without_alembics_steps
        from .proving import prove

        with without_alembics_steps():
            proof = prove(scratch, make_call, script, call.setup.is_rewritten)
        failures = list(proof.failures)
        proven = not proof.obstacle
        if proof.obstacle:
            reporter().note(
                "Not verified, since the revisions do not run on an empty database: "
                f"{proof.obstacle}"
            )
    if proven and not failures:
        reporter().note(
            "Verified: upgrade reaches the models, downgrade restores the start."
        )
    return failures


def _location(
    scripts: ScriptDirectory, path: str | os.PathLike[str]
) -> str | os.PathLike[str]:
    """Return the version folder with this path, as the configuration spells it.

    Alembic compares the texts, for which ``a/../b`` is not ``b``.
    """
    wanted = pathlib.Path(path).resolve()
    for location in scripts.version_locations:
        if pathlib.Path(location).resolve() == wanted:
            return location
    return path


def merge(
    call: Invocation,
    revisions: list[str],
    message: str | None,
    branch_label: str | None,
    rev_id: str | None,
    splice: bool,
) -> Script:
    """Write a revision that follows several others, and return it.

    :param revisions: the revisions to join; an empty list means all heads.
    :raises NotSupported: Alembic is too old for ``splice``.
    :raises BatchMigrateError: there are fewer than two revisions to join.
    """
    if splice and ALEMBIC < (1, 18, 5):
        raise NotSupported(
            "Merging with 'splice' needs Alembic 1.18.5", "Upgrade Alembic."
        )
    extra: dict[str, t.Any] = {"splice": True} if splice else {}
    with call.guarded():
        call.prepare_writing(None, rev_id, branch_label)
        heads = call.scripts().get_heads()
        chosen = heads if revisions in ([], ["heads"]) else revisions
        if len(chosen) < 2:
            quoted = ", ".join(map(repr, chosen))
            raise BatchMigrateError(
                f"Merging needs two or more revisions, not {quoted or 'none'}",
                "Name them; 'flask db heads' shows the heads.",
                state=UNCHANGED,
            )
        with _removed_on_failure(call):
            script = command.merge(
                call.config, chosen, message, branch_label, rev_id, **extra
            )
    assert script is not None
    reporter().file_written(script.path)
    return script
