"""The structure that the code keeps: layers, sizes, and who may know what."""

from __future__ import annotations

import ast
import collections.abc as cabc
import dataclasses
import functools
import graphlib
import importlib.util
import pathlib

import flask_batchmigrate

PACKAGE = "flask_batchmigrate"
FOLDER = pathlib.Path(flask_batchmigrate.__file__).parent

VOCABULARY = frozenset(
    {
        "_compat",
        "errors",
        "reporting",
        "results",
        "settings",
        "state",
        "value_classes",
    }
)
"""Modules that every package but the SQLite engine may import."""

LEAVES = frozenset(
    {"sqlite.errors", "sqlite.error_codes", "sqlite.callsite", "value_classes"}
)
TEXT = LEAVES | {"sqlite.ddl"}
STORED = TEXT | {"sqlite.schema"}
DEEDS = STORED | {"sqlite.target", "sqlite.alter"}

CHOICES = VOCABULARY | {
    "autogenerate.request",
    "autogenerate.script",
    "sqlite.errors",
}
TABLES = (
    CHOICES
    | STORED
    | {"autogenerate.choices", "autogenerate.differences"}
    | {"sqlite.target", "sqlite.transaction", "sqlite.adapter"}
)
GENERATED = frozenset(
    {
        "autogenerate",
        "autogenerate.choices",
        "autogenerate.differences",
        "autogenerate.request",
        "autogenerate.rows",
        "autogenerate.servers",
        "autogenerate.tables",
    }
)
RUNS = frozenset({"environment", "environment.connection", "environment.rehearsal"})

ALLOWED: dict[str, frozenset[str]] = {
    "sqlite": frozenset(),
    "sqlite.errors": frozenset({"value_classes"}),
    "sqlite.error_codes": frozenset(),
    "sqlite.callsite": frozenset(),
    "sqlite.ddl": LEAVES,
    "sqlite.schema": TEXT,
    "sqlite.target": STORED,
    "sqlite.alter": STORED | {"sqlite.target"},
    "sqlite.plan": DEEDS,
    "sqlite.transaction": STORED,
    "sqlite.adapter": DEEDS | {"sqlite.plan", "sqlite.transaction"},
    "_compat": frozenset(),
    "value_classes": frozenset(),
    "settings": frozenset({"sqlite.errors", "value_classes"}),
    "results": frozenset({"value_classes"}),
    "reporting": frozenset({"results", "value_classes"}),
    "errors": frozenset({"_compat", "settings", "sqlite.errors", "value_classes"}),
    "state": frozenset({"errors", "settings", "value_classes"}),
    "locks": VOCABULARY,
    "project": VOCABULARY | {"sqlite.error_codes"},
    "autogenerate.request": VOCABULARY,
    "autogenerate.differences": VOCABULARY,
    "autogenerate.script": VOCABULARY | {"sqlite.adapter"},
    "autogenerate.choices": CHOICES,
    "autogenerate.rows": CHOICES | {"autogenerate.choices", "sqlite.target"},
    "autogenerate.tables": TABLES,
    "autogenerate.servers": CHOICES | {"autogenerate.choices", "autogenerate.tables"},
    "autogenerate": TABLES
    | {"autogenerate.rows", "autogenerate.tables", "autogenerate.servers"},
    "environment.connection": VOCABULARY
    | {"project", "sqlite.ddl", "sqlite.transaction"},
    "environment.rehearsal": VOCABULARY
    | STORED
    | {"environment.connection", "autogenerate.tables"}
    | {"project", "sqlite.transaction"},
    "environment": VOCABULARY
    | STORED
    | {"environment.connection", "environment.rehearsal"}
    | {"autogenerate", "autogenerate.request", "autogenerate.servers"}
    | {"project", "locks"}
    | {"sqlite.adapter", "sqlite.transaction"},
    "commands": VOCABULARY | RUNS | GENERATED | {"project"},
    "status": VOCABULARY | {"environment", "autogenerate", "project"},
    "cli": VOCABULARY
    | {"autogenerate.request", "status", "commands", "project", "sqlite.errors"},
    "autoupgrade": VOCABULARY | {"commands", "status", "project"},
    "extension": VOCABULARY | {"autoupgrade", "cli", "environment", "status"},
    "": VOCABULARY | {"commands", "environment", "extension"},
}
"""What each package may import besides itself; nothing else, not even for types."""

