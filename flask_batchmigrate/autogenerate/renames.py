"""Renames: declared, given on the command line, or confirmed; never guessed."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import difflib
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from ..errors import BatchMigrateError
from ..errors import NOTHING_WRITTEN
from .request import Request

_DECLARED: t.Final = "renamed_from"


@dataclasses.dataclass(frozen=True, slots=True)
class Rename:
    """One rename.

    :param table: the table of a column, by the name that it has in the models; None
        for the rename of a table.
    :param old: the name in the database.
    :param new: the name in the models.
    :param schema: the schema of the table.
    """

    table: str | None
    old: str
    new: str
    schema: str | None = None

    @property
    def option(self) -> str:
        """What ``--rename`` takes for it."""
        place = f"{self.table}." if self.table is not None else ""
        return f"{place}{self.old}:{self.new}"

    @property
    def what(self) -> str:
        """What is renamed."""
        return "table" if self.table is None else "column"


class RenameTable(ops.RenameTableOp):
    """A table gets another name."""

    def reverse(self) -> RenameTable:
        """Return the way back."""
        return RenameTable(self.new_table_name, self.table_name, schema=self.schema)

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that it comes from."""
        return ("rename_table", self.schema, self.table_name, self.new_table_name)


class RenameColumn(ops.AlterColumnOp):
    """A column gets another name."""

    def reverse(self) -> RenameColumn:
        """Return the way back."""
        return RenameColumn(
            self.table_name,
            t.cast("str", self.modify_name),
            schema=self.schema,
            modify_name=self.column_name,
            existing_type=self.existing_type,
            existing_nullable=self.existing_nullable,
            existing_server_default=self.existing_server_default,
        )

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that it comes from."""
        names = self.column_name, self.modify_name
        return ("rename_column", self.schema, self.table_name, *names)


@renderers.dispatch_for(RenameTable)
def _render(autogen_context: t.Any, operation: RenameTable) -> str:
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    schema = f", schema={str(operation.schema)!r}" if operation.schema else ""
    names = f"{str(operation.table_name)!r}, {str(operation.new_table_name)!r}"
    return f"{prefix}rename_table({names}{schema})"


def told(
    request: Request,
    tables: cabc.Mapping[tuple[str | None, str], sa.Table],
    stored: cabc.Callable[[str | None, str], cabc.Collection[str] | None],
) -> list[Rename]:
    """Return the renames that are declared in the models, or given by options.

    :param tables: those of the models.
    :param stored: returns the columns of a table of the database; None without one.
    :raises BatchMigrateError: an option names what there is not.
    """
    found = [_parse(text, tables, stored) for text in request.renames]
    given = {(each.table, each.new) for each in found}
    for (schema, name), table in tables.items():
        old = table.info.get(_DECLARED)
        if (
            old is not None
            and (None, name) not in given
            and stored(schema, name) is None
            and stored(schema, str(old)) is not None
        ):
            found.append(Rename(None, str(old), name, schema))
    renamed = {(r.schema, r.new): r.old for r in found if r.table is None}
    for (schema, name), table in tables.items():
        declared = [c for c in table.columns if _DECLARED in c.info]
        if not declared:
            continue
        columns = stored(schema, renamed.get((schema, name), name)) or ()
        for column in declared:
            old = str(column.info.get(_DECLARED))
            new = str(column.name)
            if (
                old in columns
                and new not in columns
                and old not in table.columns
                and (name, new) not in given
            ):
                found.append(Rename(name, str(old), new, schema))
    return found


def _parse(
    text: str,
    tables: cabc.Mapping[tuple[str | None, str], sa.Table],
    stored: cabc.Callable[[str | None, str], cabc.Collection[str] | None],
) -> Rename:
    """Read what ``--rename`` was given."""
    left, colon, new = text.partition(":")
    table, dot, old = left.rpartition(".")
    if not (colon and new and old):
        raise BatchMigrateError(
            f"'--rename {text}' is not understood",
            "Write '<table>.<old>:<new>' for a column, '<old>:<new>' for a table.",
            state=NOTHING_WRITTEN,
        )
    new = new.rpartition(".")[2]
    places = {name: schema for schema, name in tables}
    if not dot:
        if new not in places:
            raise _unknown(text, f"the models have no table '{new}'")
        if stored(places[new], old) is None:
            raise _unknown(text, f"the database has no table '{old}'")
        return Rename(None, old, new, places[new])
    if table not in places:
        raise _unknown(text, f"the models have no table '{table}'")
    schema = places[table]
    if new not in tables[schema, table].columns:
        raise _unknown(text, f"the model has no column '{table}.{new}'")
    columns = stored(schema, table)
    if columns is not None and old not in columns:
        raise _unknown(text, f"the database has no column '{table}.{old}'")
    return Rename(table, old, new, schema)


def _unknown(text: str, why: str) -> BatchMigrateError:
    return BatchMigrateError(
        f"'--rename {text}': {why}", "Correct the option.", state=NOTHING_WRITTEN
    )


def likely(
    operations: cabc.Iterable[ops.MigrateOperation],
    request: Request,
    declined: set[Rename],
) -> list[Rename]:
    """Return the renames that a person confirms, of those that look like one.

    :param operations: what leads from the database to the models otherwise.
    :param declined: what the person said no to; added to.
    :raises BatchMigrateError: nobody is there to ask.
    """
    if request.no_rename:
        return []
    everything = list(operations)
    tables = _candidates(
        [o for o in everything if isinstance(o, ops.DropTableOp)],
        [o for o in everything if isinstance(o, ops.CreateTableOp)],
        lambda o: o.table_name,
        _same_table,
    )
    renames = [Rename(None, a.table_name, b.table_name, b.schema) for a, b in tables]
    confirmed = _ask(renames, request, declined)
    for each in everything:
        if isinstance(each, ops.ModifyTableOps):
            pairs = _candidates(
                [o for o in each.ops if isinstance(o, ops.DropColumnOp)],
                [o for o in each.ops if isinstance(o, ops.AddColumnOp)],
                lambda o: getattr(o, "column_name", None) or o.column.name,
                _same_column,
            )
            renames = [
                Rename(each.table_name, a.column_name, str(b.column.name), each.schema)
                for a, b in pairs
            ]
            confirmed += _ask(renames, request, declined)
    return confirmed


def _candidates(
    gone: list[t.Any],
    new: list[t.Any],
    name: cabc.Callable[[t.Any], str],
    same: cabc.Callable[[t.Any, t.Any], bool],
) -> list[tuple[t.Any, t.Any]]:
    """Return pairs that look like a rename, those with the likest names first."""
    pairs = [(a, b) for a in gone for b in new if same(a, b)]

    def likeness(pair: tuple[t.Any, t.Any]) -> float:
        old, new = (name(each).lower() for each in pair)
        return difflib.SequenceMatcher(None, old, new).ratio()

    return sorted(pairs, key=likeness, reverse=True)


def _same_column(gone: t.Any, new: t.Any) -> bool:
    """Tell whether two columns could be one: by family of types, NULL and keys."""
    old, column = gone.to_column(), new.column
    return (
        old.name != column.name
        and _family(old.type) is _family(column.type)
        and bool(old.nullable) == bool(column.nullable)
        and isinstance(old.server_default, sa.Computed)
        == isinstance(column.server_default, sa.Computed)
    )


def _same_table(gone: t.Any, new: t.Any) -> bool:
    """Tell whether two tables could be one: most columns are the same."""
    old, table = gone.to_table(), new.to_table()
    columns = [
        {(c.name, _family(c.type)) for c in each.columns} for each in (old, table)
    ]
    common = columns[0] & columns[1]
    return 2 * len(common) > max(map(len, columns)) or columns[0] == columns[1]


def _family(type_: t.Any) -> type[t.Any] | None:
    """Return what the values of a type are in Python; None where nobody says."""
    try:
        python = type_.python_type
    except NotImplementedError:
        return None
    return str if issubclass(python, str) else t.cast("type[t.Any]", python)


def _ask(
    candidates: list[Rename], request: Request, declined: set[Rename]
) -> list[Rename]:
    """Return the candidates that a person confirms; each name is used once."""
    confirmed: list[Rename] = []
    for each in candidates:
        if any(each.old == other.old or each.new == other.new for other in confirmed):
            continue
        if each in declined:
            continue
        old = each.old if each.table is None else f"{each.table}.{each.old}"
        answer = request.questioner.is_rename(each.what, old, each.new)
        if answer is None:
            raise BatchMigrateError(
                f"Was {each.what} '{old}' renamed to '{each.new}'? A drop would lose "
                "what it holds",
                f"If it was, run the command with '--rename {each.option}'; if not, "
                "with '--no-rename'.",
                state=NOTHING_WRITTEN,
            )
        if answer:
            confirmed.append(each)
        else:
            declined.add(each)
    return confirmed


def in_steps(renames: cabc.Sequence[Rename]) -> list[Rename]:
    """Put the renames of one kind and table in an order in which each name is free.

    A name that has to be free before it is taken goes by way of another.
    """
    left = {each.old: each for each in renames}
    steps: list[Rename] = []
    while left:
        free = [old for old, each in left.items() if each.new not in left]
        if free:
            steps.append(left.pop(free[0]))
            continue
        old, each = next(iter(left.items()))
        between = f"{old}__renamed"
        del left[old]
        steps.append(dataclasses.replace(each, new=between))
        left[between] = dataclasses.replace(each, old=between)
    return steps
