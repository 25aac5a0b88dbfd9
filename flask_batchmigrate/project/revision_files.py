"""Reads and checks revision files before they run."""

from __future__ import annotations

import collections.abc as cabc
import inspect
import pathlib
import re
import types
import typing as t

from ..value_classes import value_class
from .header import declared

if t.TYPE_CHECKING:
    from alembic.script import Script
    from alembic.script import ScriptDirectory


@value_class
class Overview:
    """The contents of revision files, as far as they are known without running them.

    :param heads: the heads, as far as they are known; there may be too many.
    :param names_binds: whether a file may have functions for several binds.
    :param is_linear: whether each revision certainly follows at most one other, without
        labels and dependencies.
    """

    heads: frozenset[str] = frozenset()
    names_binds: bool = True
    is_linear: bool = False


def check_files(scripts: ScriptDirectory) -> Overview:
    """Refuse revision files that do not fit together, before Alembic loads them.

    :raises BrokenScript: a file does not fit the others.
    """
    beside = [pathlib.Path(scripts.dir) / "versions"]
    locations = [pathlib.Path(each) for each in scripts.version_locations or beside]
    return overview(locations, scripts.recursive_version_locations, scripts.sourceless)


def overview(
    locations: cabc.Sequence[pathlib.Path],
    recursive: bool = False,
    sourceless: bool = False,
) -> Overview:
    """Read the headers of revision files, and refuse files that do not fit together.

    Of two files with the same id, Alembic would use one and show a warning; for a
    missing predecessor it would raise a KeyError.

    :param locations: the folders with revision files.
    :param recursive: whether to read the folders below them, too.
    :param sourceless: whether compiled files without a source are revisions.
    :raises BrokenScript: a file does not fit the others.
    """
    owners: dict[str, pathlib.Path] = {}
    wanted: list[tuple[pathlib.Path, str]] = []
    files = list(_files(locations, recursive, sourceless))
    names_binds = False
    is_linear = True
    for path in files:
        if path.suffix != ".py":
            # The contents of compiled files are not known without running them.
            names_binds, is_linear = True, False
            continue
        text = _text(path)
        names_binds = names_binds or "engine_name" in text
        refuse_nul(path, text)
        header = declared(path, text)
        _refuse_own_child(path, header)
        is_linear = is_linear and _is_plain(header)
        for revision in header.get("revision", ())[:1]:
            _refuse_second(owners.setdefault(revision, path), path, revision)
            _refuse_symbol(path, revision)
        wanted += [(path, name) for name in header.get("down_revision", ())]
    if len(owners) == len(files):
        _refuse_gaps(wanted, owners)
    unread = {str(path) for path in files} - {str(path) for path in owners.values()}
    heads = (owners.keys() - {revision for _, revision in wanted}) | unread
    return Overview(frozenset(heads), names_binds, is_linear)


def _text(path: pathlib.Path) -> str:
    """Read a file; with thousands of them, Python's own way takes noticeably longer."""
    text = path.read_bytes().decode("utf-8", "replace")
    # The ends of lines of all systems count.
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


#: Words that Alembic does not read as ids; this project adds "current".
_SYMBOLS: t.Final = frozenset({"base", "head", "heads", "current"})


_USABLE: t.Final = re.compile(r"(?!__init__)\w[\w.]*")


_LABEL: t.Final = re.compile(r"[^@:\x00-\x1f\x7f]+")


def refuse_unusable(rev_id: str) -> None:
    """Refuse an id for a new revision that commands could not name.

    The file's name begins with the id, too.

    :raises BatchMigrateError: the id is not usable.
    """
    if rev_id in _SYMBOLS or not _USABLE.fullmatch(rev_id):
        from ..errors import BatchMigrateError
        from ..errors import UNCHANGED

        raise BatchMigrateError(
            f"{rev_id!r} cannot be the id of a revision",
            "Choose one that has letters, digits, '_' and '.' only, does not begin "
            f"with a dot, and is none of {', '.join(sorted(_SYMBOLS))}.",
            state=UNCHANGED,
        )


def refuse_unusable_label(label: str) -> None:
    """Refuse a label for a new branch that commands could not name.

    :raises BatchMigrateError: the label is not usable.
    """
    if label in _SYMBOLS or not _LABEL.fullmatch(label):
        from ..errors import BatchMigrateError
        from ..errors import UNCHANGED

        raise BatchMigrateError(
            f"{label!r} cannot be the label of a branch",
            "Choose one without '@' and ':' that is one line and none of "
            f"{', '.join(sorted(_SYMBOLS))}.",
            state=UNCHANGED,
        )


