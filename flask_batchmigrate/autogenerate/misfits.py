"""Counts the rows of the database that a generated script would be refused for.

The script is run on other databases as well, so it is written all the same, with a
comment where it matters.
"""

from __future__ import annotations

import collections.abc as cabc
import re
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from ..reporting import reporter
from .fills import Nothing
from .operations import AddCheck
from .operations import plain_text
from .renames import RenameColumn
from .renames import RenameTable


class Misfit(ops.MigrateOperation):
    """A comment in the script: which rows the next operation is refused for.

    :param text: a sentence without its full stop.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def reverse(self) -> Nothing:
        """Return nothing: the way back has no such rows."""
        return Nothing()

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return what the comment says."""
        return ("misfit", self.text)


@renderers.dispatch_for(Misfit)
def _render(autogen_context: t.Any, operation: Misfit) -> str:
    return f"# When this was generated, {operation.text}."


def mark_misfits(upgrade: ops.UpgradeOps, connection: sa.Connection) -> None:
    """Put a comment before what rows do not fit, and warn of it.

    :param upgrade: changed in place; every constraint in it has a name.
    :param connection: to the database, as it is before the upgrade.
    """
    counter = _Counter(upgrade, connection)
    found: list[str] = []
    made: list[ops.MigrateOperation] = []
    for each in upgrade.ops:
        if isinstance(each, ops.ModifyTableOps):
            inside: list[ops.MigrateOperation] = []
            for inner in each.ops:
                text = counter.misfit(inner)
                if text is not None:
                    found.append(text)
                    inside.append(Misfit(text))
                inside.append(inner)
            each.ops[:] = inside
        else:
            text = counter.misfit(each)
            if text is not None:
                found.append(text)
                made.append(Misfit(text))
        made.append(each)
    upgrade.ops[:] = made
    if found:
        reporter().warning(
            f"An upgrade of this database would be refused: {'; '.join(found)}. Change "
            "these rows first, here and wherever the script is run."
        )


