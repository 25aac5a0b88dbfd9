"""Recognises an ``env.py`` and an ``alembic.ini`` that Flask-Migrate has written.

Such a file has nothing of the user's own, so its effect is known without running it. A
file is recognised by its meaning: layout, comments, docstrings and the order of its
imports do not count; every other difference does.
"""

from __future__ import annotations

import ast
import collections.abc as cabc
import enum
import hashlib
import pathlib
import typing as t
import warnings


class Connects(enum.Enum):
    """The databases that an ``env.py`` migrates, and how it connects to them."""

    BY_ENGINE = "the engine of the default bind"
    BY_ENGINE_URL = "a new engine with the URL of that engine"
    BY_SETTING = "a new engine with the URL of the setting SQLALCHEMY_DATABASE_URI"
    BY_ENGINES = "the engines of all binds"


_ENVIRONMENTS: t.Final = {
    # The template for one database
    "d41bd7d48ea90039545345507fc34ce0": Connects.BY_ENGINE,  # since 4.0.5
    "9202f4b308e76d3f0af291946eebbaaa": Connects.BY_ENGINE,  # 4.0.4
    "8a79615b81222331f0ca03273d2c215e": Connects.BY_ENGINE,  # 4.0.1 to 4.0.3
    "0df61d8ac6aae24b142ef1c9b4712e43": Connects.BY_ENGINE,  # 4.0.0
    "41a02ec68601bb061541f4ae6e0bbc6d": Connects.BY_ENGINE,  # 3.0.1, 3.1.0
    "a73c461a8430c25315b9da66f74f4a5b": Connects.BY_ENGINE,  # 2.7.0, 3.0.0
    "0a9dc8260543cb689d54a0ac42316f3f": Connects.BY_ENGINE_URL,  # 2.5.3, 2.6.0
    "06e264a7b86a6e604896176e5e0cf7f1": Connects.BY_SETTING,  # 2.5.0 to 2.5.2
    "07e4fb2ad75d683587773e5e43d666f8": Connects.BY_SETTING,  # 2.4.0
    "1effe746fca203485999545d8118c0b5": Connects.BY_SETTING,  # 2.3.1
    "5329bdef4e3f9dd8d4f877a23990bc86": Connects.BY_SETTING,  # 1.5.1 to 2.3.0
    # The template for several databases; the older ones take arguments of
    # Flask-SQLAlchemy 2 for the engine of a bind
    "9639b9d01ce7cec658f1e5859fc73cfe": Connects.BY_ENGINES,  # since 4.0.5
    "06cf6c6f0cbb8a8aee4ee5f0e71e3a40": Connects.BY_ENGINES,  # 4.0.4
    "730a385343ad7bccd63d06eba24e40b0": Connects.BY_ENGINES,  # 4.0.1 to 4.0.3
    "5a4a55f3a9bff176f661d109fb7d76e1": Connects.BY_ENGINES,  # 4.0.0
    "b4f0c1dc8dd4c90a9c027a0435777a98": Connects.BY_ENGINES,  # 3.1.0
}
"""The files of Flask-Migrate, by their :func:`digest`, with the releases of each."""

#: The options of Alembic that concern only new revision files.
_OF_NEW_FILES: t.Final = frozenset(
    {"file_template", "output_encoding", "revision_environment", "timezone"}
    | {"truncate_slug_length"}
)


def recognise(env: pathlib.Path) -> Connects | None:
    """Return how an ``env.py`` of Flask-Migrate's connects to databases.

    :param env: the file.
    :return: ``None`` for any other file.
    """
    if env.suffix != ".py":
        return None
    try:
        with warnings.catch_warnings():
            # Python shows these warnings when it runs the file.
            warnings.simplefilter("ignore")
            tree = ast.parse(env.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    return _ENVIRONMENTS.get(digest(tree))


def is_plain(ini: pathlib.Path) -> bool:
    """Tell whether an ``alembic.ini`` has no effect on which revisions there are.

    :param ini: the file, which need not exist.
    """
    try:
        # Alembic reads the file in the encoding of the system.
        text = ini.read_bytes().decode("ascii")
    except FileNotFoundError:
        return True
    except (OSError, UnicodeError):
        return False
    import configparser

    # Alembic makes its parser with this default, too.
    parser = configparser.ConfigParser({"here": "here"})
    try:
        parser.read_string(text)
        options = {name for name, _ in parser.items("alembic")}
    except configparser.Error:
        return False
    return options <= {"here", *_OF_NEW_FILES}


def digest(tree: ast.Module) -> str:
    """Return a text that is the same for modules with the same meaning.

    :param tree: a module whose imports may be in any order.
    """
    imports: set[str] = set()
    others: list[str] = []
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom | ast.Import):
            imports.update(_names(statement))
        elif not _is_docstring(statement):
            others.append("".join(_written(statement)))
    text = "\n".join([*sorted(imports), *others])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _names(statement: ast.Import | ast.ImportFrom) -> cabc.Iterator[str]:
    """Yield the names that a statement imports, except a feature of every Python."""
    source = getattr(statement, "module", "")
    for alias in statement.names:
        if (source, alias.name) != ("__future__", "with_statement"):
            yield f"{source}:{alias.name}:{alias.asname or alias.name}"


def _is_docstring(statement: ast.AST) -> bool:
    value = getattr(statement, "value", None)
    return isinstance(statement, ast.Expr) and isinstance(value, ast.Constant)


def _written(node: object) -> cabc.Iterator[str]:
    """Yield a syntax tree in pieces that are the same with each version of Python.

    :func:`ast.dump` shows fields that only some versions have.
    """
    if isinstance(node, ast.Constant):
        yield f"{node.value!r} "
    elif isinstance(node, ast.AST):
        yield f"{type(node).__name__}("
        for name, value in ast.iter_fields(node):
            if value is not None and value != [] and name not in _UNIMPORTANT:
                yield f"{name}="
                yield from _written(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            if not _is_docstring(item):
                yield from _written(item)
        yield "]"
    else:
        yield f"{node!r} "


_UNIMPORTANT: t.Final = ("ctx", "kind", "type_comment")
