"""Lists what a server's database holds, and drops what a scratch database got."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa

#: Objects that belong to an extension came with it, and go with it.
_NOT_OF_EXTENSION: t.Final = (
    "NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = '{catalogue}'::regclass"
    " AND objid = o.oid AND deptype = 'e')"
)
_NOT_OF_SYSTEM: t.Final = (
    "{namespace}::regnamespace::text !~ '^(pg_|information_schema$)'"
)
#: The kinds of objects that a script can create: the catalogue of PostgreSQL, its
#: column with the schema, a condition, the kind and the name in SQL. Tables go first,
#: since most others belong to them.
#: https://www.postgresql.org/docs/current/catalogs.html
_OF_POSTGRESQL: t.Final = (
    *(
        ("pg_class", "relnamespace", f"relkind IN ({kinds})", word, "oid::regclass")
        for kinds, word in (
            ("'r', 'p'", "TABLE"),
            ("'v'", "VIEW"),
            ("'m'", "MATERIALIZED VIEW"),
            ("'f'", "FOREIGN TABLE"),
            ("'S'", "SEQUENCE"),
        )
    ),
    ("pg_type", "typnamespace", "typtype = 'd'", "DOMAIN", "oid::regtype"),
    (
        "pg_type",
        "typnamespace",
        "(typtype IN ('e', 'r') OR typtype = 'c' AND EXISTS (SELECT 1 FROM pg_class"
        " AS c WHERE c.oid = o.typrelid AND c.relkind = 'c'))",
        "TYPE",
        "oid::regtype",
    ),
    ("pg_proc", "pronamespace", "true", "ROUTINE", "oid::regprocedure"),
    (
        "pg_collation",
        "collnamespace",
        "true",
        "COLLATION",
        "quote_ident(collnamespace::regnamespace::text)||'.'||quote_ident(collname)",
    ),
)


def contents(connection: sa.Connection) -> list[tuple[str, str]]:
    """Return what a database holds: the kind and the name, in SQL, of each object.

    Schemas and extensions of PostgreSQL do not count.

    :param connection: a connection to PostgreSQL, MySQL or MariaDB.
    """
    if connection.dialect.name == "postgresql":
        return [
            (kind, str(name))
            for catalogue, namespace, condition, kind, name in _OF_POSTGRESQL
            for name in _names(
                connection,
                f"SELECT {name}::text FROM {catalogue} AS o WHERE {condition} AND "
                f"{_NOT_OF_SYSTEM.format(namespace=namespace)} AND "
                f"{_NOT_OF_EXTENSION.format(catalogue=catalogue)} ORDER BY o.oid",
            )
        ]
    quote = connection.dialect.identifier_preparer.quote_identifier
    tables = connection.exec_driver_sql(
        "SELECT table_type, table_name FROM information_schema.tables "
        "WHERE table_schema = DATABASE()"
    )
    routines = connection.exec_driver_sql(
        "SELECT routine_type, routine_name FROM information_schema.routines "
        "WHERE routine_schema = DATABASE()"
    )
    events = connection.exec_driver_sql(
        "SELECT 'EVENT', event_name FROM information_schema.events "
        "WHERE event_schema = DATABASE()"
    )
    return [
        *(
            (kind if kind in ("VIEW", "SEQUENCE") else "TABLE", quote(name))
            for kind, name in tables
        ),
        *((str(kind), quote(name)) for kind, name in (*routines, *events)),
    ]


def surroundings(connection: sa.Connection) -> set[tuple[str, str]]:
    """Return the schemas and extensions of a PostgreSQL database; nothing elsewhere."""
    if connection.dialect.name != "postgresql":
        return set()
    schemas = _names(
        connection,
        "SELECT quote_ident(nspname) FROM pg_namespace AS o WHERE nspname !~ '^pg_'"
        f" AND {_NOT_OF_EXTENSION.format(catalogue='pg_namespace')}",
    )
    extensions = _names(connection, "SELECT quote_ident(extname) FROM pg_extension")
    return {
        *(("SCHEMA", name) for name in schemas),
        *(("EXTENSION", name) for name in extensions),
    }


def drop_contents(connection: sa.Connection, before: set[tuple[str, str]]) -> None:
    """Drop everything that a database holds.

    :param connection: a connection that stores each statement at once.
    :param before: the schemas and extensions that stay.
    """
    is_postgresql = connection.dialect.name == "postgresql"
    cascade = " CASCADE" if is_postgresql else ""
    if not is_postgresql:
        connection.exec_driver_sql("SET SESSION foreign_key_checks = 0")
    gone = sorted(surroundings(connection) - before)
    for kind, name in (*contents(connection), *gone):
        text = f"DROP {kind} IF EXISTS {name}{cascade}"
        connection.exec_driver_sql(text.replace("%", "%%"))
    if not is_postgresql:
        connection.exec_driver_sql("SET SESSION foreign_key_checks = 1")


def identity(connection: sa.Connection) -> tuple[str, ...]:
    """Return what tells a database from any other one, whatever its address is."""
    if connection.dialect.name == "postgresql":
        query = (
            "SELECT oid, datname, pg_postmaster_start_time() FROM pg_database "
            "WHERE datname = current_database()"
        )
    else:
        query = (
            "SELECT IF(@@lower_case_table_names = 0, DATABASE(), LOWER(DATABASE())), "
            "@@hostname, @@port, @@datadir"
        )
    return tuple(map(str, connection.exec_driver_sql(query).one()))


def _names(connection: sa.Connection, query: str) -> cabc.Sequence[str]:
    return connection.exec_driver_sql(query).scalars().all()