class _Counter:
    """Counts rows, under the names that the database has.

    :param upgrade: says what is renamed and added.
    """

    def __init__(self, upgrade: ops.UpgradeOps, connection: sa.Connection) -> None:
        self._connection = connection
        self._tables: dict[str, str] = {}
        self._columns: dict[tuple[str, str], str] = {}
        #: Tables and columns that the database does not have yet.
        self._new: set[tuple[str, str | None]] = set()
        #: Columns whose values get another type before they are compared.
        self._retyped: set[tuple[str, str | None]] = set()
        for each in upgrade.ops:
            if isinstance(each, RenameTable):
                old = self._tables.pop(each.table_name, each.table_name)
                self._tables[each.new_table_name] = old
            elif isinstance(each, ops.CreateTableOp):
                self._new.add((each.table_name, None))
            for inner in each.ops if isinstance(each, ops.ModifyTableOps) else ():
                self._note(inner)

    def _note(self, each: ops.MigrateOperation) -> None:
        if isinstance(each, ops.AddColumnOp):
            self._new.add((each.table_name, str(each.column.name)))
        elif isinstance(each, RenameColumn):
            table = each.table_name
            old = self._columns.pop((table, each.column_name), each.column_name)
            self._columns[table, str(each.modify_name)] = old
        elif isinstance(each, ops.AlterColumnOp) and each.modify_type is not None:
            self._retyped.add((each.table_name, each.column_name))

    def misfit(self, each: ops.MigrateOperation) -> str | None:
        """Say which rows an operation is refused for; None if there are none."""
        if isinstance(each, ops.CreateUniqueConstraintOp):
            return self._of_unique(each, str(each.constraint_name), each.columns)
        if isinstance(each, ops.CreateIndexOp):
            return self._of_unique_index(each)
        if isinstance(each, ops.CreateForeignKeyOp):
            return self._of_foreign_key(each)
        if isinstance(each, AddCheck):
            return self._of_check(each)
        if isinstance(each, ops.AlterColumnOp) and each.modify_type is not None:
            return self._of_length(each)
        return None

    def _of_unique_index(self, each: ops.CreateIndexOp) -> str | None:
        names: list[t.Any] = [getattr(c, "name", c) for c in each.columns]
        partial = any(name.endswith("_where") for name in each.kw)
        if not each.unique or partial or not all(isinstance(n, str) for n in names):
            return None
        return self._of_unique(each, str(each.index_name), names)

    def _of_unique(
        self, each: t.Any, name: str, columns: cabc.Sequence[str]
    ) -> str | None:
        found = self._table(each.table_name, each.schema, columns)
        if found is None:
            return None
        table, terms = found
        count = sa.func.count()
        groups = (
            sa.select(count.label("rows"))
            .select_from(table)
            .where(*(term.is_not(None) for term in terms))
            .group_by(*terms)
            .having(count > 1)
            .subquery()
        )
        number = self._number(sa.select(sa.func.sum(groups.c.rows)))
        said = ", ".join(columns)
        if number is None:
            return None
        return (
            f"{_rows(number)} of '{each.table_name}' shared a value of '{said}' with "
            f"another, which '{name}' refuses"
        )

    def _of_foreign_key(self, each: ops.CreateForeignKeyOp) -> str | None:
        schemas = [each.kw.get(f"{end}_schema") for end in ("source", "referent")]
        child = self._table(each.source_table, schemas[0], each.local_cols)
        ends: set[tuple[str, str | None]] = {
            *((each.source_table, column) for column in each.local_cols),
            *((each.referent_table, column) for column in each.remote_cols),
        }
        if child is None or ends & self._retyped:
            return None
        table, terms = child
        # A table may refer to itself.
        parent = self._table(each.referent_table, schemas[1], each.remote_cols)
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
        said = ", ".join(each.local_cols)
        return (
            f"{_rows(number)} of '{each.source_table}' referred by '{said}' to no row "
            f"of '{each.referent_table}', which '{each.constraint_name}' refuses"
        )

    def _of_check(self, each: AddCheck) -> str | None:
        words = set(re.findall(r"\w+", each.expression))
        places = (*self._new, *self._retyped, *self._columns)
        changed = {column for table, column in places if table == each.table_name}
        found = self._table(each.table_name, each.schema, ())
        if found is None or words & changed:
            return None
        condition = plain_text(f"NOT ({each.expression}\n)")
        query = sa.select(sa.func.count()).select_from(found[0]).where(condition)
        number = self._number(query)
        if number is None:
            return None
        return (
            f"{_rows(number)} of '{each.table_name}' broke the CHECK "
            f"'{each.constraint_name}' ({each.expression})"
        )

    def _of_length(self, each: ops.AlterColumnOp) -> str | None:
        old, new = each.existing_type, each.modify_type
        if not (isinstance(old, sa.String) and isinstance(new, sa.String)):
            return None
        longest = new.length
        if isinstance(new, sa.Enum) or longest is None:
            return None
        found = self._table(each.table_name, each.schema, [each.column_name])
        if found is None or (old.length is not None and old.length <= longest):
            return None
        table, (term,) = found
        query = sa.select(sa.func.count()).select_from(table)
        number = self._number(query.where(self._length(term) > longest))
        place = f"{each.table_name}.{each.column_name}"
        if number is None:
            return None
        return f"{_rows(number)} had more than {longest} characters in '{place}'"

    def _length(self, term: sa.ColumnClause[t.Any]) -> sa.ColumnElement[int]:
        """Return the number of characters, which MySQL calls otherwise than SQLite."""
        if self._connection.dialect.name == "sqlite":
            return sa.func.length(term)
        return sa.func.char_length(term)

    def _table(
        self, table: str, schema: str | None, columns: cabc.Iterable[str]
    ) -> tuple[sa.TableClause, list[sa.ColumnClause[t.Any]]] | None:
        """Return a table as the database has it; None if it is new in part."""
        names = list(columns)
        if {(table, name) for name in (None, *names)} & self._new:
            return None
        terms: list[sa.ColumnClause[t.Any]] = [
            sa.column(self._columns.get((table, name), name)) for name in names
        ]
        stored = self._tables.get(table, table)
        return sa.table(stored, *dict.fromkeys(terms), schema=schema), terms

    def _number(self, query: sa.Select[t.Any]) -> int | None:
        """Return the number that a query counts; None instead of 0."""
        return int(self._connection.execute(query).scalar_one() or 0) or None


def _rows(number: int) -> str:
    return f"{number} row{'' if number == 1 else 's'}"
