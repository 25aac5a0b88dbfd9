"""Compiles views and triggers, to learn which of them SQLite accepts.

SQLite checks their text only when it is used. Here each is compiled by ``EXPLAIN``,
which runs nothing.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses

from ...value_classes import value_class
from ..ddl.objects import parse_view
from ..ddl.objects import TriggerText
from ..ddl.quoting import always_quoted
from ..ddl.statements import explain
from ..ddl.tokens import Token
from ..ddl.tokens import upper
from ..error_codes import is_verdict
from .catalogue import Catalogue
from .catalogue import qualified
from .catalogue import StoredObject
from .catalogue import understood
from .database import Database
from .database import trial
from .double_quotes import as_names
from .double_quotes import double_quoted
from .natural_joins import natural_columns


@value_class
class Dependant:
    """A view or trigger that uses a table, directly or through a view.

    :param error: SQLite's message when it compiles it; ``None`` where it accepts it.
    :param strict_error: the same if names in double quotes cannot be text. SQLite takes
        such a name for text where no column has it:
        https://www.sqlite.org/quirks.html#double_quoted_string_literals_are_accepted
    :param columns: the columns of a view.
    :param watched: the columns of ``UPDATE OF``, where a trigger names any.
    :param names: every name in its text.
    :param texts: the names in double quotes that are text, since no column has them.
    :param body: the tokens of its SELECT, or of its condition and statements.
    :param natural: the columns by which its NATURAL JOINs join.
    """

    type: str
    name: str
    table: str
    error: str | None
    strict_error: str | None = None
    columns: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    body: tuple[Token, ...] = ()
    natural: frozenset[str] = frozenset()

    def __str__(self) -> str:
        if self.type == "trigger":
            return f"trigger '{self.name}' on '{self.table}'"
        return f"view '{self.name}'"


def compile_view(db: Database, catalogue: Catalogue, view: StoredObject) -> Dependant:
    """Compile a view of the catalogue.

    :raises SqlTextError: its text is not understood.
    """
    schema = catalogue.schema
    path = qualified(schema, view.name)
    error = _compile(db, f"SELECT * FROM {path}")
    columns: tuple[str, ...] = ()
    if error is None:
        columns = tuple(_columns(db, schema, view.name))
    parsed = understood(catalogue, parse_view, view)
    body = parsed.body
    strict_error, texts = error, frozenset[str]()
    if error is None and double_quoted(body):

        def compile_(names: cabc.Collection[str]) -> str | None:
            return _compile(db, f"SELECT * FROM ({as_names(body, names)})")

        strict_error, texts = _compile_in_quotes(body, compile_)
    return Dependant(
        "view",
        view.name,
        view.table,
        error,
        strict_error,
        columns,
        names=parsed.names,
        texts=texts,
        body=body,
        natural=natural_columns(db, schema, body),
    )


def compile_triggers(
    db: Database, schema: str, triggers: cabc.Sequence[tuple[str, TriggerText]]
) -> list[Dependant]:
    """Compile triggers by as few statements as possible.

    :param triggers: the name of each one's table as the catalogue has it, and its text.
    """
    texts = [one for _, one in triggers]
    errors = _compile_triggers(db, schema, texts)
    described = [
        _described(db, schema, table, one, errors[_fired_by(one)])
        for table, one in triggers
    ]
    sound = [one for one in texts if errors[_fired_by(one)] is None]
    asked = list(_uncertain(db, schema, sound))
    if _sound_strictly(db, schema, asked):
        return described
    uncertain = set(map(id, asked))
    return [
        _read_strictly(db, schema, text, one) if id(text) in uncertain else one
        for one, text in zip(described, texts, strict=True)
    ]


_Firing = tuple[str, str]
"""A table and the event that fires triggers on it."""


def _fired_by(trigger: TriggerText) -> _Firing:
    return upper(trigger.table), trigger.event


def _compile_triggers(
    db: Database, schema: str, triggers: cabc.Sequence[TriggerText]
) -> dict[_Firing, str | None]:
    """Compile a statement for each event that fires some of these triggers.

    SQLite compiles all triggers of the event with it, so the answer is one for all.
    """
    firing = {_fired_by(trigger): trigger for trigger in triggers}
    return {key: _compile_trigger(db, schema, one) for key, one in firing.items()}


def _uncertain(
    db: Database, schema: str, triggers: cabc.Iterable[TriggerText]
) -> cabc.Iterator[TriggerText]:
    """Return the triggers for which it is not enough to compile a statement.

    They have names in double quotes, or they watch columns that no statement can set.
    """
    settable: dict[str, set[str]] = {}
    for trigger in triggers:
        key = upper(trigger.table)
        if trigger.update_of and key not in settable:
            settable[key] = set(map(upper, _columns(db, schema, trigger.table)))
        unfired = trigger.update_of and settable[key].isdisjoint(
            map(upper, trigger.update_of)
        )
        if unfired or double_quoted(trigger.body):
            yield trigger


def _sound_strictly(
    db: Database, schema: str, triggers: cabc.Sequence[TriggerText]
) -> bool:
    """Tell whether triggers compile where no name in double quotes may be text."""
    if not triggers:
        return True
    with trial(db, "batchmigrate_strictly"):
        try:
            for number, trigger in enumerate(triggers):
                names = double_quoted(trigger.body)
                _create_strictly(db, schema, trigger, names, number)
        except db.driver_error as error:
            _verdict(error)
            return False
        errors = _compile_triggers(db, schema, triggers).values()
        return all(error is None for error in errors)


def _described(
    db: Database, schema: str, table: str, trigger: TriggerText, error: str | None
) -> Dependant:
    return Dependant(
        "trigger",
        trigger.name,
        table,
        error,
        error,
        watched=trigger.update_of,
        names=trigger.names,
        body=trigger.body,
        natural=natural_columns(db, schema, trigger.body),
    )


def _read_strictly(
    db: Database, schema: str, trigger: TriggerText, dependant: Dependant
) -> Dependant:
    """Find out which names in double quotes are text in a trigger."""
    error, texts = _compile_in_quotes(
        trigger.body, lambda names: _compile_strictly(db, schema, trigger, names)
    )
    return dataclasses.replace(dependant, strict_error=error, texts=texts)


def _compile_in_quotes(
    body: tuple[Token, ...], compile_: cabc.Callable[[cabc.Collection[str]], str | None]
) -> tuple[str | None, frozenset[str]]:
    """Find out which names in double quotes are text.

    :param compile_: compiles the body; it gets those that cannot be text.
    :return: SQLite's message if none of them can be text, and those that are text.
    """
    names = double_quoted(body)
    error = compile_(names)
    texts = names if error is not None else frozenset[str]()
    return error, frozenset(name for name in texts if compile_({name}) is not None)


def _compile_strictly(
    db: Database, schema: str, trigger: TriggerText, names: cabc.Collection[str]
) -> str | None:
    """Compile a trigger in which some names in double quotes cannot be text.

    The compiled one watches all columns: SQLite ignores one on a generated column.
    """
    with trial(db, "batchmigrate_strictly"):
        try:
            _create_strictly(db, schema, trigger, names)
        except db.driver_error as error:
            return _verdict(error)
        return _compile_trigger(db, schema, trigger)


def _create_strictly(
    db: Database,
    schema: str,
    trigger: TriggerText,
    names: cabc.Collection[str],
    number: int = 0,
) -> None:
    db.execute(
        f"CREATE TEMP TRIGGER _batchmigrate_strict_{number} {trigger.timing}"
        f" {trigger.event} ON {qualified(schema, trigger.table)}"
        f" {as_names(trigger.body, names)}"
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
    """Return SQLite's message about a statement; any other error is raised."""
    if not is_verdict(error):
        raise error
    return str(error)
