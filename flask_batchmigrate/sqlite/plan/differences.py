"""Compares the definitions of a table before and after a block."""

from __future__ import annotations

import collections
import typing as t

from ..ddl.meaning import meanings
from ..ddl.meaning import only_in
from ..ddl.meaning import spelling
from ..ddl.table import Affinity
from ..ddl.table import ColumnText
from ..ddl.table import ConstraintKind
from ..ddl.table import ConstraintText
from ..ddl.table import TableText
from ..ddl.tokens import CLOCK_WORDS
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from ..target.target import Source
from ..target.target import Target
from ..target.value_types import holds_literal
from .ways import Difference
from .ways import FILLED

_KEYS: t.Final = (ConstraintKind.PRIMARY_KEY, ConstraintKind.UNIQUE)


def differences(target: Target) -> tuple[Difference, ...]:
    """Compare the definitions before and after a block."""
    compared: list[Difference] = []
    before, after = target.before.text, target.text
    if target.copy_wanted:
        compared.append(Difference("asked for", after.name))
    compared += _columns(target)
    compared += _keys(before, after)
    for kind in (ConstraintKind.CHECK, ConstraintKind.FOREIGN_KEY):
        compared += _constraints(before, after, kind)
    compared += _options(before, after)
    dropped, added = target.dropped_columns, target.added_columns
    if _texts(before, dropped) != _texts(after, added) and (
        _spellings(before, dropped) != _spellings(after, added)
    ):
        compared.append(Difference("constraint respelled", after.name))
    return tuple(compared)


def _spellings(
    text: TableText, left_out: tuple[str, ...]
) -> collections.Counter[tuple[str, ...]]:
    """Count how each constraint is written, with its name and clauses.

    :param left_out: columns whose own constraints do not count.
    """
    return collections.Counter(spelling(c) for c in _texts(text, left_out))


def _texts(text: TableText, left_out: tuple[str, ...]) -> list[str]:
    ignored = set(left_out)
    return [
        c.text
        for c in text.all_constraints
        if c.kind not in (ConstraintKind.DEFAULT, ConstraintKind.GENERATED)
        and c.column not in ignored
    ]


def _columns(target: Target) -> list[Difference]:
    compared: list[Difference] = []
    before, after = target.before.text, target.text
    dropped = set(map(upper, target.dropped_columns))
    for name in target.dropped_columns:
        rule = before.column(name).generated
        virtual = rule is not None and not rule.stored
        case = "virtual column dropped" if virtual else "column dropped"
        compared.append(Difference(case, name))
    for column, source in zip(after.columns, target.sources, strict=True):
        if source.origin is None:
            if upper(column.name) in dropped:
                compared.append(Difference("name used again", column.name))
            filled = source.using is not None
            case = FILLED if filled else _added(target, column)
            compared.append(Difference(case, column.name))
        else:
            old = before.column(source.origin)
            compared += [
                Difference(case, column.name)
                for case in _changed(target, old, column, source)
            ]
    if not _in_order(target):
        compared.append(Difference("order of columns", after.name))
    elif [s.origin for s in target.sources] != _appended(target):
        compared.append(Difference("place of a virtual column", after.name))
    return compared


def _appended(target: Target) -> list[str | None]:
    """Return the origins that the columns would have if new ones came last."""
    origins = [s.origin for s in target.sources]
    named = set(origins)
    kept = [c.name for c in target.before.text.columns if c.name in named]
    return [*kept, *([None] * (len(origins) - len(kept)))]


def _in_order(target: Target) -> bool:
    """Tell whether stored columns keep their order and new ones come last."""
    stored = target.before.text.places
    places = []
    for column, source in zip(target.text.columns, target.sources, strict=True):
        rule = column.generated
        if rule is not None and not rule.stored:
            continue
        places.append(
            len(stored) if source.origin is None else stored[upper(source.origin)]
        )
    return places == sorted(places)


def _added(target: Target, column: ColumnText) -> str:
    """Return the case for adding a column.

    See https://www.sqlite.org/lang_altertable.html#alter_table_add_column
    """
    rule = column.generated
    if rule is not None:
        if rule.stored:
            return "stored column"
        if column.not_null or _is_checked(target, column):
            return "virtual column, checked"
        if any(c.mentions(column.name) for c in target.text.of_kind(*_KEYS)):
            return "virtual column, indexed"
        return "virtual column added"
    if column.of_kind(ConstraintKind.PRIMARY_KEY):
        return "column with a key added"
    default = column.default
    constant = default is None or is_constant(default)
    null = default is None or upper(default) == "NULL"
    if not constant or (column.not_null and null):
        return FILLED
    if column.of_kind(ConstraintKind.FOREIGN_KEY) and not null:
        return FILLED
    if target.text.strict and column.of_kind(ConstraintKind.CHECK):
        return FILLED
    if target.text.strict and not holds_literal(column.type, default or "NULL"):
        return FILLED
    return "column added"


def _is_checked(target: Target, column: ColumnText) -> bool:
    checks = target.text.of_kind(ConstraintKind.CHECK)
    return any(check.mentions(column.name) for check in checks)


def is_constant(default: str) -> bool:
    """Tell whether a default is a literal, the same for every row."""
    return not default.startswith("(") and upper(default) not in CLOCK_WORDS


