"""Reads the header of a revision file without running it.

Running thousands of files takes seconds, and so does parsing them. Nearly all of them
begin like their template, with a docstring, imports and the assignments. These are read
with a regular expression; any other file is parsed.
"""

from __future__ import annotations

import ast
import contextlib
import pathlib
import re
import typing as t
import warnings

NAMES: t.Final = frozenset({"revision", "down_revision", "branch_labels", "depends_on"})

_STRING: t.Final = r"""(?:"[^"\\\n]*"|'[^'\\\n]*')"""
_ASSIGNED: t.Final = (
    r"(down_revision|revision|branch_labels|depends_on)(?:[ ]?:[ ][\w\[\], .|]+)?[ ]*="
    rf"[ ]*(None|{_STRING}|\(\s*(?:{_STRING},?\s*)*\))[ ]*(?:\#[^\n]*)?\n"
)
_IMPORT: t.Final = (
    r"(?:from|import)[ ](?![^\n]*(?:revision|branch_labels|depends_on))"
    r"[\w., ]+(?:\#[^\n]*)?\n"
)
#: The beginning of a file up to the first line that is none of these. None of them
#: continues in the next line, so each is a statement of the module or no statement.
_PLAIN: t.Final = re.compile(
    r'(?:"""[^"\\]*(?:"{1,2}(?!")[^"\\]*)*"""[ ]*\n)?'
    rf"(?:[ ]*(?:\#[^\n]*)?\n|{_IMPORT}|{_ASSIGNED})*",
    re.ASCII,
)
_ASSIGNMENT: t.Final = re.compile(rf"^{_ASSIGNED}", re.ASCII | re.M)
#: Words in later lines that may give the names another value.
_REASSIGNING: t.Final = ("revision", "branch_labels", "depends_on", "import *")


def declared(path: pathlib.Path, text: str) -> dict[str, list[str]]:
    """Return the ids and labels that a file's assignments name.

    :param path: the file.
    :param text: the text of the file.
    :return: the ids by the name of the variable, which is missing if the file does not
        assign it, or if only running the file shows its value.
    """
    plain = _PLAIN.match(text)
    assert plain is not None  # it also matches an empty text
    end = plain.end()
    if any(word in text[end:] for word in _REASSIGNING):
        return _parsed(path)
    start = text.find('"""', 3) if text.startswith('"""') else 0
    return {
        name: _ids(_value(literal))
        for name, literal in _ASSIGNMENT.findall(text, start, end)
    }


def _value(literal: str) -> object:
    """Return the value of a literal; Python's own reader takes much longer."""
    if literal == "None":
        return None
    return ast.literal_eval(literal) if literal[0] == "(" else literal[1:-1]


def _ids(value: object) -> list[str]:
    """Return the ids in the value of an assignment."""
    if isinstance(value, str):
        return [value] if value else []
    several = value if isinstance(value, list | tuple | set) else ()
    return [each for each in several if isinstance(each, str)]


def _parsed(path: pathlib.Path) -> dict[str, list[str]]:
    """Read the assignments of a file with Python's own parser."""
    source = path.read_bytes()
    try:
        with warnings.catch_warnings():
            # Python shows the warnings when it runs the file.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        # It cannot be run either, and that error names the line.
        return {}
    header: dict[str, list[str]] = {}
    for statement in tree.body:
        bound = _Bound()
        bound.visit(statement)
        for name in NAMES if bound.anything else NAMES & bound.names:
            header.pop(name, None)
        names = _assigned(statement) & NAMES
        value = getattr(statement, "value", None)
        if names and value is not None:
            with contextlib.suppress(ValueError, TypeError, RecursionError):
                header.update(dict.fromkeys(names, _ids(ast.literal_eval(value))))
    for node in ast.walk(tree) if b"global" in source else ():
        if isinstance(node, ast.Global):
            # A function may be called at any time.
            for name in node.names:
                header.pop(name, None)
    return header


def _assigned(statement: ast.stmt) -> set[str]:
    """Return the names that a statement sets to its value."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


_OPENING: t.Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class _Bound(ast.NodeVisitor):
    """Collects the names of the module that a statement may bind or unbind."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        #: Whether it may bind any name.
        self.anything = False

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id)

    def visit_alias(self, node: ast.alias) -> None:
        self.anything |= node.name == "*"
        self._bind(node.asname or node.name.partition(".")[0])

    def generic_visit(self, node: ast.AST) -> None:
        # Definitions, 'except' and patterns have the name that they bind as a string.
        for field in ("name", "rest"):
            bound = getattr(node, field, None)
            if isinstance(bound, str):
                self._bind(bound)
        if not isinstance(node, _OPENING):
            super().generic_visit(node)
            return
        # The body binds its own names; the parts before the body bind the module's.
        for field, value in ast.iter_fields(node):
            for part in value if isinstance(value, list) else [value]:
                if field != "body" and isinstance(part, ast.AST):
                    self.visit(part)

    def _bind(self, name: str) -> None:
        self.names.add(name)
