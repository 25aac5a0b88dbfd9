"""Single changes of models, each with the models before and after it."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import typing as t

import sqlalchemy as sa

Define = cabc.Callable[[sa.MetaData], None]


@dataclasses.dataclass(frozen=True)
class Change:
    """One change.

    :param name: what it is, in the words of the published table.
    :param before: makes the tables before it; once, for SQLAlchemy's objects belong to
        one table each.
    :param after: makes the tables after it; once.
    :param sqlite_only: it is about what only SQLite has.
    :param not_on_mariadb: why it cannot be had there.
    """

    name: str
    before: Define
    after: Define
    sqlite_only: bool = False
    not_on_mariadb: str = ""


def person(*items: sa.SchemaItem, **options: object) -> Define:
    """A table with a number and a name, and what is given."""

    def define(metadata: sa.MetaData) -> None:
        sa.Table(
            "person",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("name", sa.String(50)),
            *items,
            **options,
        )

    return define


def named(*arguments: object, **options: object) -> Define:
    """The same, with another definition of the name."""
    column = sa.Column("name", *arguments, **options)

    def define(metadata: sa.MetaData) -> None:
        id_ = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("person", metadata, id_, column)

    return define


def pet(*items: sa.SchemaItem, owner: bool = True, **options: object) -> Define:
    """A person, and a pet with an owner, maybe as a foreign key."""

    def define(metadata: sa.MetaData) -> None:
        person()(metadata)
        key = [sa.ForeignKey("person.id", **options)] if owner else []
        sa.Table(
            "pet",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("owner_id", sa.Integer, *key),
            *items,
        )

    return define


def with_key(*columns: str) -> Define:
    """A table with a primary key of some of its columns."""

    def define(metadata: sa.MetaData) -> None:
        sa.Table(
            "membership",
            metadata,
            *(
                sa.Column(
                    name,
                    sa.Integer,
                    nullable=False,
                    primary_key=name in columns,
                    autoincrement=False,
                )
                for name in ("a", "b", "c")
            ),
        )

    return define


def flag(check: bool) -> sa.Column[bool]:
    return sa.Column("flag", sa.Boolean(create_constraint=check))


def age(**options: object) -> sa.Column[int]:
    return sa.Column("age", sa.Integer, **options)


def _check(text: str, name: str | None = None) -> sa.CheckConstraint:
    return sa.CheckConstraint(text, name=name)


def _enum(*members: str) -> sa.Column[str]:
    type_ = sa.Enum(*members, name="mood", create_constraint=True)
    return sa.Column("mood", type_)


def _computed(expression: str) -> sa.Column[int]:
    return sa.Column("twice", sa.Integer, sa.Computed(expression, persisted=True))


def _index(*terms: str, **options: object) -> Define:
    def define(metadata: sa.MetaData) -> None:
        person()(metadata)
        table = metadata.tables["person"]
        texts = [table.c[x] if x in table.c else sa.text(x) for x in terms]
        sa.Index("ix_some", *texts, _table=table, **options)

    return define


def _both_ways(name: str, less: Define, more: Define, **options: t.Any) -> list[Change]:
    """Return a change and its opposite; only one of them can be used."""
    return [
        Change(f"{name} added", less, more, **options),
        Change(f"{name} removed", more, less, **options),
    ]


def changes() -> list[Change]:
    """Return every change, made anew."""
    return [
        *_both_ways("table", person(), pet()),
        *_both_ways("column", person(), person(age())),
        *_both_ways(
            "column with an index",
            person(),
            person(sa.Column("x", sa.Date, index=True)),
        ),
        *_both_ways(
            "column with UNIQUE", person(), person(sa.Column("x", sa.Date, unique=True))
        ),
        *_both_ways("column with CHECK", person(), person(age(), _check("age > 3"))),
        *_both_ways(
            "column with a default", person(), person(age(server_default=sa.text("7")))
        ),
        *_both_ways(
            "NOT NULL column with a default",
            person(),
            person(age(nullable=False, server_default=sa.text("7"))),
        ),
        *_both_ways(
            "computed column", person(age()), person(age(), _computed("age * 2"))
        ),
        *_both_ways("Enum column with a check", person(), person(_enum("good", "bad"))),
        *_both_ways(
            "Boolean column with a check",
            person(),
            person(flag(True)),
        ),
        *_both_ways(
            "check of a Boolean",
            person(flag(False)),
            person(flag(True)),
            not_on_mariadb="Alembic does not drop it there",
        ),
        *_both_ways(
            "member of an Enum", person(_enum("good", "bad")), person(_enum("good"))
        ),
        *_both_ways(
            "foreign key column",
            person(),
            pet(sa.Column("x", sa.ForeignKey("person.id"))),
        ),
        *_both_ways("foreign key", pet(owner=False), pet()),
        *_both_ways("ON DELETE", pet(), pet(ondelete="CASCADE")),
        *_both_ways("ON UPDATE", pet(), pet(onupdate="CASCADE")),
        *_both_ways(
            "UNIQUE without a name", person(), person(sa.UniqueConstraint("name"))
        ),
        *_both_ways(
            "UNIQUE of two columns",
            person(age()),
            person(age(), sa.UniqueConstraint("name", "age")),
        ),
        *_both_ways(
            "UNIQUE with a name",
            person(),
            person(sa.UniqueConstraint("name", name="uq")),
        ),
        Change(
            "UNIQUE renamed",
            person(sa.UniqueConstraint("name", name="uq_a")),
            person(sa.UniqueConstraint("name", name="uq_b")),
        ),
        *_both_ways(
            "CHECK without a name", person(), person(_check("length(name) > 0"))
        ),
        *_both_ways(
            "CHECK with a name",
            person(),
            person(_check("length(name) < 45", "ck_name")),
        ),
        Change(
            "CHECK changed",
            person(_check("length(name) < 45", "ck_name")),
            person(_check("length(name) < 40", "ck_name")),
        ),
        *_both_ways("index", person(), _index("name")),
        *_both_ways("unique index", person(), _index("name", unique=True)),
        *_both_ways(
            "index of an expression",
            person(),
            _index("lower(name)"),
            not_on_mariadb="MariaDB has no such indexes",
        ),
        *_both_ways("descending index", person(), _index("name DESC")),
        *_both_ways(
            "partial index",
            person(),
            _index("name", sqlite_where=sa.text("id > 3")),
            sqlite_only=True,
        ),
        Change(
            "index of other columns",
            _index("name"),
            _index("name", "id"),
        ),
        Change("index made unique", _index("name"), _index("name", unique=True)),
        *_both_ways(
            "NOT NULL",
            named(sa.String(50), server_default="x"),
            named(sa.String(50), nullable=False, server_default="x"),
        ),
        *_both_ways(
            "default", named(sa.String(50)), named(sa.String(50), server_default="x")
        ),
        Change(
            "default changed",
            named(sa.String(50), server_default="x"),
            named(sa.String(50), server_default="y"),
        ),
        *_both_ways(
            "default that is computed",
            person(sa.Column("at", sa.DateTime)),
            person(
                sa.Column("at", sa.DateTime, server_default=sa.func.current_timestamp())
            ),
        ),
        Change("VARCHAR widened", named(sa.String(50)), named(sa.String(80))),
        Change("VARCHAR shortened", named(sa.String(50)), named(sa.String(40))),
        Change("VARCHAR to TEXT", named(sa.String(50)), named(sa.Text)),
        Change(
            "INTEGER to VARCHAR", person(age()), person(sa.Column("age", sa.String(20)))
        ),
        Change(
            "INTEGER to NUMERIC",
            person(age()),
            person(sa.Column("age", sa.Numeric(10, 2))),
        ),
        *_both_ways(
            "collation",
            named(sa.String(50)),
            named(sa.String(50, collation="NOCASE")),
            sqlite_only=True,
        ),
        Change(
            "expression of a computed column changed",
            person(age(), _computed("age * 2")),
            person(age(), _computed("age + age + 1")),
        ),
        *_both_ways("member of the primary key", with_key("a"), with_key("a", "b")),
        *_both_ways(
            "AUTOINCREMENT",
            person(),
            person(sqlite_autoincrement=True),
            sqlite_only=True,
        ),
    ]


NAMES = [change.name for change in changes()]
NOT_ON_MARIADB = {change.name for change in changes() if change.not_on_mariadb}
EVERYWHERE = [change.name for change in changes() if not change.sqlite_only]


def before(name: str) -> Define:
    """Return what makes the tables before a change, as often as it is called."""
    return lambda metadata: _find(name).before(metadata)


def after(name: str) -> Define:
    """Return what makes the tables after a change, as often as it is called."""
    return lambda metadata: _find(name).after(metadata)


def _find(name: str) -> Change:
    return next(change for change in changes() if change.name == name)
