"""Finds out from the source of a script's modules whether the script may roll back.

A savepoint to roll back to costs time on SQLite: each page that is overwritten after
it is first copied to a file (https://www.sqlite.org/tempfiles.html#statement_journal_files),
which makes an ``UPDATE`` of all rows a third slower. Hardly any script rolls back, and
one that does has a word for it in its source.
"""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import sys
import types

#: The names that a script uses to roll back, or to have a ``with`` block do it.
_WORDS = (b"rollback", b"get_transaction")
#: Packages that roll back only if a script calls them to, as the standard library does.
_LIBRARIES = frozenset({"alembic", "sqlalchemy", "flask_batchmigrate"})
#: Objects that know their module; of any other, the class knows it.
_OF_MODULE = (type, types.FunctionType, types.MethodType)


def may_roll_back(module: types.ModuleType) -> bool:
    """Return whether the source of a script, or of a module that it uses, has a word.

    :param module: the script's module.
    :return: True also if the source of one of them cannot be read, as that of a module
        which is compiled, in an archive, or made by ``exec``.
    """
    return any(_may_have_a_word(file) for file in {module.__file__, *_used(module)})


def _used(module: types.ModuleType) -> cabc.Iterator[str | None]:
    """Yield the file of each module that a module's names come from; None for unknown.

    The standard library and the packages in ``_LIBRARIES`` are left out.
    """
    for value in vars(module).values():
        # A proxy can raise if it is asked for its class, as 'isinstance' does.
        if issubclass(type(value), types.ModuleType):
            name = getattr(value, "__name__", None)
        elif issubclass(type(value), _OF_MODULE):
            name = value.__module__
        else:
            name = type(value).__module__
        if name == module.__name__:
            continue
        root = str(name).partition(".")[0]
        if root in _LIBRARIES or root in sys.stdlib_module_names:
            continue
        yield getattr(sys.modules.get(str(name)), "__file__", None)


def _may_have_a_word(file: object) -> bool:
    """Return whether one of the words is in a source file, or the file is none."""
    if not isinstance(file, str) or not file.endswith(".py"):
        return True
    try:
        text = pathlib.Path(file).read_bytes()
    except (OSError, ValueError):
        return True
    return any(word in text for word in _WORDS)
