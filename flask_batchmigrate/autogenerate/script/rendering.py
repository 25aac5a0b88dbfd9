"""Writes types as Alembic does, for operations that Alembic does not write."""

from __future__ import annotations

import copy
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import conv

from .operations import plain_text


def type_text(autogen_context: t.Any, type_: sa.types.TypeEngine[t.Any]) -> str:
    """Return the text of a type, as Alembic writes it in a column of a script.

    Alembic has a public function for a whole operation only, not for a type.
    """
    column: sa.Column[t.Any] = sa.Column("x", type_)
    operation = ops.AddColumnOp("x", column)
    text = str(renderers.dispatch(operation)(autogen_context, operation))
    start = text.index("Column('x', ") + len("Column('x', ")
    return text[start : text.rindex(", nullable=")].strip()


def sql_text(
    autogen_context: t.Any, clause: sa.ClauseElement, is_server_default: bool = False
) -> str:
    """Return the SQL of a clause as ``sa.text()`` takes it in a script.

    Alembic writes it as it is sent: with per cent signs that a driver needs twice, and
    with colons that ``sa.text()`` would take for the beginning of a parameter.

    :param is_server_default: whether it is a default, which SQLite has in parentheses.
    """
    return plain_text(
        _sql(
            autogen_context.migration_context,
            clause,
            is_server_default=is_server_default,
        )
    ).text


def _sql(context: t.Any, clause: t.Any, **options: bool) -> str:
    """Return the SQL of a clause, without what a driver needs."""
    text = str(context.impl.render_ddl_sql_expr(clause, **options))
    return undoubled(text, context.dialect)


def undoubled(text: str, dialect: sa.Dialect) -> str:
    """Return SQL without the second of two per cent signs that a driver needs."""
    is_doubled = str(sa.text("%").compile(dialect=dialect)) == "%%"
    return text.replace("%%", "%") if is_doubled else text


def one_line(text: str, longest: int | None = None) -> str:
    """Return a text that fits in one line, as in a comment of a script.

    :param longest: the number of characters to keep; None for all.
    """
    line = "".join(
        each if each.isprintable() else repr(each)[1:-1]
        for each in " ".join(text.split())
    )
    if longest is None or len(line) <= longest:
        return line
    return f"{line[:longest]}..."


class Written(sa.ColumnElement[t.Any]):
    """A part of an index that Alembic writes into a script as it is.

    :param text: the text in the script.
    """

    inherit_cache = False

    def __init__(self, text: str) -> None:
        self.text = text


# https://docs.sqlalchemy.org/en/20/core/compiler.html
@compiles(Written)
def _compile_written(element: Written, compiler: t.Any, **options: t.Any) -> str:
    return element.text


def write_sql(context: t.Any, operations: ops.OpContainer) -> None:
    """Have the SQL in indexes and CHECKs written so that a script gives it back.

    :param context: Alembic's context of the database.
    :param operations: changed in place.
    """
    for position, operation in enumerate(operations.ops):
        if isinstance(operation, ops.OpContainer):
            write_sql(context, operation)
        elif isinstance(operation, ops.CreateIndexOp):
            operations.ops[position] = _written(context, operation)
        elif isinstance(operation, ops.CreateTableOp):
            operations.ops[position] = _with_checks(context, operation)


def _with_checks(context: t.Any, operation: ops.CreateTableOp) -> ops.CreateTableOp:
    written = copy.copy(operation)
    written.columns = [_with_written_check(context, item) for item in written.columns]
    return written


def _with_written_check(context: t.Any, item: t.Any) -> t.Any:
    if not isinstance(item, sa.CheckConstraint):
        return item
    written = copy.copy(item)
    sql = _sql(context, _escaped(item.sqltext))
    written.sqltext = t.cast(t.Any, Written(plain_text(sql).text))
    return written


def _written(context: t.Any, operation: ops.CreateIndexOp) -> ops.CreateIndexOp:
    written = copy.copy(operation)
    written.columns = [
        Written(_sql(context, _escaped(column), is_index=True))
        if _is_sql(column)
        else column
        for column in operation.columns
    ]
    written.kw = dict(operation.kw)
    for name, value in operation.kw.items():
        if name.endswith("_where") and isinstance(value, str):
            # SQLAlchemy reflects a condition so, and takes it for SQL.
            written.kw[name] = Written(plain_text(value).text)
        elif _is_sql(value) or (
            # Alembic would write a column, which is true or false, as its name.
            name.endswith("_where") and isinstance(value, sa.Column)
        ):
            written.kw[name] = Written(plain_text(_sql(context, _escaped(value))).text)
    return written


def _escaped(clause: t.Any) -> t.Any:
    """Return SQL in which a colon is no parameter, as it is in reflected SQL."""
    if isinstance(clause, sa.TextClause) and not any(clause.compile().params.values()):
        return plain_text(clause.text)
    # SQLAlchemy has a text in an order, such as DESC, and Alembic in an index.
    for name in ("element", "text"):
        inner = getattr(clause, name, None)
        if isinstance(inner, sa.ClauseElement):
            clause = copy.copy(clause)
            setattr(clause, name, _escaped(inner))
    return clause


def _is_sql(value: t.Any) -> bool:
    """Tell whether a part of an index is SQL, not a name."""
    named = (sa.Column, sa.Label, Written)
    return isinstance(value, sa.ClauseElement) and not isinstance(value, named)


def final_check_name(type_: t.Any, autogen_context: t.Any) -> str | t.Literal[False]:
    """Return the text of a type whose check has a name that no convention may change.

    The metadata may have another naming convention when the script is run, or none when
    it is written and one later; what the script makes must not depend on that.

    :return: False for any other type, which Alembic writes correctly.
    """
    if not isinstance(type_, (sa.Boolean, sa.Enum)) or not type_.create_constraint:
        return False
    name = type_.name
    is_final = isinstance(name, conv) or not _renames_checks(autogen_context.metadata)
    if name is None or not is_final:
        return False
    sqlalchemy = autogen_context.opts["sqlalchemy_module_prefix"] or ""
    alembic = autogen_context.opts["alembic_module_prefix"] or ""
    text, argument = f"{sqlalchemy}{type_!r}", f"name={str(name)!r}"
    return text.replace(argument, f"name={alembic}f({str(name)!r})")


def _renames_checks(metadata: t.Any) -> bool:
    """Tell whether the naming convention of a metadata changes names of checks."""
    conventions = getattr(metadata, "naming_convention", None) or {}
    convention = conventions.get("ck", conventions.get(sa.CheckConstraint, ""))
    return "constraint_name" in convention
