"""What depends on a table from outside: views, triggers, virtual tables.

SQLite checks their text only when it is used, so a change can break one without an
error. Here each is compiled (``EXPLAIN``, nothing runs) before and after.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses

from .catalogue import Catalogue
from .catalogue import qualified
from .catalogue import StoredObject
from .catalogue import understood
from .database import Database
from .database import is_verdict
from .database import trial
from .objects import parse_trigger
from .objects import parse_view
from .objects import TriggerText
from .quoting import always_quoted
from .statements import explain
from .tokens import identifiers
from .tokens import may_name
from .tokens import same_name
from .tokens import Token
from .tokens import tokenize
from .tokens import unquote
from .tokens import upper

_ROWIDS = frozenset({"ROWID", "_ROWID_", "OID"})


@dataclasses.dataclass(frozen=True, slots=True)
class Dependant:
    """A view or trigger that uses a table, directly or through a view.

    :param error: what SQLite says when it compiles it; ``None`` where it is sound.
    :param strict_error: the same if no name in double quotes may be text. SQLite takes
        one for text where it is no column:
        https://www.sqlite.org/quirks.html#double_quoted_string_literals_are_accepted
    :param columns: the columns of a view.
    :param watched: the columns of ``UPDATE OF``, where a trigger names any.
    :param names: every name in its text.
    """

    type: str
    name: str
    table: str
    error: str | None
    strict_error: str | None = None
    columns: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()

    def __str__(self) -> str:
        if self.type == "trigger":
            return f"trigger '{self.name}' on '{self.table}'"
        return f"view '{self.name}'"


def read_dependants(
    db: Database, catalogue: Catalogue, table: str
) -> tuple[Dependant, ...]:
    """Compile every view and trigger that uses a table.

    :param table: the table's name.
    """
    return _read(db, catalogue, _used_through_views(catalogue, table))


def broken_objects(db: Database, catalogue: Catalogue) -> tuple[Dependant, ...]:
    """Return the views and triggers of a schema that SQLite cannot compile.

    Any of them stops SQLite's own RENAME and DROP COLUMN, on whatever table:
    https://www.sqlite.org/lang_altertable.html#compatibility
    """
    names = {upper(o.name) for o in catalogue.objects if o.type in ("table", "view")}
    return tuple(d for d in _read(db, catalogue, names) if d.error is not None)


def _read(
    db: Database, catalogue: Catalogue, names: cabc.Set[str]
) -> tuple[Dependant, ...]:
    """Compile every view of these names, and every trigger that mentions one.

    :param names: names of tables and views, in upper case.
    """
    found = []
    for view in catalogue.of_type("view"):
        if upper(view.name) in names:
            found.append(_read_view(db, catalogue.schema, view))
    triggers = []
    for row in catalogue.of_type("trigger"):
        if upper(row.table) not in names and not _may_name(row, names):
            continue
        trigger = understood(catalogue, parse_trigger, row)
        if upper(row.table) in names or names & _mentioned(row):
            triggers.append((row.table, trigger))
    errors = _compile_triggers(db, catalogue.schema, [one for _, one in triggers])
    sound = _sound_strictly(db, catalogue.schema, [one for _, one in triggers], errors)
    for table, trigger in triggers:
        error = errors[_fired_by(trigger)]
        strict = None if sound else _strict_error(db, catalogue.schema, trigger, error)
        found.append(_as_dependant(table, trigger, error, strict or error))
    return tuple(found)


def _may_name(o: StoredObject, names: cabc.Iterable[str]) -> bool:
    """Tell whether a text may name one of these, without reading it closely."""
    return any(may_name(o.sql or "", name) for name in names)


def newly_broken(
    before: tuple[Dependant, ...],
    after: tuple[Dependant, ...],
    *,
    renamed: bool = False,
) -> tuple[str, ...]:
    """Say which dependants a change has broken, each with the reason.

    A view that lost a column counts as broken: it was one of ``SELECT *``.

    :param renamed: whether the change gave columns other names, in views too.
    """
    sound = {(d.type, d.name): d for d in before if d.error is None}
    broken = []
    for dependant in after:
        earlier = sound.get((dependant.type, dependant.name))
        if earlier is None:
            continue
        if dependant.error is not None:
            broken.append(f"{dependant} ({dependant.error})")
        elif earlier.strict_error is None and dependant.strict_error is not None:
            broken.append(f"{dependant} ({dependant.strict_error})")
        elif not renamed:
            lost = [
                c
                for c in earlier.columns
                if not any(same_name(c, d) for d in dependant.columns)
            ]
            if lost:
                broken.append(f"{dependant} (it selects {', '.join(lost)})")
    return tuple(broken)


def silently_needing(
    dependants: tuple[Dependant, ...], table: str, column: str
) -> list[str]:
    """Return the dependants that need a column though SQLite would not complain.

    It accepts an ``UPDATE OF`` on a column that does not exist; such a trigger would
    never fire again. And without a column of its own, ``oid`` means the rowid:
    https://www.sqlite.org/lang_createtable.html#rowid
    """
    watching = [
        f"{d} (UPDATE OF {column})"
        for d in dependants
        if same_name(d.table, table) and any(same_name(column, c) for c in d.watched)
    ]
    if upper(column) not in _ROWIDS:
        return watching
    return watching + [str(d) for d in dependants if upper(column) in d.names]


def virtual_tables_naming(catalogue: Catalogue, table: str, *columns: str) -> list[str]:
    """Return the other virtual tables whose definition mentions all of the names.

    An FTS5 table with ``content='t'`` reads ``t`` by that name.
    """
    found = []
    for row in catalogue.of_type("table"):
        if row.sql is None or not row.sql.lower().startswith("create virtual"):
            continue
        words = _argument_words(row.sql)
        mentioned = all(name.lower() in words for name in (table, *columns))
        if mentioned and not same_name(row.name, table):
            found.append(f"virtual table '{row.name}'")
    return found


def _argument_words(sql: str) -> set[str]:
    """Return every word of a virtual table's arguments, quoted or not."""
    # Each module has a grammar of its own, so the text is not split into tokens.
    cleaned = "".join(c if c.isalnum() or c == "_" else " " for c in sql)
    return set(cleaned.lower().split())


