"""Checks rows against the constraints and types that a block gives a table.

Only constraints and types that the block adds or changes are checked: a row that broke
an old constraint before stays as it is.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import re

from ...value_classes import value_class
from ..ddl.expressions import without_schema
from ..ddl.meaning import describe
from ..ddl.meaning import meaning
from ..ddl.meaning import meanings
from ..ddl.quoting import always_quoted
from ..ddl.table import ColumnText
from ..ddl.table import ConstraintKind
from ..ddl.table import ConstraintText
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from ..error_codes import is_about_rows
from ..error_codes import is_verdict
from ..errors import ChangeRefused
from ..errors import RowsRefused
from ..schema.database import Database
from ..schema.database import trial
from ..schema.rows import any_row
from ..schema.rows import duplicates
from ..schema.rows import Offenders
from ..schema.rows import row_key
from ..schema.rows import RowKey
from ..schema.rows import rows_where
from ..target.target import Source
from ..target.target import Target
from ..target.value_types import holds_all_of
from ..target.value_types import misfit_condition


@value_class
class Rule:
    """A rule that every row has to fit.

    :param label: the name of the rule in a plan.
    :param condition: an SQL condition that is true for a row that does not fit.
    :param value: the expression to show of such a row, beside its key.
    :param refuse: makes the error for the rows that do not fit.
    """

    label: str
    condition: str
    value: str | None
    refuse: cabc.Callable[[Offenders], RowsRefused]


def check_rows(
    db: Database, target: Target, path: str, rules: cabc.Sequence[Rule]
) -> None:
    """Refuse rows that do not fit the new definition.

    :param path: the table to read, in SQL. It has the new columns and values, but not
        the new constraints, since SQLite would assume that they hold.
    :param rules: what :func:`rules_of` returns.
    :raises RowsRefused: gives the number of rows and the first of them.
    """
    if len(rules) > 1 and _all_fit(db, path, rules):
        return
    key = row_key(target.text)
    for rule in rules:
        misfitting = _where(db, target, path, key, rule)
        if misfitting:
            raise rule.refuse(misfitting)


def _where(
    db: Database, target: Target, path: str, key: RowKey, rule: Rule
) -> Offenders | None:
    try:
        return rows_where(db, path, key, rule.condition, rule.value)
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        condition = " ".join(rule.condition.split())
        raise ChangeRefused(
            f"Table '{target.before.name}': its rows cannot be checked for"
            f" {condition}: {error}",
            table=target.before.name,
        ) from error


def _all_fit(db: Database, path: str, rules: cabc.Sequence[Rule]) -> bool:
    """Tell whether every row fits all of the rules, in one pass over the rows."""
    try:
        return not any_row(db, path, [rule.condition for rule in rules])
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        # A condition cannot be computed; an earlier rule may be broken, too.
        return False


def rules_of(target: Target) -> tuple[Rule, ...]:
    """Return the rules of the new definition that stored rows may break."""
    return tuple(_rules(target))


def _rules(target: Target) -> cabc.Iterator[Rule]:
    for column, source in zip(target.text.columns, target.sources, strict=True):
        if _is_newly_required(target, column, source):
            yield _null_rule(target, column, source)
        if column.generated is None:
            yield from _type_rule(target, column, source)
    old = meanings(target.before.text, ConstraintKind.CHECK)
    changed = {upper(name) for name in changed_columns(target)}
    for check in target.text.of_kind(ConstraintKind.CHECK):
        if meaning(check) not in old or changed & check.names:
            yield _check_rule(target, check)


@contextlib.contextmanager
def explained_rows(db: Database, target: Target) -> cabc.Iterator[None]:
    """Replace an error of the driver about rows by one that names them.

    :raises RowsRefused: rows do not fit the new definition.
    """
    try:
        yield
    except db.driver_error as error:
        if not is_about_rows(error):
            raise
        raise _explain(db, target, error) from error


def _explain(db: Database, target: Target, error: Exception) -> RowsRefused:
    table = target.before.name
    for key in target.text.of_kind(ConstraintKind.PRIMARY_KEY, ConstraintKind.UNIQUE):
        equal_rows = _equal_rows(db, target, key)
        if equal_rows:
            old = meanings(target.before.text, key.kind)
            verb = "would not hold" if meaning(key) in old else "cannot be added"
            return RowsRefused(
                f"Table '{table}': {describe(key)} {verb}: {equal_rows} are equal",
                "Make them differ first.",
                table=table,
            )
    # The driver names the scratch table.
    cause = re.sub(r"\b_batchmigrate_copy_\d+\b", lambda _: table, str(error))
    return RowsRefused(
        f"Table '{table}': a row does not fit the new definition: {cause}",
        table=table,
    )


def _is_newly_required(target: Target, column: ColumnText, source: Source) -> bool:
    """Tell whether a column refuses NULL after the block, but not before."""
    required = column.not_null or _in_key(target, column.name)
    if not required or _is_alias(target, column.name):
        return False
    if source.origin is None or source.using is not None or column.generated:
        return True
    before = target.before.text
    was_in_key = any(same_name(source.origin, name) for name in before.primary_key)
    # SQLite accepts NULL in a primary key, unlike the SQL standard:
    # https://www.sqlite.org/quirks.html#primary_keys_can_sometimes_contain_nulls
    was_required = before.column(source.origin).not_null or (
        was_in_key and (before.without_rowid or not column.not_null)
    )
    return not was_required


def _null_rule(target: Target, column: ColumnText, source: Source) -> Rule:
    return Rule(
        f"NOT NULL of '{column.name}'",
        f"{always_quoted(column.name)} IS NULL",
        None,
        lambda found: _null_refused(target, column.name, found, source.origin is None),
    )


def is_newly_numbered(target: Target) -> bool:
    """Tell whether a stored column becomes the rowid, and was not before."""
    alias = target.text.rowid_alias
    if alias is None:
        return False
    source = target.source(alias)
    if source.origin is None:
        return False  # SQLite is to number the rows in a new column
    return source.using is not None or target.before.text.rowid_alias != source.origin


def check_numbering(db: Database, target: Target) -> None:
    """Refuse NULL in a stored column that becomes the rowid: SQLite would replace it.

    :raises RowsRefused: gives the number of rows and the first of them.
    """
    alias, stored = target.text.rowid_alias, target.before
    assert alias is not None
    source = target.source(alias)
    value = source.using or always_quoted(source.origin or "")
    path = f"{stored.path} AS {always_quoted(stored.name)}"
    null_rows = rows_where(db, path, row_key(stored.text), f"({value}\n) IS NULL")
    if null_rows:
        raise _null_refused(target, alias, null_rows, is_new=False)


def _null_refused(
    target: Target, column: str, null_rows: Offenders, is_new: bool
) -> RowsRefused:
    return RowsRefused(
        f"Table '{target.before.name}': column '{column}' cannot be NOT NULL, since it"
        f" would be NULL in {null_rows}"
        f"{' (it is new and has no default)' if is_new else ''}",
        "Give the column a server_default."
        if is_new
        else "Give these rows a value first.",
        table=target.before.name,
        column=column,
    )


def _type_rule(
    target: Target, column: ColumnText, source: Source
) -> cabc.Iterator[Rule]:
    if source.origin is None or source.keep_misfits:
        return
    value = always_quoted(column.name)
    condition = misfit(target, column, source, value)
    if condition is not None:
        yield Rule(
            f"type {column.type} of '{column.name}'",
            condition,
            value,
            lambda found: RowsRefused(
                f"Table '{target.before.name}': column '{column.name}' cannot become"
                f" {_called(column, source)}, which cannot hold {found}",
                "Correct these values first, or say in alter_column() how to convert"
                " them (sqlite_using='...') or that they stay as they are"
                " (sqlite_keep_values=True).",
                table=target.before.name,
                column=column.name,
            ),
        )


def _called(column: ColumnText, source: Source) -> str:
    """Return the name of a column's type; an enumeration is declared as another one."""
    if source.allowed is None:
        return column.type
    return f"Enum({', '.join(map(repr, source.allowed))})"