OUTSIDE = ("environment.packaged", "environment.templates")
"""Files that Alembic runs as an env.py of the user's: they come in from the top."""

SEES_SQLALCHEMY = {"sqlite.transaction", "sqlite.adapter"}
SEES_ALEMBIC = {"sqlite.adapter"}

MODULE_LINES = 400
FUNCTION_LINES = 40

LONG_MODULES: dict[str, int] = {}
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


def imports(name: str) -> cabc.Iterator[Import]:
    """Every import of the module, those in functions and for type checkers included."""
    path = FILES[name]
    package = ".".join(filter(None, (PACKAGE, name)))
    if path.name != "__init__.py":
        package = package.rpartition(".")[0]
    for node in ast.walk(tree(name)):
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


def package(name: str) -> str:
    """The longest beginning of a module's name that has a row in the table."""
    parts = name.split(".")
    beginnings = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((found for found in beginnings if found in ALLOWED), parts[0])


def inside() -> cabc.Iterator[str]:
    """The modules of the package that its own code imports."""
    return (name for name in FILES if not name.startswith(OUTSIDE))


def place(name: str, node: ast.AST) -> str:
    return f"{FILES[name]}:{getattr(node, 'lineno', 1)}"


def test_every_package_has_a_place() -> None:
    """The table of allowed imports names the packages that there are."""
    assert {package(name) for name in inside()} == set(ALLOWED)


def test_imports_go_downwards() -> None:
    """A package imports what it may, and the table of what it may has no circle."""
    graphlib.TopologicalSorter(ALLOWED).prepare()
    upward = [
        f"{FILES[name]}:{line} imports '{other}'"
        for name in inside()
        for other, line in imported_files(name)
        if package(other) not in {package(name), *ALLOWED[package(name)]}
    ]
    assert upward == []


def test_no_cycles() -> None:
    """No module imports itself through others: not lazily, not even for types."""
    # A package's __init__ is what its modules are reached through, not a partner.
    graph = {
        name: {o for o, _ in imported_files(name)} - {name}
        for name in inside()
        if FILES[name].name != "__init__.py"
    }
    graphlib.TopologicalSorter(graph).prepare()


def test_every_package_says_its_promise() -> None:
    """A package begins with what it is for, in a few sentences."""
    promises = {
        name: ast.get_docstring(tree(name))
        for name in inside()
        if FILES[name].name == "__init__.py"
    }
    assert [name for name, text in promises.items() if not text] == []


def test_engine_knows_no_framework() -> None:
    """The SQLite engine knows neither Flask nor Alembic nor SQLAlchemy.

    Its transaction rides on SQLAlchemy's events and knows that one, as the translation
    of operations does; the adapter alone knows Alembic.
    """
    for name in inside():
        if not name.startswith("sqlite"):
            continue
        forbidden = {"flask", "flask_sqlalchemy", "click", "werkzeug"}
        if package(name) not in SEES_SQLALCHEMY:
            forbidden.add("sqlalchemy")
        if package(name) not in SEES_ALEMBIC:
            forbidden.add("alembic")
        assert {found.root for found in imports(name)} & forbidden == set(), name


def test_only_the_command_line_writes() -> None:
    """Nothing but the command line prints or ends the process."""
    writing = {"print", "sys.exit", "exit", "click.echo"}
    calls = [
        place(name, node)
        for name in FILES
        if package(name) != "cli"
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
        if found.root not in {PACKAGE, "__future__", "_typeshed"}
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