def _is_plain(header: dict[str, list[str]]) -> bool:
    """Return whether a header is complete, and names at most one predecessor."""
    is_complete = header.keys() >= {
        "revision",
        "down_revision",
        "branch_labels",
        "depends_on",
    }
    down, more = header.get("down_revision", ()), ("branch_labels", "depends_on")
    return is_complete and len(down) <= 1 and not any(header[name] for name in more)


def _refuse_second(owner: pathlib.Path, path: pathlib.Path, revision: str) -> None:
    """Refuse a second file with the same id."""
    if owner == path:
        return
    from ..errors import BrokenScript

    raise BrokenScript(
        f"'{owner}' and '{path}' have the same revision id '{revision}'",
        "Give one of them another id, or delete it.",
        revision=revision,
        path=path,
    )


def _refuse_gaps(
    wanted: cabc.Iterable[tuple[pathlib.Path, str]], known: cabc.Container[str]
) -> None:
    """Refuse a file that follows a missing revision."""
    for path, revision in wanted:
        if revision not in known:
            from ..errors import BrokenScript

            raise BrokenScript(
                f"'{path}' follows revision '{revision}', which has no file",
                "Restore the file, or correct 'down_revision'.",
                revision=revision,
                path=path,
            )


def _refuse_own_child(path: pathlib.Path, header: dict[str, list[str]]) -> None:
    """Refuse a file that follows itself."""
    if set(header.get("revision", ())) & set(header.get("down_revision", ())):
        from ..errors import BrokenScript

        raise BrokenScript(
            f"'{path}' follows itself",
            "Correct 'down_revision'.",
            path=path,
        )


def _refuse_symbol(path: pathlib.Path, revision: str) -> None:
    """Refuse an id that Alembic does not read as an id, so that it fails."""
    if revision in ("base", "head", "heads"):
        from ..errors import BrokenScript

        raise BrokenScript(
            f"'{path}' has the revision id '{revision}', which Alembic reserves",
            "Give it another id.",
            revision=revision,
            path=path,
        )


def refuse_nul(path: pathlib.Path, source: str) -> None:
    """Refuse a file with NUL bytes, since Python's error for it names no file."""
    if "\0" in source:
        from ..errors import BrokenScript

        raise BrokenScript(
            f"'{path}' has NUL bytes: it is damaged, or not in UTF-8",
            "Restore the file, or save it as UTF-8.",
            path=path,
        )


def _files(
    locations: cabc.Sequence[pathlib.Path], recursive: bool, sourceless: bool
) -> cabc.Iterator[pathlib.Path]:
    """Yield the revision files, as Alembic chooses them."""
    seen = set()
    for location in locations:
        patterns = ["*.py"]
        if sourceless:
            patterns += ["*.py[co]", "__pycache__/*.py[co]"]
        below = "**/" if recursive else ""
        for path in sorted(p for each in patterns for p in location.glob(below + each)):
            if path.name.startswith((".#", "__init__")) or _has_source(path):
                continue
            # A file can be found twice only if one location is inside another.
            key = path.resolve() if len(locations) > 1 else path
            if key not in seen:
                seen.add(key)
                yield path


def _has_source(path: pathlib.Path) -> bool:
    """Return whether the source of a compiled file exists."""
    if path.suffix == ".py":
        return False
    folder = path.parent.parent if path.parent.name == "__pycache__" else path.parent
    return (folder / f"{path.name.partition('.')[0]}.py").exists()


def takes_engine_name(script: Script) -> bool:
    """Return whether a script has the form for several databases."""
    return accepts_engine_name(script.module.upgrade)


def accepts_engine_name(function: cabc.Callable[..., t.Any]) -> bool:
    """Return whether a script's function takes the name of a bind."""
    if isinstance(function, types.FunctionType) and not vars(function):
        # Most functions take nothing, which their code shows much faster.
        code = function.__code__
        keywords = code.co_flags & inspect.CO_VARKEYWORDS
        if not (code.co_argcount or code.co_kwonlyargcount or keywords):
            return False
    parameters = inspect.signature(function).parameters.values()
    return any(
        p.name == "engine_name" or p.kind is inspect.Parameter.VAR_KEYWORD
        for p in parameters
    )


def names_in(script: Script) -> set[str]:
    """Return the names of the binds for which a script has functions."""
    functions = {name for name, value in vars(script.module).items() if callable(value)}
    names = {name.removeprefix("upgrade_") for name in functions}
    return {
        name for name in names if {f"upgrade_{name}", f"downgrade_{name}"} <= functions
    }
