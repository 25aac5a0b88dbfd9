"""Asks a server how it writes the parts of a table, by a temporary table like it."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import re
import typing as t

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from ...reporting import reporter
from ...value_classes import value_class
from ..script.copies import copy_table
from ..script.enums import native
from ..script.rendering import undoubled
from .mariadb_columns import restore_defaults_of_twin

#: The name of the temporary table.
NAME: t.Final = "batchmigrate_twin"
#: A cast of a text, or of a list of texts, to a text.
_CAST: t.Final = re.compile(r"(?<=['\]])(?:::(?:text|character varying)(?:\[\])?)+")
_QUOTED: t.Final = re.compile(r'"((?:[^"]|"")+)"')


@value_class
class Parts:
    """The parts of a table that a server rewrites.

    :param checks: the expressions of CHECKs, by name.
    :param computed: the expressions of computed columns, and whether they are stored.
    :param defaults: the defaults of the other columns.
    :param of_columns: the expressions of CHECKs of single columns that the server
        stores without a name.
    :param has_identity: whether the server numbers the rows of a column.
    """

    checks: dict[str, str]
    computed: dict[str, tuple[str, bool]]
    defaults: dict[str, str | None]
    of_columns: frozenset[str] = frozenset()
    has_identity: bool = False

    @property
    def has_defaults(self) -> bool:
        """Whether any column has a default, apart from numbers of a sequence."""
        defaults = (default or "" for default in self.defaults.values())
        return any(
            default and not default.startswith("nextval(") for default in defaults
        )

    def names_in(self, column: str) -> set[str]:
        """Return the words of a computed column's expression, among them its columns.

        :return: the empty set for any other column.
        """
        expression, _ = self.computed.get(column, ("", False))
        quoted = {name.replace('""', '"') for name in _QUOTED.findall(expression)}
        return quoted | set(re.findall(r"\w+", expression))


def parts(
    checks: cabc.Iterable[t.Any],
    columns: cabc.Iterable[t.Any],
    of_columns: cabc.Iterable[str] = (),
) -> Parts:
    """Return the parts of a table from what SQLAlchemy's inspector returns.

    :param of_columns: the expressions of CHECKs that the inspector does not see.
    """
    computed = {}
    defaults = {}
    has_identity = False
    for column in columns:
        name = str(column["name"])
        clause = column.get("computed")
        has_identity |= bool(column.get("identity"))
        if clause:
            computed[name] = (
                _without_table(clause["sqltext"]),
                bool(clause.get("persisted")),
            )
        else:
            default = column["default"]
            defaults[name] = None if default == "NULL" else default
    named = {str(c["name"]): _without_table(c["sqltext"]) for c in checks if c["name"]}
    return Parts(named, computed, defaults, frozenset(of_columns), has_identity)


def checks_of_columns(
    connection: sa.Connection, schema: str | None
) -> dict[str, list[str]]:
    """Return the CHECKs that MariaDB stores with their columns, by table.

    See https://mariadb.com/kb/en/information-schema-check_constraints-table/
    """
    found: dict[str, list[str]] = {}
    if getattr(connection.dialect, "is_mariadb", False):
        query = sa.text(
            "SELECT table_name, check_clause FROM information_schema.check_constraints"
            " WHERE level = 'Column'"
            " AND constraint_schema = coalesce(:schema, database())"
        )
        for table, clause in connection.execute(query, {"schema": schema}):
            found.setdefault(table, []).append(clause)
    return found


def same_check(one: str, other: str) -> bool:
    """Tell whether two expressions of a server are the same.

    PostgreSQL writes ``x IN ('a', 'b')`` with other casts if it gets its own text.
    """
    return one == other or _CAST.sub("", one) == _CAST.sub("", other)


def text_of_check(constraint: sa.CheckConstraint, dialect: sa.Dialect) -> str:
    """Return the expression of a model's CHECK, as the model writes it."""
    options = {"literal_binds": True, "include_table": False}
    text = str(constraint.sqltext.compile(dialect=dialect, compile_kwargs=options))
    return undoubled(text, dialect)


def _without_table(expression: str) -> str:
    return re.sub(rf"(`?){NAME}\1\.", "", expression)


class _CreateTwin(sa.schema.CreateTable):
    """Creates a temporary table."""


# https://docs.sqlalchemy.org/en/20/core/compiler.html
@compiles(_CreateTwin)
def _create_twin(element: _CreateTwin, compiler: t.Any, **options: t.Any) -> str:
    text = str(compiler.visit_create_table(element, **options))
    return text.replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1)


def parts_of_model(table: sa.Table, connection: sa.Connection) -> Parts | None:
    """Return the parts of a table of the models as the server writes them.

    :return: None if the server does not create the table, as for want of a right or
        type; a warning tells why.
    """
    try:
        with twin(table, connection):
            inspector = sa.inspect(connection)
            schema = _temporary_schema(connection)
            columns = inspector.get_columns(NAME, schema=schema)
            restore_defaults_of_twin(connection, NAME, columns)
            return parts(inspector.get_check_constraints(NAME, schema=schema), columns)
    except sa.exc.DBAPIError as error:
        what = "CHECK constraints, computed columns and defaults"
        not_compared(what, table, error)
        return None


def not_compared(what: str, table: sa.Table, error: sa.exc.DBAPIError) -> None:
    """Warn of parts of a table that were not compared.

    :param error: why the server did not make a temporary table.
    """
    why = " ".join(str(error.orig).split())
    reporter().warning(
        f"The {what} of table '{table.fullname}' were not compared, since the server "
        f"did not make a temporary table like it: {why}. Compare with a user who may "
        "make one."
    )


@contextlib.contextmanager
def twin(table: sa.Table, connection: sa.Connection) -> cabc.Iterator[sa.Table]:
    """Make a temporary table like one of the models, for as long as the block takes.

    :return: the temporary table, without foreign keys and indexes in the database.
    :raises sqlalchemy.exc.DBAPIError: the server does not make it.
    """
    copied = copy_table(table, name=NAME, schema=None)
    create = _CreateTwin(copied, include_foreign_key_constraints=[])
    with _undone(connection):
        if connection.dialect.name == "postgresql":
            for type_ in filter(None, (native(c.type) for c in copied.columns)):
                type_.create(connection, checkfirst=True)
        connection.execute(create)
        yield copied


@contextlib.contextmanager
def _undone(connection: sa.Connection) -> cabc.Iterator[None]:
    """Remove the temporary table and the effects of an error after the block."""
    if connection.dialect.name == "postgresql":
        savepoint = connection.begin_nested()
        try:
            yield
        finally:
            savepoint.rollback()
        return
    try:
        yield
    finally:
        connection.exec_driver_sql(f"DROP TEMPORARY TABLE IF EXISTS {NAME}")


def _temporary_schema(connection: sa.Connection) -> str | None:
    if connection.dialect.name != "postgresql":
        return None
    query = "SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()"
    return str(connection.exec_driver_sql(query).scalar_one())
