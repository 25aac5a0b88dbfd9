"""Counts the rows of the database that would make a generated script fail.

The script may run on other databases as well, so it is written all the same, with a
comment before each operation that such rows would make fail.
"""

from __future__ import annotations

import collections.abc as cabc
import re
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN
from ...reporting import reporter
from ...sqlite.errors import counted
from ..choices.fills import FillColumn
from ..choices.fills import Nothing
from ..choices.stored_names import Place
from ..choices.stored_names import StoredNames
from ..request import Request
from ..script.concurrent import said_of_late_index
from ..script.operations import AddCheck
from ..script.operations import plain_text
from ..script.rendering import one_line
from .conversion_checks import Conversions
from .conversions import AlterColumn
from .given_keys import GivenKeys
from .row_values import RowValues


class Misfit(ops.MigrateOperation):
    """A comment in the script about the rows that make the next operation fail.

    :param text: a sentence without its full stop.
    """

    #: It goes where the next operation goes.
    is_comment: t.Final = True

    def __init__(self, text: str) -> None:
        self.text = text

    def reverse(self) -> Nothing:
        """Return an operation that does nothing: the downgrade has no such rows."""
        return Nothing()

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return a description of the comment."""
        return ("misfit", self.text)


@renderers.dispatch_for(Misfit)
def _render(autogen_context: t.Any, operation: Misfit) -> str:
    return f"# When this was generated, {one_line(operation.text)}."


def mark_misfits(
    upgrade: ops.UpgradeOps, request: Request, connection: sa.Connection
) -> None:
    """Put a comment before each operation that rows make fail, and warn of the rows.

    :param upgrade: the operations, whose constraints all have names; changed in place.
    :param request: says how values are converted to other types.
    :param connection: a connection to the database before the upgrade.
    :raises BatchMigrateError: values change, which the request does not allow, or an
        option is wrong.
    """
    conversions = Conversions(request, connection)
    counter = _Counter(upgrade, connection, conversions)
    misfits: list[str] = []
    late: list[str] = []

    def mark(container: t.Any) -> None:
        marked: list[ops.MigrateOperation] = []
        for operation in container.ops:
            if isinstance(operation, ops.ModifyTableOps):
                mark(operation)
            elif (text := counter.misfit(operation)) is not None:
                misfits.append(text)
                late.append(said_of_late_index(operation, connection.dialect))
                marked.append(Misfit(text))
            marked.append(operation)
        container.ops[:] = marked

    mark(upgrade)
    conversions.conclude()
    refused = [text for text in misfits if text not in conversions.changed]
    if refused:
        reporter().warning(
            f"An upgrade of this database would be refused: {'; '.join(refused)}. "
            "Change these rows first, here and wherever the script is run"
            f"{conversions.advice}." + "".join(late)
        )


def _place(operation: t.Any) -> Place:
    return operation.schema, operation.table_name


def _column_names(parts: cabc.Iterable[t.Any]) -> tuple[str, ...] | None:
    """Return the columns of a constraint or an index; None if it has expressions."""
    names = []
    for part in parts:
        if not isinstance(part, (str, sa.Column)):
            return None
        names.append(part if isinstance(part, str) else str(part.name))
    return tuple(names)


class _Counter:
    """Counts rows by the names that the database uses.

    :param upgrade: the operations, which may rename and add tables and columns.
    """

    def __init__(
        self,
        upgrade: ops.UpgradeOps,
        connection: sa.Connection,
        conversions: Conversions,
    ) -> None:
        self._connection = connection
        self._conversions = conversions
        self._values = RowValues(upgrade)
        self._stored = StoredNames(upgrade.ops)
        #: Tables and columns that the database does not have yet.
        self._new: set[tuple[Place, str | None]] = set()
        #: Columns whose values get another type before they are compared.
        self._retyped: set[tuple[Place, str | None]] = set()
        #: The columns of constraints and indexes that the script drops.
        self._dropped: set[tuple[Place, tuple[str, ...]]] = set()
        for operation in upgrade.ops:
            if isinstance(operation, ops.CreateTableOp):
                self._new.add(((operation.schema, operation.table_name), None))
            for inner in (
                operation.ops if isinstance(operation, ops.ModifyTableOps) else ()
            ):
                self._note(inner)
        new_tables = {each for each in self._new if each[1] is None}
        self._keys = GivenKeys(
            connection, self._values, self._stored, self._retyped | new_tables
        )

    def _note(self, operation: ops.MigrateOperation) -> None:
        if isinstance(operation, ops.AddColumnOp):
            self._new.add((_place(operation), str(operation.column.name)))
        elif (
            isinstance(operation, ops.AlterColumnOp)
            and operation.modify_type is not None
        ):
            self._retyped.add((_place(operation), operation.column_name))
        elif isinstance(operation, (ops.DropConstraintOp, ops.DropIndexOp)):
            made: t.Any = operation.reverse()
            columns = getattr(made, "columns", getattr(made, "local_cols", ()))
            if (names := _column_names(columns)) is not None:
                self._dropped.add((_place(operation), names))

    def misfit(self, operation: ops.MigrateOperation) -> str | None:
        """Describe the rows that make an operation fail; None if there are none."""
        if isinstance(operation, ops.CreateUniqueConstraintOp):
            return self._of_unique(
                operation, str(operation.constraint_name), operation.columns
            )
        if isinstance(operation, FillColumn):
            return self._of_fill(operation)
        if isinstance(operation, ops.CreateIndexOp):
            return self._of_unique_index(operation)
        if isinstance(operation, ops.CreateForeignKeyOp):
            return self._of_foreign_key(operation)
        if isinstance(operation, AddCheck):
            return self._of_check(operation)
        if isinstance(operation, AlterColumn):
            self._conversions.take(operation)
            if operation.using is None and (text := self._of_length(operation)):
                return text
            return self._of_type(operation)
        return None

    def _of_type(self, operation: AlterColumn) -> str | None:
        source = self._table(
            operation.table_name, operation.schema, [operation.column_name]
        )
        if source is None:
            return None
        table, (term,) = source
        return self._conversions.misfit(operation, table, str(term.name))

    def _of_unique_index(self, operation: ops.CreateIndexOp) -> str | None:
        names = _column_names(operation.columns)
        partial = any(name.endswith("_where") for name in operation.kw)
        if not operation.unique or partial or names is None:
            return None
        return self._of_unique(operation, str(operation.index_name), names)

    def _of_fill(self, operation: FillColumn) -> str | None:
        """Describe the rows that a UNIQUE of the database keeps from being filled."""
        place, column = _place(operation), operation.column_name
        if self._table(place[1], place[0], [column]) is None:
            return None
        self._keys.check_fill(operation, self._dropped)
        stored = self._stored.column(place, column)
        for name, columns in self._uniques(self._stored.table(place), place[0]):
            if stored in columns and (place, columns) not in self._dropped:
                named = [column if each == stored else each for each in columns]
                if text := self._of_unique(operation, name, named):
                    return text
        return None

    def _uniques(
        self, table: str, schema: str | None
    ) -> cabc.Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the names and columns of the UNIQUEs that a table has."""
        inspector = sa.inspect(self._connection)
        found: list[t.Any] = [
            *inspector.get_unique_constraints(table, schema=schema),
            *inspector.get_indexes(table, schema=schema),
        ]
        for each in found:
            if None in each["column_names"]:
                # An expression is among them.
                continue
            columns = tuple(map(str, each["column_names"]))
            options = each.get("dialect_options", {})
            partial = any(name.endswith("_where") for name in options)
            if each.get("unique", True) and not partial:
                yield each["name"] or f"UNIQUE ({', '.join(columns)})", columns

    def _of_unique(
        self, operation: t.Any, name: str, columns: cabc.Sequence[str]
    ) -> str | None:
        place = _place(operation)
        table = operation.table_name
        number = self._alike(place, columns)
        if number is None:
            return None
        column_list = ", ".join(columns)
        for given in columns:
            if self._values.is_given(place, given):
                raise BatchMigrateError(
                    f"{counted(number, 'row')} of '{table}' would share a value of "
                    f"'{column_list}', which '{name}' refuses: they all get one value "
                    f"for '{given}'",
                    "Let the column be NULL, or add it without UNIQUE, give each row "
                    "its own value in a revision written by hand, and add UNIQUE after "
                    "that.",
                    state=NOTHING_WRITTEN,
                    table=table,
                    column=given,
                )
        return (
            f"{counted(number, 'row')} of '{table}' shared a value of '{column_list}' "
            f"with another, which '{name}' refuses"
        )

    def _alike(self, place: Place, columns: cabc.Sequence[str]) -> int | None:
        """Count the rows that share their values with another row after the script.

        :return: the number; None if it is 0, or the values are not known.
        """
        added = self._added(place)
        stored = [name for name in columns if name not in added]
        source = self._table(place[1], place[0], stored)
        if source is None:
            return None
        table, terms = source
        by_name = dict(zip(stored, terms, strict=True))
        values = []
        for number, name in enumerate(columns):
            term = by_name.get(name, sa.column(name))
            value = self._values.value(place, name, term)
            if value is None:
                return None
            values.append(value.label(f"value_{number}"))
        rows = sa.select(*values).select_from(table).subquery()
        count = sa.func.count()
        groups = (
            sa.select(count.label("rows"))
            .select_from(rows)
            .where(*(value.is_not(None) for value in rows.c))
            .group_by(*rows.c)
            .having(count > 1)
            .subquery()
        )
        return self._number(sa.select(sa.func.sum(groups.c.rows)))

    def _added(self, table: Place) -> set[str | None]:
        """Return the new columns of a table."""
        return {column for name, column in self._new if name == table and column}

    def _of_foreign_key(self, operation: ops.CreateForeignKeyOp) -> str | None:
        self._keys.check(operation)
        schemas = [operation.kw.get(f"{end}_schema") for end in ("source", "referent")]
        child = self._table(operation.source_table, schemas[0], operation.local_cols)
        sides = (
            ((schemas[0], operation.source_table), operation.local_cols),
            ((schemas[1], operation.referent_table), operation.remote_cols),
        )
        ends: set[tuple[Place, str | None]] = {
            (place, column) for place, columns in sides for column in columns
        }
        if child is None or ends & self._retyped:
            return None
        table, terms = child
        # A table may refer to itself.
        parent = self._table(
            operation.referent_table, schemas[1], operation.remote_cols
        )
        query = sa.select(sa.func.count()).select_from(table)
        query = query.where(*(term.is_not(None) for term in terms))
        if parent is not None:
            other = parent[0].alias("parent")
            keys = [other.c[term.name] for term in parent[1]]
            matches = [a == b for a, b in zip(terms, keys, strict=True)]
            exists = sa.exists(sa.select(sa.literal(1)).where(*matches))
            query = query.where(~exists.correlate(table))
        number = self._number(query)
        if number is None:
            return None
        column_list = ", ".join(operation.local_cols)
        return (
            f"{counted(number, 'row')} of '{operation.source_table}' referred by "
            f"'{column_list}' to no row of '{operation.referent_table}', which "
            f"'{operation.constraint_name}' refuses"
        )

    def _of_check(self, operation: AddCheck) -> str | None:
        words = set(re.findall(r"\w+", operation.expression))
        places = (*self._new, *self._retyped, *self._stored.columns)
        changed = {column for place, column in places if place == _place(operation)}
        source = self._table(operation.table_name, operation.schema, ())
        if source is None or words & changed:
            return None
        condition = plain_text(f"NOT ({operation.expression}\n)")
        query = sa.select(sa.func.count()).select_from(source[0]).where(condition)
        number = self._number(query)
        if number is None:
            return None
        return (
            f"{counted(number, 'row')} of '{operation.table_name}' broke the CHECK "
            f"'{operation.constraint_name}' ({one_line(operation.expression)})"
        )

    def _of_length(self, operation: ops.AlterColumnOp) -> str | None:
        old, new = operation.existing_type, operation.modify_type
        if not (isinstance(old, sa.String) and isinstance(new, sa.String)):
            return None
        longest = new.length
        if isinstance(new, sa.Enum) or longest is None:
            return None
        source = self._table(
            operation.table_name, operation.schema, [operation.column_name]
        )
        if source is None or (old.length is not None and old.length <= longest):
            return None
        table, (term,) = source
        query = sa.select(sa.func.count()).select_from(table)
        number = self._number(query.where(self._length(term) > longest))
        place = f"{operation.table_name}.{operation.column_name}"
        if number is None:
            return None
        return (
            f"{counted(number, 'row')} had more than {longest} characters in '{place}'"
        )

    def _length(self, term: sa.ColumnClause[t.Any]) -> sa.ColumnElement[int]:
        """Return a text's number of characters, by the function of the database."""
        if self._connection.dialect.name == "sqlite":
            return sa.func.length(term)
        return sa.func.char_length(term)

    def _table(
        self, table: str, schema: str | None, columns: cabc.Iterable[str]
    ) -> tuple[sa.TableClause, list[sa.ColumnClause[t.Any]]] | None:
        """Return a table and columns by their stored names; None if one is new."""
        names, place = list(columns), (schema, table)
        if {(place, name) for name in (None, *names)} & self._new:
            return None
        terms: list[sa.ColumnClause[t.Any]] = [
            sa.column(self._stored.column(place, name)) for name in names
        ]
        stored = self._stored.table(place)
        return sa.table(stored, *dict.fromkeys(terms), schema=schema), terms

    def _number(self, query: sa.Select[t.Any]) -> int | None:
        """Return the number that a query counts; None if it is 0."""
        return int(self._connection.execute(query).scalar_one() or 0) or None