def non_members(db: Database, target: Target) -> list[str]:
    """Describe the values that an enumeration held neither before nor after a change.

    They are no reason to refuse the change, which does not make them worse.

    :param target: the table, after the change.
    """
    sentences = []
    for column, source in zip(target.text.columns, target.sources, strict=True):
        if source.allowed is None or source.allowed_before is None:
            continue
        known = _listed({*source.allowed, *source.allowed_before})
        value = always_quoted(column.name)
        condition = f"{value} IS NOT NULL AND {value} NOT IN ({known})"
        key = row_key(target.text)
        # The trial shows that nothing depends on what is found.
        with trial(db, "batchmigrate_non_members"):
            strange_rows = rows_where(db, target.before.path, key, condition, value)
        if strange_rows:
            sentences.append(
                f"column '{column.name}' of '{target.before.name}' has values that"
                f" are no members of {_called(column, source)}, and were not before:"
                f" {strange_rows}"
            )
    return sentences


def _listed(values: cabc.Iterable[str]) -> str:
    """Write texts as a list in SQL."""
    return ", ".join("'" + one.replace("'", "''") + "'" for one in sorted(values))


def misfit(
    target: Target, column: ColumnText, source: Source, value: str
) -> str | None:
    """Return the condition of values that do not fit; ``None`` if all fit.

    :param value: an SQL expression for the value.
    """
    if source.origin is None:
        return None
    if source.allowed is not None:
        condition = (
            f"{value} IS NOT NULL AND {value} NOT IN ({_listed(source.allowed)})"
        )
        if source.allowed_before is None or source.using is not None:
            return condition
        # The change does not make a value worse that was no member before.
        lost = set(source.allowed_before) - set(source.allowed)
        return f"{value} IN ({_listed(lost)})" if lost else None
    old = target.before.text.column(source.origin)
    if source.using is None and (
        upper(old.type) == upper(column.type) or holds_all_of(column.type, old.type)
    ):
        return None
    if upper(column.type) in ("INT", "INTEGER") and (
        target.text.strict or _is_alias(target, column.name)
    ):
        # SQLite knows no other type there, so a BIGINT is declared like this, too.
        return misfit_condition("BIGINT", value)
    return misfit_condition(column.type, value)


