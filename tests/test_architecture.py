"""The structure that the code keeps: layers, sizes, and who may know what."""

from __future__ import annotations

import ast
import collections.abc as cabc
import dataclasses
import fnmatch
import functools
import graphlib
import importlib.util
import pathlib

import flask_batchmigrate

PACKAGE = "flask_batchmigrate"
FOLDER = pathlib.Path(flask_batchmigrate.__file__).parent

TRANSACTION = (
    "sqlite.conditions",
    "sqlite.driver",
    "sqlite.gate",
    "sqlite.guard",
    "sqlite.listeners",
    "sqlite.registry",
    "sqlite.session",
    "sqlite.span",
    "sqlite.transaction",
    "sqlite.waiting",
)
"""One migration is one transaction, on SQLAlchemy's connections."""

TRANSLATION = (
    "sqlite.blocks",
    "sqlite.naming",
    "sqlite.recording",
    "sqlite.translate",
)
"""Operations of a script as changes of the engine, in SQLAlchemy's terms."""

ADAPTER = ("sqlite.adapter",)
"""Where the engine is plugged into Alembic."""

LAYERS = (
    ("_compat", "settings", "results", "reporting"),
    ("sqlite", "sqlite.*"),
    TRANSACTION,
    TRANSLATION,
    ADAPTER,
    ("errors",),
    ("locks", "locks.*"),
    ("autogenerate", "autogenerate.*"),
    ("state",),
    ("environment", "environment.*"),
    ("commands",),
    ("status",),
    ("debugpage",),
    ("autoupgrade",),
    ("console", "options"),
    ("collector", "logs"),
    ("cli",),
    ("extension",),
    ("",),
    ("environment.packaged.*", "environment.templates.*"),
)
"""The modules from the bottom to the top; the most exact pattern decides."""

SEES_ALEMBIC = {*ADAPTER}
SEES_SQLALCHEMY = {*TRANSACTION, *TRANSLATION, *ADAPTER}

MODULE_LINES = 400
FUNCTION_LINES = 40

LONG_MODULES: dict[str, int] = {
    # One signature and one docstring for each command, as Flask-Migrate has them.
    "commands": 420,
}
LONG_FUNCTIONS: dict[str, int] = {}
"""Real exceptions and their sizes; each with its reason in a comment."""


@dataclasses.dataclass(frozen=True, slots=True)
class Import:
    """One imported name, and what the code may be doing with it."""

    module: str
    name: str
    line: int

    @property
    def root(self) -> str:
        return self.module.partition(".")[0]


def module_name(path: pathlib.Path) -> str:
    """The name below the package; the package itself is ''."""
    parts = path.relative_to(FOLDER).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(FOLDER.rglob("*.py"))}