def _used_through_views(catalogue: Catalogue, table: str) -> set[str]:
    """Return the table and all views that are built on it, in upper case."""
    names = {upper(table)}
    left = list(catalogue.of_type("view"))
    new = names
    while new:
        using = {
            upper(v.name)
            for v in left
            if _may_name(v, new) and understood(catalogue, parse_view, v).names & new
        }
        left = [v for v in left if upper(v.name) not in using]
        new = using - names
        names = names | new
    return names


def _mentioned(row: StoredObject) -> frozenset[str]:
    return identifiers(tokenize(row.sql or ""))


def _read_view(db: Database, schema: str, view: StoredObject) -> Dependant:
    path = qualified(schema, view.name)
    error = _compile(db, f"SELECT * FROM {path}")
    columns: tuple[str, ...] = ()
    if error is None:
        columns = tuple(_columns(db, schema, view.name))
    parsed = parse_view(view.sql or "")
    body = parsed.body
    strict_error = error
    if error is None and _has_double_quotes(body):
        strict_error = _compile(db, f"SELECT * FROM ({_strictly(body)})")
    return Dependant(
        "view",
        view.name,
        view.table,
        error,
        strict_error,
        columns,
        names=parsed.names,
    )


_Firing = tuple[str, str]
"""A table and the event that fires triggers on it."""


def _fired_by(trigger: TriggerText) -> _Firing:
    return upper(trigger.table), trigger.event


def _compile_triggers(
    db: Database, schema: str, triggers: cabc.Sequence[TriggerText]
) -> dict[_Firing, str | None]:
    """Compile what fires each of these triggers.

    The statement compiles all triggers that it fires at once, so one statement says of
    all of them what it says of each.
    """
    firing = {_fired_by(trigger): trigger for trigger in triggers}
    return {key: _compile_trigger(db, schema, one) for key, one in firing.items()}


