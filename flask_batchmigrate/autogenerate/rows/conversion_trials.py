"""Counts the values of a column that do not become values of another type.

The database itself tries the conversion: SQLite and MariaDB in a temporary table,
PostgreSQL in a temporary function. Both are gone at once, and nothing else is written.
"""

from __future__ import annotations

import contextlib
import typing as t

import sqlalchemy as sa

from ...sqlite.target.value_types import misfit_condition
from ...value_classes import value_class
from ..script.rendering import one_line
from .conversion_expressions import family
from .conversions import AlterColumn

_NAME: t.Final = "batchmigrate_values"
_NUMBERS: t.Final = ("integer", "number")
_TIMES: t.Final = ("moment", "date", "time")
#: What the values of a family are called, one and several of them.
_NOUNS: t.Final = {
    "integer": ("an integer", "integers"),
    "number": ("a number", "numbers"),
    "boolean": ("true or false", "true or false"),
    "moment": ("a date with a time", "dates with times"),
    "date": ("a date", "dates"),
    "time": ("a time", "times"),
    "json": ("JSON", "JSON"),
    "uuid": ("a UUID", "UUIDs"),
}
#: How many characters of a value are told.
_LONGEST: t.Final = 60
_ISO: t.Final = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}"


@value_class
class Unfit:
    """The values of a column that do not fit another type.

    :param refused: how many values the conversion refuses.
    :param changed: how many values it takes for others, as by rounding.
    :param total: how many values there are.
    :param example: one of those that do not fit.
    """

    refused: int
    changed: int
    total: int
    example: str

    def about(self, place: str, type_: t.Any) -> str:
        """Describe the values, in the past tense and without a full stop.

        :param place: the column, as in ``user.age``.
        :param type_: the type that they do not fit.
        """
        number = self.refused or self.changed
        several = number > 1
        noun = _NOUNS.get(family(type_) or "", (f"of {type_!r}",) * 2)[several]
        if family(type_) == "enum":
            noun = f"among {', '.join(map(repr, type_.enums))}"
        said = f"{'were' if several else 'was'} not {noun}"
        if not self.refused:
            said = f"would have changed as {type_!r}"
        values = "value" if self.total == 1 else "values"
        return f"{number} of {self.total} {values} of '{place}' {said} ({self.example})"


def unfit(
    connection: sa.Connection,
    table: sa.TableClause,
    column: str,
    change: AlterColumn,
) -> Unfit | None:
    """Count the values that do not fit a column's new type.

    :param table: the table, by the name that the database has.
    :param column: the column, by the name that the database has.
    :param change: the change of its type.
    :return: the numbers; None if every value fits, or nobody can tell.
    :raises sqlalchemy.exc.SQLAlchemyError: the expression of a person is wrong, or the
        database does not let the conversion be tried.
    """
    before, after = family(change.existing_type), family(change.modify_type)
    if before == after and before not in (*_NUMBERS, "enum"):
        return None
    prepare = connection.dialect.identifier_preparer
    trial = _Trial(
        connection,
        prepare.format_table(t.cast(t.Any, table)),
        prepare.quote(column),
        prepare.quote(change.column_name),
        change,
        before or "",
        after or "",
    )
    counts = trial.counted()
    if counts is None or not (counts[0] or counts[1]):
        return None
    refused, changed, example = counts
    example = one_line(str(example), longest=_LONGEST)
    return Unfit(int(refused or 0), int(changed or 0), trial.total(), example)


_Counts = tuple[t.Any, t.Any, str]


