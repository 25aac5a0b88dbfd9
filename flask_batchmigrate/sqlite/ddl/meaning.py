"""Compares constraints by what they mean, apart from names and spelling."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import functools
import typing as t

from .table import ConstraintKind
from .table import ConstraintText
from .table import TableText
from .tokens import Kind
from .tokens import quote
from .tokens import same_name
from .tokens import significant
from .tokens import tokenize
from .tokens import unquote
from .tokens import upper

DROPPABLE = (
    ConstraintKind.PRIMARY_KEY,
    ConstraintKind.UNIQUE,
    ConstraintKind.CHECK,
    ConstraintKind.FOREIGN_KEY,
)
"""The kinds that other databases call constraints; others belong to a column."""


Renames: t.TypeAlias = tuple[tuple[str, str], ...]
"""Old and new names of columns, in the order in which a block has renamed them."""


def former(constraint: ConstraintText, renames: Renames) -> list[ConstraintText]:
    """Return a constraint with each of the names that its columns had during a block.

    :param renames: the renames that the block made before the constraint was read.
    :return: the oldest first.
    """
    versions = [constraint]
    for old, new in reversed(renames):
        last = versions[-1]
        if not last.mentions(new):
            continue
        back = {upper(new): old}
        names = {upper(back.get(name, name)) for name in last.names}
        expression = last.expression
        versions.append(
            dataclasses.replace(
                last,
                columns=tuple(back.get(upper(c), c) for c in last.columns),
                expression=expression and respelled(expression, back),
                text=respelled(last.text, back),
                column=last.column and back.get(upper(last.column), last.column),
                names=frozenset(names),
            )
        )
    return versions[::-1]


def respelled(text: str, names: cabc.Mapping[str, str]) -> str:
    """Replace names in a text.

    :param names: the new names by the old ones, which are folded.
    """
    return "".join(
        quote(names[upper(unquote(token.text))])
        if token.kind in (Kind.WORD, Kind.QUOTED)
        and upper(unquote(token.text)) in names
        else token.text
        for token in tokenize(text)
    )


def as_table_constraint(constraint: ConstraintText) -> str:
    """Write a constraint of a column as one of its table."""
    column = constraint.column
    if column is None or constraint.kind is ConstraintKind.CHECK:
        return constraint.text
    name = "" if constraint.name is None else f"CONSTRAINT {quote(constraint.name)} "
    if constraint.kind is ConstraintKind.FOREIGN_KEY:
        start = constraint.body_span.start - constraint.span.start
        body = constraint.text[start:]
        key = constraint.references
        if key and key.initially_deferred and "DEFERRED" not in spelling(body):
            body += " DEFERRABLE INITIALLY DEFERRED"  # a separate clause says so
        return f"{name}FOREIGN KEY ({quote(column)}) {body}"
    conflict = f" ON CONFLICT {constraint.conflict}" if constraint.conflict else ""
    return f"{name}{constraint.kind.value} ({quote(column)}){conflict}"


def describe(constraint: ConstraintText) -> str:
    """Return the words for a constraint in a message."""
    kind = constraint.kind.value
    if constraint.name is not None:
        return f"{kind} '{constraint.name}'"
    place = "" if constraint.column is None else f" of column '{constraint.column}'"
    return f"the unnamed {' '.join(constraint.text.split())}{place}"


def same_meaning(first: ConstraintText, second: ConstraintText) -> bool:
    """Tell whether two constraints say the same, apart from names and spelling."""
    return first.kind is second.kind and meaning(first) == meaning(second)


def same_label(first: ConstraintText, second: ConstraintText) -> bool:
    """Tell whether two constraints have the same name."""
    return (
        first.name is not None
        and second.name is not None
        and same_name(first.name, second.name)
    )


def is_repeated(present: ConstraintText, wanted: ConstraintText) -> bool:
    """Tell whether a constraint has no effect beside one that the table has.

    Neither has a name, so no script can tell them apart either.
    """
    if present.name is not None or wanted.name is not None:
        return False
    return same_meaning(present, wanted) and wanted.conflict in (None, present.conflict)


def same_relation(first: ConstraintText, second: ConstraintText) -> bool:
    """Tell whether two foreign keys have the same columns and the same parent."""
    if first.kind is not ConstraintKind.FOREIGN_KEY or second.kind is not first.kind:
        return False
    # The first three are the columns, the parent and its columns.
    return meaning(first)[:3] == meaning(second)[:3]


def is_reflected_as(first: ConstraintText, second: ConstraintText) -> bool:
    """Tell whether SQLAlchemy reflects two constraints as one."""
    if first.kind is ConstraintKind.UNIQUE and second.kind is first.kind:
        return meaning(first)[1] == meaning(second)[1]
    return same_relation(first, second)


def meaning(constraint: ConstraintText) -> tuple[object, ...]:
    """Return the meaning of a constraint as a value to compare with others."""
    columns = tuple(upper(c) for c in constraint.columns)
    if constraint.kind is ConstraintKind.CHECK:
        return ("CHECK", *spelling(constraint.expression or ""))
    if constraint.kind is ConstraintKind.FOREIGN_KEY:
        key = constraint.references
        if key is None:
            return (columns,)
        parents = tuple(upper(c) for c in key.columns)
        actions = (_action(key.on_delete), _action(key.on_update))
        return (columns, upper(key.table), parents, actions, key.initially_deferred)
    terms = tuple(
        (upper(term.collation or ""), "DESC" if term.order == "DESC" else "ASC")
        for term in constraint.terms
    )
    if not terms:
        terms = (("", "DESC" if constraint.order == "DESC" else "ASC"),)
    return (constraint.kind, columns, terms)


def meanings(text: TableText, *kinds: ConstraintKind) -> list[tuple[object, ...]]:
    """Return what the constraints of these kinds say, in the order of the text."""
    return [meaning(constraint) for constraint in text.of_kind(*kinds)]


def only_in(
    text: TableText, other: TableText, *kinds: ConstraintKind
) -> list[ConstraintText]:
    """Return the constraints of a text that say what no constraint of another says.

    :param kinds: the kinds to look at.
    """
    said = meanings(other, *kinds)
    return [c for c in text.of_kind(*kinds) if meaning(c) not in said]


@functools.lru_cache(maxsize=4096)
def spelling(expression: str) -> tuple[str, ...]:
    """Return the tokens of an expression, with names and keywords folded."""
    folded = []
    for token in significant(tokenize(expression)):
        if token.kind in (Kind.WORD, Kind.QUOTED):
            folded.append(upper(unquote(token.text)))
        else:
            folded.append(token.text)
    return tuple(folded)


def _action(action: str | None) -> str:
    return action or "NO ACTION"
