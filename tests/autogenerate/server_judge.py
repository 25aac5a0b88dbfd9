"""What a server says of its tables, without names that nobody chose."""

from __future__ import annotations

import re
import typing as t

import sqlalchemy as sa


def schema_of_server(url: str) -> dict[str, t.Any]:
    """Return what the inspector tells of each table but Alembic's, and of types."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            inspector = sa.inspect(connection)
            found: dict[str, t.Any] = {
                name: _table(inspector, name)
                for name in inspector.get_table_names()
                if name != "alembic_version"
            }
            if engine.dialect.name == "postgresql":
                found["(types)"] = sorted(
                    (each["name"], tuple(each["labels"]))
                    for each in t.cast(t.Any, inspector).get_enums()
                )
            return found
    finally:
        engine.dispose()


def empty(url: str) -> None:
    """Drop every table and type."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    metadata = sa.MetaData()
    try:
        metadata.reflect(engine)
        metadata.drop_all(engine)
        if engine.dialect.name == "postgresql":
            with engine.begin() as connection:
                for each in t.cast(t.Any, sa.inspect(connection)).get_enums():
                    connection.exec_driver_sql(f'DROP TYPE "{each["name"]}"')
    finally:
        engine.dispose()


def schema_of_models(metadata: sa.MetaData, url: str) -> dict[str, t.Any]:
    """Return the same of what ``create_all()`` makes in an empty database."""
    empty(url)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    metadata.create_all(engine)
    engine.dispose()
    return schema_of_server(url)


def _table(inspector: sa.Inspector, name: str) -> dict[str, t.Any]:
    columns = {
        column["name"]: (
            column["type"].compile(dialect=inspector.dialect),
            column["nullable"],
            _default(column),
        )
        for column in inspector.get_columns(name)
    }
    keys = inspector.get_foreign_keys(name)
    uniques = inspector.get_unique_constraints(name)
    # A server makes an index of its own for some constraints.
    of_constraints = {each["name"] for each in uniques}
    backing = [each["constrained_columns"] for each in keys]
    return {
        "columns": columns,
        "primary key": inspector.get_pk_constraint(name)["constrained_columns"],
        "foreign keys": sorted(
            (
                each["constrained_columns"],
                each["referred_table"],
                each["referred_columns"],
                sorted(
                    (k, v)
                    for k, v in each["options"].items()
                    if v not in (None, "NO ACTION", "RESTRICT")
                ),
            )
            for each in keys
        ),
        "uniques": sorted(each["column_names"] for each in uniques),
        "indexes": sorted(
            (
                str(each["name"]),
                str(each.get("expressions") or each["column_names"]),
                bool(each["unique"]),
            )
            for each in inspector.get_indexes(name)
            if each["name"] not in of_constraints
            # MariaDB leaves the index of a foreign key that is gone.
            and not str(each["name"]).startswith("fk_")
            and (
                str(each["name"]).startswith("ix_")
                or each["column_names"] not in backing
            )
        ),
        "checks": sorted(
            re.sub(r"[\s`\"]+", "", each["sqltext"])
            for each in inspector.get_check_constraints(name)
        ),
    }


def _default(column: t.Any) -> str | None:
    if column.get("computed"):
        return f"computed {re.sub(r'[`()]', '', str(column['computed']['sqltext']))}"
    default = column.get("default")
    if default is None or default == "NULL":
        return None
    # A sequence keeps its name when its table gets another.
    return re.sub(r"::[\w ]+|'\w+_seq'", "", default)
