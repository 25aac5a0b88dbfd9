"""Describes differences between models and databases in words."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

_MODIFIED: t.Final = {
    "modify_nullable": "NULL or NOT NULL",
    "modify_type": "type",
    "modify_default": "default",
    "modify_comment": "comment",
}


def in_words(diffs: list[t.Any]) -> str:
    """Return differences as a list for people.

    :param diffs: as Alembic's ``compare_metadata`` returns them:
        https://alembic.sqlalchemy.org/en/latest/api/autogenerate.html
        #alembic.autogenerate.compare_metadata
    """
    flat = [each for diff in diffs for each in (diff if _is_list(diff) else [diff])]
    return ", ".join(map(_one, flat))


def _is_list(diff: t.Any) -> bool:
    return isinstance(diff, list)


def _one(diff: tuple[t.Any, ...]) -> str:
    kind, subject = diff[0], diff[1]
    if kind in _MODIFIED:
        return f"changed {_MODIFIED[kind]} of {_path(*diff[1:4])}"
    own = _own(kind, diff)
    if own is not None:
        return own
    verb, _, noun = str(kind).partition("_")
    verb = {"add": "added", "remove": "removed"}.get(verb, verb)
    if noun == "column":
        return f"{verb} column {_path(subject, diff[2], diff[3].name)}"
    if noun == "table_comment":
        return f"{verb} comment of table '{subject.fullname}'"
    if isinstance(subject, sa.Table):
        return f"{verb} table '{subject.fullname}'"
    if isinstance(subject, sa.Index | sa.Constraint):
        return f"{verb} {_part(subject)}"
    return f"{verb} {noun.replace('_', ' ')} {subject}"


def _own(kind: str, diff: tuple[t.Any, ...]) -> str | None:
    """Describe a difference that Alembic has no operation for; None for others."""
    if kind == "rename_table":
        return f"renamed table {_path(*diff[1:3])} to '{diff[3]}'"
    if kind == "rename_column":
        return f"renamed column {_path(*diff[1:4])} to '{diff[4]}'"
    if kind == "modify_options":
        changed = ", ".join(f"{name}={value}" for name, value in diff[3].items())
        return f"changed options of table {_path(*diff[1:3])} ({changed})"
    if kind == "modify_enum":
        return f"changed members of Enum '{diff[1]}'"
    return None


def _path(*names: str | None) -> str:
    return f"'{'.'.join(filter(None, names))}'"


def _part(part: sa.Index | sa.Constraint) -> str:
    """Name an index or a constraint by its name or its columns, and its table."""
    kinds = {
        sa.Index: "index",
        sa.UniqueConstraint: "unique constraint",
        sa.ForeignKeyConstraint: "foreign key",
        sa.CheckConstraint: "check constraint",
        sa.PrimaryKeyConstraint: "primary key",
    }
    kind = next((noun for cls, noun in kinds.items() if isinstance(part, cls)), "part")
    table = getattr(part, "table", None)
    columns = ", ".join(getattr(part, "columns", {}).keys())
    # A name by a convention is no plain string, and None is no name.
    name = f"'{part.name}'" if part.name else f"({columns})"
    return f"{kind} {name} of table '{'' if table is None else table.fullname}'"