@functools.cache
def tree(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def running_nodes(node: ast.AST) -> cabc.Iterator[ast.AST]:
    """All nodes but those for type checkers only, which never run."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "t.TYPE_CHECKING":
            continue
        yield child
        yield from running_nodes(child)


def imports(name: str) -> cabc.Iterator[Import]:
    """Every import of the module, those inside functions included."""
    path = FILES[name]
    package = ".".join(filter(None, (PACKAGE, name)))
    if path.name != "__init__.py":
        package = package.rpartition(".")[0]
    for node in running_nodes(tree(name)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, "", node.lineno)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.util.resolve_name(
                "." * node.level + (node.module or ""), package
            )
            for alias in node.names:
                yield Import(module, alias.name, node.lineno)


def imported_files(name: str) -> cabc.Iterator[tuple[str, int]]:
    """The modules of the package that this one imports, with the line."""
    for found in imports(name):
        if found.root != PACKAGE:
            continue
        module = found.module.removeprefix(PACKAGE).removeprefix(".")
        inner = f"{module}.{found.name}".removeprefix(".")
        yield (inner if inner in FILES else module), found.line


def layer(name: str) -> int:
    """The number of the layer, counted from the bottom."""
    matches = [
        (len(pattern.rstrip("*")), "*" not in pattern, number)
        for number, patterns in enumerate(LAYERS)
        for pattern in patterns
        if fnmatch.fnmatchcase(name, pattern)
    ]
    assert matches, f"'{name}' has no place in LAYERS"
    return max(matches)[-1]


def place(name: str, node: ast.AST) -> str:
    return f"{FILES[name]}:{getattr(node, 'lineno', 1)}"


def test_imports_go_downwards() -> None:
    """A module imports what is below it or beside it, never what is above."""
    upward = [
        f"{FILES[name]}:{line} imports '{other}'"
        for name in FILES
        for other, line in imported_files(name)
        if layer(other) > layer(name)
    ]
    assert upward == []


def test_no_cycles() -> None:
    """No module imports itself through others, not even lazily."""
    graph = {name: {o for o, _ in imported_files(name)} - {name} for name in FILES}
    # A package's __init__ is what its modules are reached through, not a partner.
    for name, others in graph.items():
        if FILES[name].name == "__init__.py":
            graph[name] = {other for other in others if layer(other) < layer(name)}
    graphlib.TopologicalSorter(graph).prepare()


def test_engine_knows_no_framework() -> None:
    """The SQLite engine knows neither Flask nor Alembic nor SQLAlchemy.

    Its transaction rides on SQLAlchemy's events and knows that one, as the translation
    of operations does; the adapter alone knows Alembic.
    """
    engine = [name for name in FILES if name.startswith("sqlite")]
    assert set(engine) >= SEES_SQLALCHEMY
    for name in engine:
        forbidden = {"flask", "flask_sqlalchemy", "click", "werkzeug"}
        if name not in SEES_SQLALCHEMY:
            forbidden.add("sqlalchemy")
        if name not in SEES_ALEMBIC:
            forbidden.add("alembic")
        assert {found.root for found in imports(name)} & forbidden == set(), name


def test_only_the_command_line_writes() -> None:
    """No module but the command line's two prints or ends the process."""
    writing = {"print", "sys.exit", "exit", "click.echo"}
    calls = [
        place(name, node)
        for name in FILES
        if name not in {"cli", "console"}
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in writing
    ]
    assert calls == []


def test_version_differences_in_one_file() -> None:
    """Only ``_compat`` asks which release of something is installed."""
    asked = [
        place(name, node)
        for name in FILES
        if name != "_compat"
        for node in ast.walk(tree(name))
        if (
            isinstance(node, ast.ExceptHandler)
            and node.type is not None
            and "ImportError" in ast.unparse(node.type)
        )
        or (isinstance(node, ast.Attribute) and node.attr == "__version__")
    ]
    assert asked == []


def test_nothing_private_is_imported() -> None:
    """Other projects are used by their public names."""
    private = [
        f"{FILES[name]}:{found.line} imports {found.module} {found.name}"
        for name in FILES
        for found in imports(name)
        if found.root not in {PACKAGE, "__future__"}
        and any(part.startswith("_") for part in [*found.module.split("."), found.name])
    ]
    assert private == []


def test_modules_are_small() -> None:
    """A module can be read in one sitting."""
    sizes = {
        name: len(path.read_text(encoding="utf-8").splitlines())
        for name, path in FILES.items()
    }
    assert beyond(sizes, MODULE_LINES, LONG_MODULES) == {}


def test_functions_are_small() -> None:
    """A function fits on a screen; its signature and docstring do not count."""
    sizes: dict[str, int] = {}
    for name in FILES:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                key = f"{name}:{node.name}"
                sizes[key] = max(sizes.get(key, 0), body_lines(node))
    assert beyond(sizes, FUNCTION_LINES, LONG_FUNCTIONS) == {}


def beyond(
    sizes: dict[str, int], limit: int, exceptions: dict[str, int]
) -> dict[str, int]:
    """What is too long, and what is listed as an exception and no longer is one."""
    stale = {name: 0 for name in exceptions if sizes.get(name, 0) <= limit}
    long = {
        name: size for name, size in sizes.items() if size > exceptions.get(name, limit)
    }
    return stale | long


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
