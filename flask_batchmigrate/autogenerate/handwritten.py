"""Finds statements of a revision file that a person wrote, and that would be lost.

A generated script consists of calls of Alembic's operations for tables and types. Any
other statement comes from a person, a template or a hook of the application. What comes
from a template or a hook is in the newly generated text, too.
"""

from __future__ import annotations

import ast
import collections.abc as cabc
import re
import typing as t

_VARIABLES: t.Final = {"revision", "down_revision", "branch_labels", "depends_on"}
_FUNCTION: t.Final = re.compile(r"(upgrade|downgrade)(_|\Z)")
_BLOCKS: t.Final = {"batch_alter_table", "autocommit_block"}
_OPERATION: t.Final = re.compile(
    r"(create|drop)_(table|index|constraint|column|table_comment|foreign_key"
    r"|unique_constraint|primary_key|check_constraint|exclude_constraint)|add_column"
    r"|alter_column|rename_table|create_table_comment"
)
#: The SQL of generated scripts, which is about types of PostgreSQL.
_OF_TYPES: t.Final = re.compile(
    r"(ALTER|CREATE|DROP) TYPE |ALTER TABLE \S+ ALTER COLUMN ", re.IGNORECASE
)


def lost_statements(old: bytes, new: bytes) -> list[tuple[int, str]]:
    """Return the statements that a person wrote into a file and a new text lacks.

    The arguments of operations are not compared: the new ones replace them.

    :param old: the text of a revision file.
    :param new: the text that was generated to replace it.
    :return: the line and first line of text of each statement.
    """
    kept = {ast.dump(each) for each in ast.walk(ast.parse(new))}
    return [
        (statement.lineno, ast.unparse(statement).splitlines()[0])
        for statement in _written(ast.parse(old).body, is_module=True)
        if ast.dump(statement) not in kept
    ]


def _written(
    statements: cabc.Iterable[ast.stmt], is_module: bool = False
) -> cabc.Iterator[ast.stmt]:
    """Yield the statements that the generator does not write."""
    for statement in statements:
        match statement:
            case ast.FunctionDef(name=name) if is_module and _FUNCTION.match(name):
                yield from _written(statement.body)
            case ast.With() if _called(statement.items[0].context_expr) in _BLOCKS:
                yield from _written(statement.body)
            case ast.If() if not statement.orelse and _asks_dialect(statement.test):
                # On MySQL, values are converted by a statement of their own.
                if "'mysql'" not in ast.unparse(statement.test):
                    yield from _written(statement.body)
            case ast.Import() | ast.ImportFrom() if is_module:
                pass
            case _ if not _is_generated(statement, is_module):
                yield statement


def _is_generated(statement: ast.stmt, is_module: bool) -> bool:
    """Tell whether the generator writes such statements, with whatever arguments."""
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]):
            is_table = name == "rows" and _called(statement.value) == "table"
            return name in _VARIABLES if is_module else is_table
        case ast.AnnAssign(target=ast.Name(id=name)):
            return is_module and name in _VARIABLES
        case ast.Expr(value=ast.Call() as call) if not is_module:
            return _is_operation(call)
    return False


def _is_operation(call: ast.Call) -> bool:
    name, first = _called(call), next(iter(call.args), None)
    if name == "execute":
        if isinstance(first, ast.Constant):
            return bool(_OF_TYPES.match(str(first.value)))
        return first is not None and "rows" in _names(first)
    if name in ("create", "drop"):
        return first is not None and _called(first) == "get_bind"
    # A generated call may be a chain of them: 'f("CREATE")' is none.
    return bool(_OPERATION.fullmatch(name))


def _asks_dialect(test: ast.expr) -> bool:
    """Tell whether a condition is that of an operation for one kind of database."""
    return ".get_context().dialect.name " in ast.unparse(test)


def _called(node: ast.expr) -> str:
    """Return the name of the method that an expression calls; empty if it is none."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ""


def _names(node: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
