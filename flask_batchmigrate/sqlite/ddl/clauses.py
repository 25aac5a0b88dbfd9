"""Reads the constraints of a CREATE TABLE statement, on columns and on the table.

The grammar is SQLite's own, which allows more than its diagrams show: constraints in
any order and any number, names without a constraint after them, and a ``DEFERRABLE``
that is not next to its foreign key.

See https://www.sqlite.org/syntax/column-constraint.html and
https://www.sqlite.org/syntax/table-constraint.html.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import typing as t

from ..errors import SqlTextError
from .constraints import ConstraintKind
from .constraints import ConstraintText
from .constraints import ForeignKeyText
from .expressions import column_names
from .expressions import read_term
from .expressions import split
from .expressions import Term
from .reader import Reader
from .reader import Span
from .tokens import CLOCK_WORDS
from .tokens import JOIN_WORDS
from .tokens import Kind
from .tokens import Token
from .tokens import unquote
from .tokens import upper


class _Fields(t.TypedDict, total=False):
    """The fields that a clause sets in its :class:`ConstraintText`."""

    columns: tuple[str, ...]
    terms: tuple[Term, ...]
    expression: str | None
    value: str | None
    collation: str | None
    conflict: str | None
    order: str | None
    autoincrement: bool
    stored: bool
    references: ForeignKeyText | None
    names: frozenset[str]
    detail_span: Span | None


_CONFLICTS = ("ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE")
_TABLE_STARTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")


def at_table_constraint(reader: Reader) -> bool:
    """Tell whether a constraint of the table comes next, not a column.

    :param reader: a reader where either may begin.
    """
    return reader.keyword() in _TABLE_STARTS


def read_column_constraints(reader: Reader, column: str) -> tuple[ConstraintText, ...]:
    """Read all constraints written on a column.

    :param reader: a reader behind the column's type.
    :param column: the column's name.
    :return: the constraints in their order. A foreign key has the effect of a later
        ``DEFERRABLE``.
    :raises SqlTextError: if something else comes before the next comma or the closing
        parenthesis.
    """
    found: list[ConstraintText] = []
    while reader.peek() is not None:
        if reader.at_symbol(",") or reader.at_symbol(")"):
            break
        constraint = _read(reader, column)
        found.append(constraint)
        if constraint.kind is ConstraintKind.DEFERRABLE:
            _defer_last(reader, found)
    return tuple(found)


def _defer_last(reader: Reader, found: list[ConstraintText]) -> None:
    """Apply a separate ``DEFERRABLE`` to the foreign key it belongs to.

    SQLite applies it to the last foreign key of the whole statement, which may be one
    of another column: :func:`check_deferrables` looks for that.
    """
    clause = found[-1]
    for index in range(len(found) - 1, -1, -1):
        references = found[index].references
        if references is not None:
            deferrable, initially = _read_deferrable(_reread(reader, clause))
            found[index] = dataclasses.replace(
                found[index],
                references=dataclasses.replace(
                    references, deferrable=deferrable, initially_deferred=initially
                ),
            )
            return


def _reread(reader: Reader, clause: ConstraintText) -> Reader:
    return Reader(clause.body_span.of(reader.sql))


def check_deferrables(
    reader: Reader, columns: cabc.Iterable[cabc.Sequence[ConstraintText]]
) -> None:
    """Refuse a ``DEFERRABLE`` that changes a foreign key of another column.

    The next edit might make it belong to another foreign key. In a table without any
    before it, as in ``UNIQUE DEFERRABLE``, it has no effect.

    :param reader: the reader of the whole statement.
    :param columns: the constraints of each column.
    :raises SqlTextError: there is one.
    """
    deferred: bool | None = None
    for constraints in columns:
        own = False
        for clause in constraints:
            if clause.references is not None:
                deferred, own = clause.references.initially_deferred, True
            elif clause.kind is ConstraintKind.DEFERRABLE and not own:
                _, initially = _read_deferrable(_reread(reader, clause))
                if deferred not in (None, initially):
                    raise SqlTextError(
                        f"A DEFERRABLE on column '{clause.column}', which has no"
                        " foreign key and means that of another column",
                        reader.sql,
                        clause.span.start,
                    )


def read_table_constraint(reader: Reader) -> ConstraintText:
    """Read one constraint of the table.

    :param reader: a reader in front of it.
    :raises SqlTextError: if there is none.
    """
    return _read(reader, None)


def _read(reader: Reader, column: str | None) -> ConstraintText:
    start = reader.offset
    name: Token | None = None
    body = start
    if reader.accept("CONSTRAINT"):
        name = reader.name("a constraint")
        body = reader.offset
    kind, fields = _read_body(reader, column, named=name is not None)
    end = reader.last_end
    if kind is ConstraintKind.NAME_ONLY:
        body = end
    if column is not None and kind is not ConstraintKind.NAME_ONLY:
        fields.setdefault("columns", (column,))
    own = frozenset(map(upper, fields.get("columns", ())))
    fields["names"] = own | fields.get("names", frozenset())
    return ConstraintText(
        kind=kind,
        text=reader.sql[start:end],
        name=unquote(name.text) if name is not None else None,
        column=column,
        span=Span(start, end),
        name_span=Span(name.start, name.end) if name is not None else None,
        body_span=Span(body, end),
        **fields,
    )


def _read_body(
    reader: Reader, column: str | None, *, named: bool
) -> tuple[ConstraintKind, _Fields]:
    clauses = _TABLE_CLAUSES if column is None else _COLUMN_CLAUSES
    for words, kind, read in clauses:
        if reader.accept(*words):
            return kind, read(reader)
    if named:
        return ConstraintKind.NAME_ONLY, {}
    where = "the table" if column is None else f"column '{column}'"
    raise reader.error(f"Expected a constraint of {where}")


def _read_conflict(reader: Reader) -> str | None:
    if not reader.accept("ON", "CONFLICT"):
        return None
    word = reader.accept_any(*_CONFLICTS)
    if word is None:
        raise reader.error("Expected what to do on a conflict")
    return word


def _conflict_only(reader: Reader) -> _Fields:
    return {"conflict": _read_conflict(reader)}


def _column_primary_key(reader: Reader) -> _Fields:
    order = reader.accept_any("ASC", "DESC")
    conflict = _read_conflict(reader)
    autoincrement = reader.accept("AUTOINCREMENT")
    return {"order": order, "conflict": conflict, "autoincrement": autoincrement}


def _table_key(reader: Reader) -> _Fields:
    group = reader.group()
    tokens = group.tokens
    autoincrement = bool(tokens) and tokens[-1].keyword == "AUTOINCREMENT"
    if autoincrement:
        tokens = tokens[:-1]
    terms: list[Term] = []
    columns: list[str] = []
    for piece in split(tokens):
        term = read_term(reader.sql, piece) if piece else None
        if term is None or term.column is None:
            message = "A key that is not made of columns"
            raise SqlTextError(message, reader.sql, group.span.start)
        terms.append(term)
        columns.append(term.column)
    if not terms:
        raise SqlTextError("A key without columns", reader.sql, group.span.start)
    return {
        "terms": tuple(terms),
        "columns": tuple(columns),
        "conflict": _read_conflict(reader),
        "autoincrement": autoincrement,
    }


def _column_check(reader: Reader) -> _Fields:
    group = reader.group()
    return {
        "expression": group.text,
        "detail_span": group.span,
        "names": column_names(group.tokens),
    }


def _table_check(reader: Reader) -> _Fields:
    fields = _column_check(reader)
    fields["conflict"] = _read_conflict(reader)
    return fields


def _generated(reader: Reader) -> _Fields:
    fields = _column_check(reader)
    fields["stored"] = reader.accept_any("STORED", "VIRTUAL") == "STORED"
    return fields


def _default(reader: Reader) -> _Fields:
    start = reader.offset
    if reader.at_symbol("("):
        group = reader.group()
        return {
            "value": group.span.of(reader.sql),
            "expression": group.text,
            "detail_span": group.span,
        }
    signed = reader.accept_symbol("+") or reader.accept_symbol("-")
    token = reader.take()
    literal = (
        token.kind in (Kind.NUMBER, Kind.BLOB, Kind.STRING)
        or token.keyword == "NULL"
        or token.keyword in CLOCK_WORDS
    )
    word = not signed and token.is_name and token.keyword not in JOIN_WORDS
    if not literal and not word:
        reader.position -= 1
        raise reader.error("Expected the value of a DEFAULT")
    span = Span(start, token.end)
    return {"value": span.of(reader.sql), "detail_span": span}


def _collate(reader: Reader) -> _Fields:
    token = reader.name("a collation")
    return {
        "collation": unquote(token.text),
        "detail_span": Span(token.start, token.end),
    }


def _names_in_parentheses(reader: Reader, what: str) -> tuple[str, ...]:
    reader.expect_symbol("(")
    names = [unquote(reader.name(what).text)]
    while reader.accept_symbol(","):
        names.append(unquote(reader.name(what).text))
    reader.expect_symbol(")")
    return tuple(names)


def _table_foreign_key(reader: Reader) -> _Fields:
    columns = _names_in_parentheses(reader, "a column")
    reader.expect("REFERENCES")
    fields = _references(reader)
    fields["columns"] = columns
    return fields


_ACTIONS = (
    ("SET", "NULL"),
    ("SET", "DEFAULT"),
    ("CASCADE",),
    ("RESTRICT",),
    ("NO", "ACTION"),
)


def _references(reader: Reader) -> _Fields:
    table = reader.name("the parent table")
    columns: tuple[str, ...] = ()
    if reader.at_symbol("("):
        columns = _names_in_parentheses(reader, "a column of the parent table")
    actions: dict[str, str] = {}
    match: str | None = None
    while True:
        if reader.accept("MATCH"):
            match = unquote(reader.name("a MATCH").text)
        elif reader.at("ON") and reader.keyword(1) in ("DELETE", "UPDATE", "INSERT"):
            reader.take()
            event = reader.take().keyword
            actions[event] = _read_action(reader)
        else:
            break
    deferrable = initially = False
    if reader.at("DEFERRABLE") or reader.at("NOT", "DEFERRABLE"):
        deferrable, initially = _read_deferrable(reader)
    key = ForeignKeyText(
        table=unquote(table.text),
        columns=columns,
        on_delete=actions.get("DELETE"),
        on_update=actions.get("UPDATE"),
        match=match,
        deferrable=deferrable,
        initially_deferred=initially,
        table_span=Span(table.start, table.end),
    )
    return {"references": key}


def _read_action(reader: Reader) -> str:
    for words in _ACTIONS:
        if reader.accept(*words):
            return " ".join(words)
    raise reader.error("Expected the action of a foreign key")


def _read_deferrable(reader: Reader) -> tuple[bool, bool]:
    """Read ``[NOT] DEFERRABLE [INITIALLY ...]``.

    :return: whether it says ``DEFERRABLE``, and whether the key is deferred.
    """
    denied = reader.accept("NOT")
    reader.expect("DEFERRABLE")
    initially = False
    if reader.accept("INITIALLY"):
        word = reader.accept_any("DEFERRED", "IMMEDIATE")
        if word is None:
            raise reader.error("Expected DEFERRED or IMMEDIATE")
        initially = word == "DEFERRED"
    return not denied, initially and not denied


def _separate_deferrable(reader: Reader) -> _Fields:
    # The words by which this clause was found belong to it.
    reader.position -= 1
    if reader.position and reader.keyword(-1) == "NOT":
        reader.position -= 1
    _read_deferrable(reader)
    return {}


_Clause = tuple[tuple[str, ...], ConstraintKind, t.Callable[[Reader], _Fields]]

_COLUMN_CLAUSES: tuple[_Clause, ...] = (
    (("DEFAULT",), ConstraintKind.DEFAULT, _default),
    (("NULL",), ConstraintKind.NULL, _conflict_only),
    (("NOT", "NULL"), ConstraintKind.NOT_NULL, _conflict_only),
    (("PRIMARY", "KEY"), ConstraintKind.PRIMARY_KEY, _column_primary_key),
    (("UNIQUE",), ConstraintKind.UNIQUE, _conflict_only),
    (("CHECK",), ConstraintKind.CHECK, _column_check),
    (("REFERENCES",), ConstraintKind.FOREIGN_KEY, _references),
    (("COLLATE",), ConstraintKind.COLLATE, _collate),
    (("GENERATED", "ALWAYS", "AS"), ConstraintKind.GENERATED, _generated),
    (("AS",), ConstraintKind.GENERATED, _generated),
    (("DEFERRABLE",), ConstraintKind.DEFERRABLE, _separate_deferrable),
    (("NOT", "DEFERRABLE"), ConstraintKind.DEFERRABLE, _separate_deferrable),
)

_TABLE_CLAUSES: tuple[_Clause, ...] = (
    (("PRIMARY", "KEY"), ConstraintKind.PRIMARY_KEY, _table_key),
    (("UNIQUE",), ConstraintKind.UNIQUE, _table_key),
    (("CHECK",), ConstraintKind.CHECK, _table_check),
    (("FOREIGN", "KEY"), ConstraintKind.FOREIGN_KEY, _table_foreign_key),
)
