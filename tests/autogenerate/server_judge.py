"""What the catalogue of a server says of its tables, without names nobody chose.

Nothing of SQLAlchemy's inspector is used, by which Alembic compares.
"""

from __future__ import annotations

import collections.abc as cabc
import re
import typing as t

import sqlalchemy as sa

Names = cabc.Set[str]

_POSTGRESQL = {
    "columns": """
        SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull,
            attidentity, attgenerated, pg_get_expr(adbin, adrelid),
            CASE WHEN attcollation <> typcollation THEN collname END,
            col_description(attrelid, attnum)
        FROM pg_attribute JOIN pg_class r ON r.oid = attrelid
            JOIN pg_type t ON t.oid = atttypid
            LEFT JOIN pg_collation c ON c.oid = attcollation
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped
            AND relnamespace = to_regnamespace(:schema)""",
    "constraints": """
        SELECT relname, contype, CASE WHEN conname = ANY(:names) THEN conname END,
            pg_get_constraintdef(c.oid)
        FROM pg_constraint c JOIN pg_class r ON r.oid = conrelid
        WHERE contype <> 'n' AND relnamespace = to_regnamespace(:schema)""",
    "indexes": """
        SELECT r.relname, pg_get_indexdef(indexrelid)
        FROM pg_index JOIN pg_class r ON r.oid = indrelid
        WHERE relnamespace = to_regnamespace(:schema) AND NOT EXISTS
            (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)""",
    "tables": """
        SELECT relname, obj_description(oid, 'pg_class'), reloptions::text
        FROM pg_class
        WHERE relkind = 'r' AND relnamespace = to_regnamespace(:schema)""",
    "types": """
        SELECT typname, array_agg(enumlabel ORDER BY enumsortorder)::text
        FROM pg_enum JOIN pg_type t ON t.oid = enumtypid
        WHERE typnamespace = to_regnamespace(:schema) GROUP BY typname""",
}

_MARIADB = {
    "columns": """
        SELECT table_name, column_name, column_type, is_nullable, column_default,
            extra, generation_expression, collation_name, column_comment
        FROM information_schema.columns WHERE table_schema = :schema""",
    "indexes": """
        SELECT table_name, group_concat(column_name, coalesce(collation, ''),
                coalesce(sub_part, '') ORDER BY seq_in_index), non_unique, index_type,
            CASE WHEN index_name IN :names THEN index_name END
        FROM information_schema.statistics WHERE table_schema = :schema
        GROUP BY table_name, index_name, non_unique, index_type""",
    "keys": """
        SELECT table_name, (SELECT group_concat(column_name, '>',
                referenced_column_name ORDER BY ordinal_position)
                FROM information_schema.key_column_usage k
                WHERE k.constraint_name = r.constraint_name
                    AND k.table_name = r.table_name
                    AND k.constraint_schema = r.constraint_schema),
            unique_constraint_schema, referenced_table_name, update_rule, delete_rule,
            CASE WHEN constraint_name IN :names THEN constraint_name END
        FROM information_schema.referential_constraints r
        WHERE constraint_schema = :schema""",
    "checks": """
        SELECT table_name, check_clause,
            CASE WHEN constraint_name IN :names THEN constraint_name END
        FROM information_schema.check_constraints WHERE constraint_schema = :schema""",
    "tables": """
        SELECT table_name, engine, table_collation, table_comment, row_format
        FROM information_schema.tables
        WHERE table_type = 'BASE TABLE' AND table_schema = :schema""",
}


def schema_of_server(
    url: str, names: Names = frozenset(), schemas: cabc.Sequence[str] = ()
) -> dict[str, t.Any]:
    """Return what the catalogue tells of each table but Alembic's, and of types.

    :param names: the names of constraints that somebody chose.
    :param schemas: schemas to look into besides the default one.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            places = [_default_schema(connection), *schemas]
            return {
                f"{number} {what}": _rows(connection, sql, place, names, places)
                for number, place in enumerate(places)
                for what, sql in _queries(connection).items()
            }
    finally:
        engine.dispose()


def _queries(connection: sa.Connection) -> dict[str, str]:
    return _POSTGRESQL if connection.dialect.name == "postgresql" else _MARIADB


def _default_schema(connection: sa.Connection) -> str:
    if connection.dialect.name == "postgresql":
        return "public"
    return str(connection.engine.url.database)


def _rows(
    connection: sa.Connection,
    sql: str,
    schema: str,
    names: Names,
    schemas: cabc.Sequence[str],
) -> list[t.Any]:
    query = sa.text(sql)
    values: dict[str, t.Any] = {"schema": schema}
    if ":names" in sql:
        values["names"] = sorted(names) or [""]
        if connection.dialect.name != "postgresql":
            query = query.bindparams(sa.bindparam("names", expanding=True))
    return sorted(
        (
            [_plain(value, schemas) for value in row]
            for row in connection.execute(query, values)
            if row[0] != "alembic_version"
        ),
        key=repr,
    )


def _plain(value: t.Any, schemas: cabc.Sequence[str]) -> t.Any:
    """Return a value without what differs between two databases."""
    if not isinstance(value, str):
        return value
    for number, schema in sorted(enumerate(schemas), reverse=True):
        # On MariaDB, schemas are the databases of one server.
        if schema != "public":
            value = value.replace(schema, f"schema {number}")
    # A sequence keeps its name when its table gets another.
    return re.sub(r"nextval\('\S+'::regclass\)", "nextval", value)


def empty(url: str, schemas: cabc.Sequence[str] = ()) -> None:
    """Drop every table and type; leave the other schemas empty, too."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                for schema in ("public", *schemas):
                    connection.exec_driver_sql(
                        f"DROP SCHEMA IF EXISTS {schema} CASCADE"
                    )
                    connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
                return
            connection.exec_driver_sql("SET foreign_key_checks = 0")
            for schema in (str(engine.url.database), *schemas):
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {schema}")
                connection.exec_driver_sql(f"CREATE DATABASE {schema}")
    finally:
        engine.dispose()


def drop(url: str, schema: str) -> None:
    """Drop another schema of MariaDB, which is a database of its own."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {schema}")
    engine.dispose()


def schema_of_models(
    metadata: sa.MetaData,
    url: str,
    names: Names = frozenset(),
    schemas: cabc.Sequence[str] = (),
) -> dict[str, t.Any]:
    """Return the same of what ``create_all()`` makes in an empty database."""
    empty(url, schemas)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    metadata.create_all(engine)
    engine.dispose()
    return schema_of_server(url, names, schemas)