def _changed(
    target: Target, old: ColumnText, new: ColumnText, source: Source
) -> list[str]:
    if source.using is None and old.text == new.text:
        return []
    cases = []
    computed = bool(old.generated or new.generated)
    if source.using is not None:
        cases.append("type of a computed column" if computed else "conversion")
    if upper(old.type) != upper(new.type):
        cases.append(_type_case(target, old, new))
    if old.not_null is not new.not_null:
        cases.append("NOT NULL set" if new.not_null else "NOT NULL dropped")
    if old.default != new.default:
        cases.append("default")
    if upper(old.collation or "BINARY") != upper(new.collation or "BINARY"):
        used = _in_use(target, old) or _in_use(target, new)
        cases.append("collation, in use" if used else "collation")
    cases += _generated_cases(target, old, new)
    return cases


def _type_case(target: Target, old: ColumnText, new: ColumnText) -> str:
    before, after = target.before.text, target.text
    if _numbers_rows(target, old, new):
        return "type of a key"
    pair = {before.affinity(old.name), after.affinity(new.name)}
    if before.strict or after.strict:
        integers = {upper(old.type), upper(new.type)} <= {"INT", "INTEGER"}
        alike = integers or {upper(old.type), upper(new.type)} == {"ANY", ""}
    else:
        alike = len(pair) == 1 or pair == {Affinity.INTEGER, Affinity.NUMERIC}
    if alike:
        return "type, same storage"
    computed = old.generated or new.generated
    return "type of a computed column" if computed else "type, other storage"


def _numbers_rows(target: Target, old: ColumnText, new: ColumnText) -> bool:
    """Tell whether a change of type makes a column the rowid, or no longer the rowid.

    SQLite also numbers automatic indexes differently if the primary key is an
    ``INTEGER``, even in a WITHOUT ROWID table.
    """
    aliases = (target.before.text.rowid_alias, target.text.rowid_alias)
    concerned = any(
        alias is not None and same_name(alias, column.name)
        for alias, column in zip(aliases, (old, new), strict=True)
    )
    in_key = any(same_name(new.name, name) for name in target.text.primary_key)
    is_integer = [upper(column.type) == "INTEGER" for column in (old, new)]
    return (aliases[0] != aliases[1] and concerned) or (
        in_key and is_integer[0] is not is_integer[1]
    )


def _generated_cases(target: Target, old: ColumnText, new: ColumnText) -> list[str]:
    first, second = old.generated, new.generated
    if first is None and second is None:
        return []
    if first is None or second is None or first.stored or second.stored:
        same = (
            first is not None
            and second is not None
            and first.stored is second.stored
            and _same_expression(first, second)
        )
        return [] if same else ["stored column"]
    if _same_expression(first, second):
        return []
    if new.not_null:
        return ["virtual column, checked"]
    used = _in_use(target, old) or _in_use(target, new)
    return ["virtual column, indexed" if used else "virtual expression"]


def _same_expression(first: ConstraintText, second: ConstraintText) -> bool:
    return spelling(first.expression or "") == spelling(second.expression or "")


def _in_use(target: Target, column: ColumnText) -> bool:
    """Tell whether an index, a key or an expression depends on a column."""
    indexes = (*target.before.indexes, *target.new_indexes)
    if any(index.mentions(column.name) for index in indexes):
        return True
    for text in (target.before.text, target.text):
        for constraint in text.of_kind(
            ConstraintKind.PRIMARY_KEY,
            ConstraintKind.UNIQUE,
            ConstraintKind.CHECK,
            ConstraintKind.FOREIGN_KEY,
        ):
            if constraint.mentions(column.name):
                return True
        for other in text.columns:
            rule = other.generated
            if (
                rule is not None
                and not same_name(other.name, column.name)
                and rule.mentions(column.name)
            ):
                return True
    return False


def _keys(before: TableText, after: TableText) -> list[Difference]:
    key = Difference("key", after.name)
    # The order of keys counts: SQLite numbers the indexes that it makes for them.
    if meanings(before, *_KEYS) != meanings(after, *_KEYS):
        found = _constraints(before, after, ConstraintKind.UNIQUE)
        return found if found and _same_rows(before, after) else [key]
    if before.rowid_alias is None and after.rowid_alias is not None:
        return [key]
    return []


def _same_rows(before: TableText, after: TableText) -> bool:
    """Tell whether both definitions identify rows by the same rowid and primary key."""
    kind = ConstraintKind.PRIMARY_KEY
    return (
        not before.without_rowid
        and not after.without_rowid
        and before.rowid_alias == after.rowid_alias
        and meanings(before, kind) == meanings(after, kind)
    )


def _constraints(
    before: TableText, after: TableText, kind: ConstraintKind
) -> list[Difference]:
    if before.of_kind(kind) == after.of_kind(kind):
        return []
    changed = [("added", c) for c in only_in(after, before, kind)]
    changed += [("dropped", c) for c in only_in(before, after, kind)]
    return [
        Difference(f"{kind.value} {verb}", c.name or " ".join(c.text.split()))
        for verb, c in changed
    ]


def _options(before: TableText, after: TableText) -> list[Difference]:
    compared = []
    if before.without_rowid is not after.without_rowid:
        compared.append(Difference("WITHOUT ROWID", after.name))
    if before.strict and not after.strict:
        any_column = any(upper(c.type) == "ANY" for c in after.columns)
        case = "STRICT dropped, ANY" if any_column else "STRICT dropped"
        compared.append(Difference(case, after.name))
    if after.strict and not before.strict:
        compared.append(Difference("STRICT set", after.name))
    if before.autoincrement is not after.autoincrement:
        word = "set" if after.autoincrement else "dropped"
        compared.append(Difference(f"AUTOINCREMENT {word}", after.name))
    return compared
