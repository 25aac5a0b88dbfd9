"""Tells whether a script can roll back what it did, by the text of its modules.

A point to go back to is not free on SQLite: what is overwritten after it is written to
a file once more (https://www.sqlite.org/tempfiles.html#statement_journal_files), which
makes an ``UPDATE`` of all rows a third slower. Hardly any script goes back, and one
that does has a word for it in its text.
"""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import sys
import types

#: What a script calls to roll back, or to have a ``with`` block do it.
_WORDS = (b"rollback", b"get_transaction")
#: Packages that roll back only where they are told to; Python's own do not either.
_KNOWN = frozenset({"alembic", "sqlalchemy", "flask_batchmigrate"})


def may_roll_back(module: types.ModuleType) -> bool:
    """Tell whether such a word is in a script, or in a module that it takes names from.

    :param module: the script's module.
    :return: whether it is; also where there is no source to look at.
    """
    return any(_has_a_word(file) for file in {_file(module), *_used(module)})


def _used(module: types.ModuleType) -> cabc.Iterator[str | None]:
    """Return the files that the names of a module come from.

    :return: each file, except those of packages that are known; ``None`` for a module
        that has no file.
    """
    for value in vars(module).values():
        if isinstance(value, types.ModuleType):
            name = value.__name__
        elif isinstance(value, type | types.FunctionType):
            name = value.__module__
        else:
            name = type(value).__module__
        root = str(name).partition(".")[0]
        if root in _KNOWN or root in sys.stdlib_module_names:
            continue
        if name in sys.modules:
            yield _file(sys.modules[name])


def _file(module: types.ModuleType) -> str | None:
    """Return the file of a module; ``None`` if it has none.

    The attribute may be missing:
    https://docs.python.org/3/reference/datamodel.html#module.__file__
    """
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else None


def _has_a_word(file: str | None) -> bool:
    path = pathlib.Path(file or "")
    # What is in a zip archive has a path, and no file that can be opened.
    if path.suffix != ".py" or not path.is_file():
        return True
    text = path.read_bytes()
    return any(word in text for word in _WORDS)