def _sound_strictly(
    db: Database,
    schema: str,
    triggers: cabc.Sequence[TriggerText],
    errors: cabc.Mapping[_Firing, str | None],
) -> bool:
    """Tell whether all of the triggers compile where no name in quotes may be text."""
    asked = [one for one in triggers if errors[_fired_by(one)] is None]
    asked = [one for one in asked if _may_hold_text(one)]
    if not asked:
        return True
    with trial(db, "batchmigrate_strictly"):
        try:
            for number, trigger in enumerate(asked):
                _create_strictly(db, schema, trigger, number)
        except db.driver_error as error:
            _verdict(error)
            return False
        found = _compile_triggers(db, schema, asked).values()
        return all(error is None for error in found)


def _may_hold_text(trigger: TriggerText) -> bool:
    return bool(trigger.update_of) or _has_double_quotes(trigger.body)


def _strict_error(
    db: Database, schema: str, trigger: TriggerText, error: str | None
) -> str | None:
    if error is not None or not _may_hold_text(trigger):
        return error
    return _compile_strictly(db, schema, trigger)


def _as_dependant(
    table: str, trigger: TriggerText, error: str | None, strict_error: str | None
) -> Dependant:
    return Dependant(
        "trigger",
        trigger.name,
        table,
        error,
        strict_error,
        watched=trigger.update_of,
        names=trigger.names,
    )


def _compile_strictly(db: Database, schema: str, trigger: TriggerText) -> str | None:
    """Compile a trigger with its names in double quotes spelled so that they are.

    It watches all columns: SQLite passes it over where it watches a generated one.
    """
    with trial(db, "batchmigrate_strictly"):
        try:
            _create_strictly(db, schema, trigger)
        except db.driver_error as error:
            return _verdict(error)
        return _compile_trigger(db, schema, trigger)


def _create_strictly(
    db: Database, schema: str, trigger: TriggerText, number: int = 0
) -> None:
    db.execute(
        f"CREATE TEMP TRIGGER _batchmigrate_strict_{number} {trigger.timing}"
        f" {trigger.event} ON {qualified(schema, trigger.table)}"
        f" {_strictly(trigger.body)}"
    )


def _has_double_quotes(body: tuple[Token, ...]) -> bool:
    return any(token.text.startswith('"') for token in body)


def _strictly(body: tuple[Token, ...]) -> str:
    """Write a body with back quotes for double quotes: they never hold text."""
    return " ".join(
        "`" + unquote(token.text).replace("`", "``") + "`"
        if token.text.startswith('"')
        else token.text
        for token in body
    )


def _compile_trigger(db: Database, schema: str, trigger: TriggerText) -> str | None:
    """Compile a statement that fires the trigger."""
    path = qualified(schema, trigger.table)
    if trigger.event == "INSERT":
        return _compile(db, f"INSERT INTO {path} DEFAULT VALUES")
    if trigger.event == "DELETE":
        return _compile(db, f"DELETE FROM {path}")
    try:
        columns = _columns(db, schema, trigger.table)
    except db.driver_error as error:
        return _verdict(error)
    settings = ", ".join(f"{always_quoted(c)} = {always_quoted(c)}" for c in columns)
    return _compile(db, f"UPDATE {path} SET {settings}")


def _columns(db: Database, schema: str, name: str) -> list[str]:
    """Return the columns of a table or view that hold values of their own."""
    rows = db.execute(
        "SELECT name FROM pragma_table_xinfo(?, ?) WHERE hidden = 0", (name, schema)
    )
    return [row[0] for row in rows]


def _compile(db: Database, statement: str) -> str | None:
    try:
        db.execute(explain(statement))
    except db.driver_error as error:
        return _verdict(error)
    return None


def _verdict(error: Exception) -> str:
    """Return what SQLite says against a statement; any other error is raised."""
    if not is_verdict(error):
        raise error
    return str(error)