def _check_rule(target: Target, check: ConstraintText) -> Rule:
    return Rule(
        describe(check),
        f"NOT ({without_schema(check.expression or '')}\n)",
        None,
        lambda found: RowsRefused(
            f"Table '{target.before.name}': {describe(check)} does not hold for"
            f" {found}",
            "Correct these rows first.",
            table=target.before.name,
        ),
    )


def changed_columns(target: Target) -> list[str]:
    """Return the columns whose values or comparison a block may change."""
    changed: list[str] = []
    # How ANY stores a value depends on whether the table is STRICT.
    restricted = target.before.text.strict is not target.text.strict
    for column, source in zip(target.text.columns, target.sources, strict=True):
        if source.origin is None:
            continue
        old = target.before.text.column(source.origin)
        if source.using is None and old.text == column.text and not restricted:
            continue
        before = target.before.text.affinity(source.origin)
        if (
            source.using is not None
            or before is not target.text.affinity(column.name)
            or upper(old.collation or "") != upper(column.collation or "")
        ):
            changed.append(column.name)
    # Columns that are computed from a changed one change with it; a generated column
    # may be computed from one that comes after it.
    users: dict[str, list[str]] = {}
    for column in target.text.columns:
        for name in column.generated.names if column.generated else ():
            users.setdefault(name, []).append(column.name)
    known = set(changed)
    for name in changed:  # the loop extends this list
        for user in users.get(upper(name), ()):
            if user not in known:
                known.add(user)
                changed.append(user)
    return changed


def _in_key(target: Target, column: str) -> bool:
    return any(same_name(column, name) for name in target.text.primary_key)


def _is_alias(target: Target, column: str) -> bool:
    alias = target.text.rowid_alias
    return alias is not None and same_name(alias, column)


def _equal_rows(db: Database, target: Target, key: ConstraintText) -> Offenders:
    """Find rows with equal values of a key, as the new columns store them."""
    # A key may have a column twice, with different collations.
    names = list(dict.fromkeys(key.columns))
    sources = [target.source(name) for name in names]
    if any(source.origin is None for source in sources):
        return Offenders(0, ())
    values = [s.using or always_quoted(s.origin or "") for s in sources]
    columns = [
        f"{always_quoted(name)} {target.text.affinity(name).value}" for name in names
    ]
    collations = [term.collation for term in key.terms] or [None]
    terms = []
    for name, collation in zip(key.columns, collations, strict=True):
        collation = collation or target.text.column(name).collation
        suffix = f" COLLATE {always_quoted(collation)}" if collation else ""
        terms.append(always_quoted(name) + suffix)
    with trial(db, "batchmigrate_keys"):
        db.execute(f"CREATE TEMP TABLE _batchmigrate_keys ({', '.join(columns)})")
        db.execute(
            f"INSERT INTO temp._batchmigrate_keys SELECT {', '.join(values)} FROM"
            f" {target.before.path} AS {always_quoted(target.before.name)} NOT INDEXED"
        )
        return duplicates(db, "temp._batchmigrate_keys", terms)