@value_class
class _Trial:
    """The trial of a conversion on one database.

    :param table: the table, in SQL.
    :param stored: the column, in SQL.
    :param name: the same by the name that it gets, which expressions have.
    :param before: the family of its type.
    :param after: the family of the new type.
    """

    connection: sa.Connection
    table: str
    stored: str
    name: str
    change: AlterColumn
    before: str
    after: str

    def total(self) -> int:
        """Return how many values there are."""
        query = f"SELECT count({self.name}) FROM {self._source}"
        return int(self._run(query).scalar_one())

    @property
    def _source(self) -> str:
        inner = f"SELECT {self.stored} AS {self.name} FROM {self.table}"
        return f"({inner}) AS stored_rows"

    @property
    def _type(self) -> str:
        type_ = t.cast("sa.types.TypeEngine[t.Any]", self.change.modify_type)
        return type_.compile(dialect=self.connection.dialect)

    def counted(self) -> _Counts | None:
        """Return the numbers of refused and of changed values, and one of these."""
        if self.connection.dialect.name == "sqlite":
            return self._on_sqlite()
        if self.connection.dialect.name == "postgresql":
            return self._on_postgresql()
        if self.connection.dialect.name in ("mysql", "mariadb"):
            return self._on_mysql()
        return None

    def _on_sqlite(self) -> _Counts | None:
        using = self.change.converted("sqlite") or self.name
        condition = misfit_condition(self._type, "v")
        if self.after == "enum":
            condition = f"v NOT IN ({self._members(self.change.modify_type)})"
            if self.before == "enum" and self.change.using is None:
                # What was no member before stays as it is.
                members = self._members(self.change.existing_type)
                condition = f"{condition} AND v IN ({members})"
        if condition is None:
            return None
        run = self._run
        run(f"CREATE TEMP TABLE {_NAME} (old, v {self._type})")
        try:
            run(
                f"INSERT INTO temp.{_NAME} SELECT {self.name}, {using} "
                f"FROM {self._source}"
            )
            return self._result(
                f"SELECT count(*), 0, min(quote(old)) FROM temp.{_NAME} "
                f"WHERE {condition}"
            )
        finally:
            run(f"DROP TABLE temp.{_NAME}")

    def _on_postgresql(self) -> _Counts | None:
        if self.after == "text":
            return None
        if self.after == "enum":
            # The type itself may not be there yet.
            return self._outside(f"({self.change.using or self.name})::text")
        using = self.change.converted("postgresql") or self.name
        differs = "false"
        if self.change.using is None:
            differs = self._changed_on_postgresql()
        body = (
            f"DECLARE converted {self._type}; BEGIN converted := {using}; "
            f"RETURN CASE WHEN {differs} THEN 2 ELSE 0 END; "
            "EXCEPTION WHEN OTHERS THEN RETURN 1; END"
        )
        with contextlib.closing(_Undone(self.connection)):
            parameter = f"{self.name} {self.table}.{self.stored}%TYPE"
            self._run(
                f"CREATE FUNCTION pg_temp.{_NAME}({parameter}) RETURNS integer "
                f"LANGUAGE plpgsql AS $batchmigrate$ {body} $batchmigrate$"
            )
            return self._result(
                "SELECT count(*) FILTER (WHERE outcome = 1), "
                "count(*) FILTER (WHERE outcome = 2), min(old) FROM ("
                f"SELECT quote_literal({self.name}::text) AS old, "
                f"pg_temp.{_NAME}({self.name}) AS outcome FROM {self._source}"
                f" WHERE {self.name} IS NOT NULL) AS tried WHERE outcome <> 0"
            )

    def _changed_on_postgresql(self) -> str:
        """Return a condition that is true for values that become others."""
        old, new = self.name, "converted"
        if self.after in _NUMBERS and self.before in (*_NUMBERS, "text", "boolean"):
            through = "::integer" if self.before == "boolean" else ""
            return f"{new}::numeric <> {old}{through}::numeric"
        if self.after == "boolean" and self.before in _NUMBERS:
            return f"{old} NOT IN (0, 1)"
        if self.after == "date" and self.before == "moment":
            return f"{new}::timestamp <> {old}::timestamp"
        if self.after in ("date", "moment") and self.before == "text":
            # How other forms are read depends on the settings of the server.
            return f"{old} !~ '{_ISO}'"
        return "false"

    def _on_mysql(self) -> _Counts | None:
        using = self.change.converted("mysql") or self.name
        if self.after == "enum":
            return self._outside(f"CAST({using} AS CHAR)")
        if self.after == "json" and self.before == "text":
            # MariaDB would leave out the rows that do not fit.
            return self._result(
                f"SELECT count(*), 0, min(quote({self.name})) FROM {self._source} "
                f"WHERE {self.name} IS NOT NULL AND NOT JSON_VALID({using})"
            )
        refused, changed = self._conditions_on_mysql()
        if not (refused or changed):
            return None
        values = f"SELECT {using} AS old, {using} AS new FROM {self._source}"
        self._run(f"CREATE TEMPORARY TABLE {_NAME} AS {values} WHERE FALSE")
        try:
            self._run(f"ALTER TABLE {_NAME} MODIFY new {self._type} NULL")
            self._run(
                f"INSERT IGNORE INTO {_NAME} {values} WHERE {self.name} IS NOT NULL"
            )
            refused, changed = refused or "FALSE", changed or "FALSE"
            return self._result(
                f"SELECT sum({refused}), sum(NOT ({refused}) AND ({changed})), "
                f"min(quote(old)) FROM {_NAME} WHERE ({refused}) OR ({changed})"
            )
        finally:
            self._run(f"DROP TEMPORARY TABLE IF EXISTS {_NAME}")

    def _conditions_on_mysql(self) -> tuple[str, str]:
        """Return conditions for refused values, and for those that become others."""
        number = r"^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$"
        whole = r"^[-+]?[0-9]+$"
        pattern = number if self.after == "number" else whole
        becomes_number = self.after in (*_NUMBERS, "boolean")
        if self.before == "text" and becomes_number:
            others = "old + 0e0 <> new" if self.after != "boolean" else "new > 1"
            return f"trim(old) NOT REGEXP '{pattern}'", others
        if self.before in _NUMBERS and self.after == "boolean":
            return "", "old NOT IN (0, 1)"
        if self.before in (*_NUMBERS, "boolean") and self.after in _NUMBERS:
            return "", "old <> new"
        if self.before in (*_NUMBERS, "boolean") and self.after in _TIMES:
            return "new IS NULL OR new = 0", "TRUE"
        if self.before == "text" and self.after in ("date", "moment"):
            iso = _ISO.replace(r"\s", "[[:space:]]")
            return f"old NOT REGEXP '{iso}' OR new = 0", ""
        if self.before == "text" and self.after == "time":
            return "old NOT REGEXP '^[0-9]{1,2}:[0-9]{2}' OR new IS NULL", ""
        if self.before == "moment" and self.after == "date":
            return "", "old <> CAST(new AS DATETIME)"
        return "", ""

    def _outside(self, value: str) -> _Counts | None:
        """Count the values that are no members of the new type.

        :param value: the converted value as text, in SQL.
        :return: the counts; None if the type is one of text, which refuses nothing.
        """
        type_: t.Any = self.change.modify_type
        if not (type_.native_enum or type_.create_constraint):
            return None
        is_mysql = self.connection.dialect.name != "postgresql"
        old = f"quote({self.name})" if is_mysql else f"quote_literal({self.name}::text)"
        # MySQL takes a number for the place of a member.
        by_place = is_mysql and self.before != "text" and self.change.using is None
        counts = "0, count(*)" if by_place else "count(*), 0"
        return self._result(
            f"SELECT {counts}, min({old}) FROM {self._source} "
            f"WHERE {value} NOT IN ({self._members(self.change.modify_type)})"
        )

    def _members(self, type_: t.Any) -> str:
        quoted = ("'" + member.replace("'", "''") + "'" for member in type_.enums)
        return ", ".join(quoted)

    def _run(self, sql: str) -> sa.CursorResult[t.Any]:
        if self.connection.dialect.name != "sqlite":
            # The drivers of servers take a per cent sign for a parameter.
            sql = sql.replace("%", "%%")
        return self.connection.exec_driver_sql(sql)

    def _result(self, sql: str) -> _Counts:
        refused, changed, example = tuple(self._run(sql).one())
        return refused, changed, str(example)


class _Undone:
    """A savepoint, to which the end of a block returns."""

    def __init__(self, connection: sa.Connection) -> None:
        self._savepoint = connection.begin_nested()

    def close(self) -> None:
        """Return to the savepoint."""
        self._savepoint.rollback()
