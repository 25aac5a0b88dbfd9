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
from .database import Database
from .database import is_verdict
from .database import trial
from .double_quotes import as_names
from .double_quotes import double_quoted
from .objects import parse_trigger
from .objects import parse_view
from .objects import TriggerText
from .positions import changes_places
from .positions import goes_by_place
from .positions import inserts_by_place
from .quoting import always_quoted
from .statements import explain
from .table import TableText
from .tokens import identifiers
from .tokens import Kind
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
    :param texts: what stands in double quotes and is text, since it is no column.
    :param body: the tokens of its SELECT, or of its condition and statements.
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
    for row in catalogue.of_type("trigger"):
        trigger = parse_trigger(row.sql or "")
        if upper(row.table) in names or names & _mentioned(trigger.body):
            found.append(_read_trigger(db, catalogue.schema, row.table, trigger))
    return tuple(found)


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
        elif columns := _turned(earlier, dependant):
            broken.append(
                f"{dependant} (its text in double quotes would become a column:"
                f" {', '.join(columns)})"
            )
        elif not renamed:
            lost = [
                c
                for c in earlier.columns
                if not any(same_name(c, d) for d in dependant.columns)
            ]
            if lost:
                broken.append(f"{dependant} (it selects {', '.join(lost)})")
    return tuple(broken)


def _turned(before: Dependant, after: Dependant) -> list[str]:
    """Return what was text in double quotes before a change, and is a column now."""
    quoted = double_quoted(after.body)
    return sorted((before.texts - after.texts) & quoted)


def silently_needing(
    dependants: tuple[Dependant, ...], table: str, column: str
) -> list[str]:
    """Return the dependants that need a column though compiling them shows nothing.

    SQLite accepts an ``UPDATE OF`` on a column that does not exist; such a trigger
    would never fire again. Without a column of its own, ``oid`` means the rowid:
    https://www.sqlite.org/lang_createtable.html#rowid. And what does not compile to
    begin with, for want of a function of the application, may name the column.
    """
    watching = [
        f"{d} (UPDATE OF {column})"
        for d in dependants
        if same_name(d.table, table) and any(same_name(column, c) for c in d.watched)
    ]
    for d in dependants:
        if upper(column) not in d.names:
            continue
        if d.error is not None:
            watching.append(f"{d}, which SQLite cannot compile here ({d.error})")
        elif upper(column) in _ROWIDS:
            watching.append(str(d))
    return watching


def misplaced(
    dependants: tuple[Dependant, ...], before: TableText, after: TableText
) -> list[str]:
    """Return the dependants that would take a column for the one that stood there.

    Where one does not compile, SQLite does not notice either that an ``INSERT`` without
    a list of columns has the wrong number of values.
    """
    moved = changes_places(before, after)
    other = [c.name for c in before.columns] != [c.name for c in after.columns]
    return [
        str(d)
        for d in dependants
        if (moved and goes_by_place(d.body, before.name))
        or (other and d.error is not None and inserts_by_place(d.body, before.name))
    ]


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
    words: set[str] = set()
    for token in tokenize(sql):
        cleaned = "".join(c if c.isalnum() or c == "_" else " " for c in token.text)
        words.update(cleaned.lower().split())
    return words


def _used_through_views(catalogue: Catalogue, table: str) -> set[str]:
    """Return the table and all views that are built on it, in upper case."""
    names = {upper(table)}
    views = {
        upper(v.name): _mentioned(parse_view(v.sql or "").body)
        for v in catalogue.of_type("view")
    }
    grown = True
    while grown:
        more = {v for v, used in views.items() if v not in names and used & names}
        names |= more
        grown = bool(more)
    return names


def _mentioned(body: tuple[Token, ...]) -> frozenset[str]:
    """Collect everything in a body that SQLite may take for the name of a table.

    It takes text in single quotes for one, too, wherever it needs a name:
    https://www.sqlite.org/lang_keywords.html
    """
    texts = (upper(unquote(token.text)) for token in body if token.kind is Kind.STRING)
    return identifiers(body) | frozenset(texts)


def _read_view(db: Database, schema: str, view: StoredObject) -> Dependant:
    path = qualified(schema, view.name)
    error = _compile(db, f"SELECT * FROM {path}")
    columns: tuple[str, ...] = ()
    if error is None:
        columns = tuple(_columns(db, schema, view.name))
    parsed = parse_view(view.sql or "")
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
    )


def _read_trigger(
    db: Database, schema: str, table: str, trigger: TriggerText
) -> Dependant:
    error = _compile_trigger(db, schema, trigger)
    strict_error, texts = error, frozenset[str]()
    if error is None and (trigger.update_of or double_quoted(trigger.body)):
        strict_error, texts = _compile_in_quotes(
            trigger.body, lambda names: _compile_strictly(db, schema, trigger, names)
        )
    return Dependant(
        "trigger",
        trigger.name,
        table,
        error,
        strict_error,
        watched=trigger.update_of,
        names=trigger.names,
        texts=texts,
        body=trigger.body,
    )


def _compile_in_quotes(
    body: tuple[Token, ...], compile_: cabc.Callable[[cabc.Collection[str]], str | None]
) -> tuple[str | None, frozenset[str]]:
    """Find out which names in double quotes are text.

    :param compile_: compiles the body with some of these names spelled so that they
        are names.
    :return: what SQLite says if all of them are, and those that it takes for text.
    """
    names = double_quoted(body)
    error = compile_(names)
    texts = names if error is not None else frozenset[str]()
    return error, frozenset(name for name in texts if compile_({name}) is not None)


def _compile_strictly(
    db: Database, schema: str, trigger: TriggerText, names: cabc.Collection[str]
) -> str | None:
    """Compile a trigger with names in double quotes spelled so that they are.

    It watches all columns: SQLite passes it over where it watches a generated one.
    """
    with trial(db, "batchmigrate_strictly"):
        try:
            db.execute(
                f"CREATE TEMP TRIGGER _batchmigrate_strict {trigger.timing}"
                f" {trigger.event} ON {qualified(schema, trigger.table)}"
                f" {as_names(trigger.body, names)}"
            )
        except db.driver_error as error:
            return _verdict(error)
        return _compile_trigger(db, schema, trigger)


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
