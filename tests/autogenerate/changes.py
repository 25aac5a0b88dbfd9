"""Single changes of models, each with the models before and after it."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import datetime
import typing as t

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

Define = cabc.Callable[[sa.MetaData], None]
#: The databases that have a change; every one has the others.
SQLITE: t.Final = ("sqlite",)
POSTGRESQL: t.Final = ("postgresql",)
MARIADB: t.Final = ("mariadb",)
SERVERS: t.Final = (*POSTGRESQL, *MARIADB)
NOT_MARIADB: t.Final = (*SQLITE, *POSTGRESQL)
_NO_OPERATION: t.Final = "no operation of Alembic changes it in a table that is there"


@dataclasses.dataclass(frozen=True)
class Change:
    """One change.

    :param name: what it is, in the words of the published table.
    :param before: makes the tables before it; once, for SQLAlchemy's objects belong to
        one table each.
    :param after: makes the tables after it; once.
    :param only: the databases on which these models can be had.
    :param limits: why a part of it does not hold on a database.
    :param options: the options of ``migrate``.
    :param old_names: the former names of tables and of columns (``table.column``).
    :param values: two values for columns (``table.column``), for rows before it.
    """

    name: str
    before: Define
    after: Define
    only: tuple[str, ...] = ("sqlite", *SERVERS)
    limits: cabc.Mapping[str, str] = dataclasses.field(default_factory=dict)
    options: cabc.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    old_names: cabc.Mapping[str, str] = dataclasses.field(default_factory=dict)
    values: cabc.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)


def person(*items: sa.SchemaItem, **options: t.Any) -> Define:
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


def named(*arguments: t.Any, **options: t.Any) -> Define:
    """The same, with another definition of the name."""
    column = sa.Column("name", *arguments, **options)

    def define(metadata: sa.MetaData) -> None:
        id_ = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("person", metadata, id_, column)

    return define


def columns_of(*columns: sa.Column[t.Any], key: str = "id") -> Define:
    """A table with a number, maybe under another name than ``id``, and columns."""

    def define(metadata: sa.MetaData) -> None:
        id_ = sa.Column(key, sa.Integer, primary_key=True, info={"renamed_from": "id"})
        sa.Table("person", metadata, id_, *columns)

    return define


def pet(*items: sa.SchemaItem, owner: bool = True, **options: t.Any) -> Define:
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


def referring(
    type_: t.Any = sa.Integer,
    key: cabc.Mapping[str, t.Any] | None = None,
    **options: t.Any,
) -> Define:
    """A table that refers to a UNIQUE column, and what is given to both columns.

    :param type_: the type of both columns.
    :param key: options of the column that is referred to.
    :param options: options of the column that refers.
    """

    def define(metadata: sa.MetaData) -> None:
        sa.Table(
            "team",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("code", type_, nullable=False, **(key or {"unique": True})),
        )
        sa.Table(
            "player",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("code", type_, sa.ForeignKey("team.code"), **options),
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


def members(*items: sa.SchemaItem) -> Define:
    """A table with a key of two columns, and one whose rows refer to its rows."""

    def define(metadata: sa.MetaData) -> None:
        with_key("a", "b")(metadata)
        sa.Table(
            "fee",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("a", sa.Integer),
            sa.Column("b", sa.Integer),
            *items,
        )

    return define


def lone(metadata: sa.MetaData) -> None:
    """A table that has nothing to do with the others."""
    id_ = sa.Column("id", sa.Integer, primary_key=True)
    sa.Table("lone", metadata, id_)


def family(metadata: sa.MetaData) -> None:
    """That table, a person and a pet."""
    lone(metadata)
    pet()(metadata)


def owned(make: bool) -> Define:
    """A table, and maybe another one with the column that refers to it."""

    def define(metadata: sa.MetaData) -> None:
        if make:
            sa.Table("owner", metadata, sa.Column("id", sa.Integer, primary_key=True))
        sa.Table(
            "pet",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            *([sa.Column("owner_id", sa.ForeignKey("owner.id"))] if make else []),
        )

    return define


def linked(make: bool) -> Define:
    """Two tables, and maybe the association table between them."""

    def define(metadata: sa.MetaData) -> None:
        pet(owner=False)(metadata)
        if make:
            sa.Table(
                "person_pet",
                metadata,
                sa.Column("person_id", sa.ForeignKey("person.id"), primary_key=True),
                sa.Column("pet_id", sa.ForeignKey("pet.id"), primary_key=True),
            )

    return define


def both_refer(make: bool) -> Define:
    """Two tables that refer to one another, or none of them."""

    def define(metadata: sa.MetaData) -> None:
        person()(metadata)
        if not make:
            return
        boss = sa.ForeignKey("worker.id", name="fk_boss", use_alter=True)
        firm = sa.ForeignKey("firm.id", name="fk_firm", use_alter=True)
        for name, key in (("firm", boss), ("worker", firm)):
            column = sa.Column("other_id", sa.Integer, key)
            id_ = sa.Column("id", sa.Integer, primary_key=True)
            sa.Table(name, metadata, id_, column)

    return define


def renamed(table: str, column: str, **options: t.Any) -> Define:
    """A person under another name, and a pet that refers to it."""

    def define(metadata: sa.MetaData) -> None:
        sa.Table(
            table,
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column(column, sa.String(50), unique=True),
            info=options,
        )
        sa.Table(
            "pet",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("owner_id", sa.Integer, sa.ForeignKey(f"{table}.id")),
        )

    return define


def in_shop(*items: t.Any, table: bool = True) -> Define:
    """A table of another schema, whose name the metadata knows."""

    def define(metadata: sa.MetaData) -> None:
        person()(metadata)
        if table:
            sa.Table(
                "article",
                metadata,
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("code", sa.String(20)),
                *items,
                schema=metadata.info["schema"],
            )

    return define


def shop_key(make: bool) -> Define:
    """A foreign key that leads to a table of another schema."""

    def define(metadata: sa.MetaData) -> None:
        in_shop()(metadata)
        key = sa.ForeignKey(f"{metadata.info['schema']}.article.id")
        sa.Table(
            "sale",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("article_id", sa.Integer, *([key] if make else [])),
        )

    return define


def conventional(define: Define) -> Define:
    """Models with a naming convention."""

    def named_by_convention(metadata: sa.MetaData) -> None:
        metadata.naming_convention = {
            "ix": "i_%(column_0_label)s",
            "uq": "u_%(table_name)s_%(column_0_name)s",
            "ck": "c_%(table_name)s_%(constraint_name)s",
            "fk": "f_%(table_name)s_%(column_0_name)s",
            "pk": "p_%(table_name)s",
        }
        define(metadata)

    return named_by_convention


class Code(sa.TypeDecorator[str]):
    """A type of an application."""

    impl = sa.String(12)
    cache_ok = True


def age(**options: t.Any) -> sa.Column[int]:
    return sa.Column("age", sa.Integer, **options)


def x(type_: t.Any, *arguments: t.Any, **options: t.Any) -> sa.Column[t.Any]:
    return sa.Column("x", type_, *arguments, **options)


def _check(text: str, name: str | None = None) -> sa.CheckConstraint:
    return sa.CheckConstraint(text, name=name)


def _enum(*members: str, check: bool = True) -> sa.Column[str]:
    return sa.Column("mood", sa.Enum(*members, name="mood", create_constraint=check))


def _computed(expression: str, stored: bool = True) -> sa.Column[int]:
    return sa.Column("twice", sa.Integer, sa.Computed(expression, persisted=stored))


_LEAP_DAY: t.Final = datetime.datetime(2024, 2, 29)


def _changed_at(default: str, **options: t.Any) -> sa.Column[t.Any]:
    return sa.Column("at", sa.DateTime, server_default=sa.text(default), **options)


def _index(*terms: str, name: str = "ix_some", **options: t.Any) -> Define:
    def define(metadata: sa.MetaData) -> None:
        person()(metadata)
        table = metadata.tables["person"]
        texts = [table.c[x] if x in table.c else sa.text(x) for x in terms]
        sa.Index(name, *texts, _table=table, **options)

    return define


def _with_flag(is_indexed: bool) -> Define:
    """A person that is marked, and perhaps an index of those that are."""

    def define(metadata: sa.MetaData) -> None:
        person(sa.Column("main", sa.Boolean))(metadata)
        table = metadata.tables["person"]
        if is_indexed:
            where = {f"{name}_where": table.c.main for name in ("sqlite", "postgresql")}
            sa.Index("ix_main", table.c.name, **where)

    return define


def _unique(*columns: str, **options: t.Any) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, **options)


def _fee_key() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["a", "b"], ["membership.a", "membership.b"])


def _old(name: str) -> dict[str, dict[str, str]]:
    return {"info": {"renamed_from": name}}


def _both_ways(
    name: str,
    less: Define,
    more: Define,
    limits: cabc.Mapping[str, cabc.Mapping[str, str]] | None = None,
    **options: t.Any,
) -> list[Change]:
    """Return a change and its opposite; only one of them can be used.

    :param limits: the limits of each, by ``added`` and ``removed``.
    """
    limits = limits or {}
    return [
        Change(f"{name} added", less, more, limits=limits.get("added", {}), **options),
        Change(
            f"{name} removed", more, less, limits=limits.get("removed", {}), **options
        ),
    ]


def _everywhere(reason: str) -> dict[str, str]:
    return dict.fromkeys(("sqlite", *SERVERS), reason)


def _there_and_back(
    name: str, first: str, second: str, one: Define, other: Define, **options: t.Any
) -> list[Change]:
    """Return a change from one to the other, and back."""
    return [
        Change(f"{name}: {first} to {second}", one, other, **options),
        Change(f"{name}: {second} to {first}", other, one, **options),
    ]


def _columns() -> list[Change]:
    return [
        *_both_ways("column", person(), person(age())),
        *_both_ways("column with an index", person(), person(x(sa.Date, index=True))),
        *_both_ways("column with UNIQUE", person(), person(x(sa.Date, unique=True))),
        *_both_ways("column with CHECK", person(), person(age(), _check("age > 3"))),
        *_both_ways(
            "column with a default", person(), person(age(server_default=sa.text("7")))
        ),
        *_both_ways(
            "column with a foreign key",
            person(),
            pet(sa.Column("x", sa.ForeignKey("person.id"))),
        ),
        *_both_ways(
            "NOT NULL column with a server default",
            person(),
            person(age(nullable=False, server_default=sa.text("7"))),
        ),
        *_both_ways(
            "NOT NULL column with a Python default",
            person(),
            person(age(nullable=False, default=7)),
            limits={
                "removed": dict.fromkeys(
                    NOT_MARIADB, "nobody knows the values that are gone"
                )
            },
        ),
        Change(
            "NOT NULL column, with `--default`",
            person(),
            person(age(nullable=False)),
            options={"defaults": ["person.age=7"]},
        ),
        *_both_ways("Boolean column with a check", person(), person(_flag(True))),
        *_both_ways(
            "Boolean column with a check and a CHECK",
            person(),
            person(_flag(True), _check("flag OR NOT flag")),
        ),
        *_both_ways("Enum column with a check", person(), person(_enum("good", "bad"))),
        *_both_ways(
            "Enum column without a check",
            person(),
            person(_enum("good", "bad", check=False)),
        ),
        *_both_ways(
            "computed column", person(age()), person(age(), _computed("age * 2"))
        ),
        *_both_ways(
            "computed column and what it is computed from",
            person(),
            person(_computed("age * 2"), age()),
        ),
        *_both_ways("column of a type of one's own", person(), person(x(Code))),
        *_both_ways("column of JSON", person(), person(x(sa.JSON))),
        *_both_ways("column of `Uuid`", person(), person(x(sa.Uuid))),
        Change(
            "column renamed, in the model",
            named(sa.String(50), unique=True),
            person_of(sa.Column("label", sa.String(50), unique=True, **_old("name"))),
            old_names={"person.label": "name"},
        ),
        Change(
            "column renamed, with `--rename`",
            named(sa.String(50), index=True),
            person_of(sa.Column("label", sa.String(50), index=True)),
            options={"renames": ["person.name:label"]},
            old_names={"person.label": "name"},
        ),
        Change(
            "primary key renamed",
            person(),
            columns_of(sa.Column("name", sa.String(50)), key="number"),
            old_names={"person.number": "id"},
        ),
        Change(
            "column renamed, with another type",
            person(age()),
            person(sa.Column("years", sa.BigInteger, **_old("age"))),
            old_names={"person.years": "age"},
        ),
        Change(
            "column renamed, and made NOT NULL",
            person(age()),
            person(
                sa.Column("years", sa.Integer, default=3, nullable=False, **_old("age"))
            ),
            old_names={"person.years": "age"},
        ),
        Change(
            "column with a CHECK renamed",
            person(age(), _check("age > 3", "ck_age")),
            person(
                sa.Column("years", sa.Integer, **_old("age")),
                _check("years > 3", "ck_age"),
            ),
            old_names={"person.years": "age"},
        ),
        Change(
            "two columns swapped",
            person(sa.Column("label", sa.String(20))),
            person_of(
                sa.Column("label", sa.String(50)), sa.Column("name", sa.String(20))
            ),
            options={"renames": ["person.name:label", "person.label:name"]},
            old_names={"person.label": "name", "person.name": "label"},
        ),
        Change(
            "column replaced, with `--no-rename`",
            person(x(sa.String(50))),
            person(sa.Column("y", sa.String(50))),
            options={"no_rename": True},
        ),
    ]


def person_of(*columns: sa.Column[t.Any]) -> Define:
    """A person with a number and these columns."""

    def define(metadata: sa.MetaData) -> None:
        id_ = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("person", metadata, id_, *columns)

    return define


def _flag(check: bool) -> sa.Column[bool]:
    return sa.Column("flag", sa.Boolean(create_constraint=check))


def _types() -> list[Change]:
    def types(
        label: str, first: t.Any, second: t.Any, *values: t.Any, **options: t.Any
    ) -> Change:
        if values:
            options["values"] = {"person.x": values}
        return Change(label, person(x(first)), person(x(second)), **options)

    collation = {
        "sqlite": "NOCASE",
        "postgresql": "C",
        "mysql": "utf8mb4_bin",
    }

    def collated(kind: t.Any, *arguments: t.Any) -> t.Any:
        type_ = kind(*arguments)
        for dialect, name in collation.items():
            variant = kind(*arguments, collation=name)
            type_ = type_.with_variant(variant, dialect)
        return type_

    moment = sa.DateTime(timezone=True)
    return [
        types("VARCHAR widened", sa.String(50), sa.String(80)),
        types("VARCHAR shortened", sa.String(50), sa.String(40)),
        types("VARCHAR to TEXT", sa.String(50), sa.Text),
        types("TEXT to VARCHAR", sa.Text, sa.String(50)),
        types("INTEGER to BIGINT", sa.Integer, sa.BigInteger),
        types("INTEGER to VARCHAR", sa.Integer, sa.String(20)),
        types("VARCHAR to INTEGER", sa.String(20), sa.Integer, "12", "7"),
        types("INTEGER to NUMERIC", sa.Integer, sa.Numeric(10, 2)),
        types("NUMERIC with another scale", sa.Numeric(10, 2), sa.Numeric(12, 3)),
        types("FLOAT to NUMERIC", sa.Float, sa.Numeric(10, 2), 1.5, 2.5),
        types("INTEGER to Boolean", sa.Integer, sa.Boolean, 1, 0),
        types("Boolean to INTEGER", sa.Boolean, sa.Integer),
        types("DATE to DATETIME", sa.Date, sa.DateTime),
        types("DATETIME with a time zone", sa.DateTime(), moment),
        types("TEXT to JSON", sa.Text, sa.JSON, '{"a": 1}', "[]"),
        types("JSON to TEXT", sa.JSON, sa.Text),
        types(
            "VARCHAR to Enum", sa.String(9), sa.Enum("on", "off", name="e"), "on", "off"
        ),
        types("Enum to VARCHAR", sa.Enum("on", "off", name="e"), sa.String(9)),
        types("type of one's own to another", Code(), sa.String(40)),
        types("INTEGER without values to DATE", sa.Integer, sa.Date, None, None),
        types("TIME without values to INTEGER", sa.Time, sa.Integer, None, None),
        *_there_and_back(
            "type and its default",
            "INTEGER",
            "VARCHAR",
            person(x(sa.Integer, server_default="7")),
            person(x(sa.String(9), server_default="7")),
            values={"person.x": ("5", 6)},
        ),
        *_there_and_back(
            "type and its default",
            "Boolean",
            "INTEGER",
            person(x(sa.Boolean, server_default=sa.true())),
            person(x(sa.Integer, server_default="1")),
            values={"person.x": (1, 0)},
        ),
        *_both_ways(
            "collation",
            person(x(sa.String(50))),
            person(x(collated(sa.String, 50))),
        ),
        *_both_ways(
            "collation of a column with a default",
            person(x(sa.String(50), server_default="it's :a")),
            person(x(collated(sa.String, 50), server_default="it's :a")),
        ),
        *_both_ways(
            "collation of a TEXT", person(x(sa.Text)), person(x(collated(sa.Text)))
        ),
        Change(
            "TEXT to VARCHAR with a collation",
            person(x(sa.Text)),
            person(x(collated(sa.String, 50))),
        ),
    ]


def _nulls_and_defaults() -> list[Change]:
    text = sa.String(50)
    return [
        *_both_ways(
            "NOT NULL",
            named(text, server_default="x"),
            named(text, nullable=False, server_default="x"),
        ),
        Change(
            "NOT NULL, filled by a Python default",
            named(text),
            named(text, nullable=False, default="x"),
        ),
        *_both_ways("default", named(text), named(text, server_default="x")),
        Change(
            "default changed",
            named(text, server_default="x"),
            named(text, server_default="y"),
        ),
        *_both_ways(
            "default of a number", person(age()), person(age(server_default="7"))
        ),
        *_both_ways(
            "default of a Boolean",
            person(_flag(False)),
            person(sa.Column("flag", sa.Boolean, server_default=sa.true())),
        ),
        *_both_ways(
            "default of a JSON",
            person(x(sa.JSON)),
            person(x(sa.JSON, server_default="{}")),
        ),
        *_there_and_back(
            "default of a JSON",
            "a list",
            "an object",
            person(x(sa.JSON, server_default="[]")),
            person(x(sa.JSON, server_default="{}")),
        ),
        *_both_ways(
            "default with quotes, colons and per cent signs",
            named(text, server_default="x"),
            named(text, server_default="it's 100% \\ :x %s"),
        ),
        *_both_ways(
            "default of a TEXT, with an apostrophe",
            person(x(sa.Text)),
            person(x(sa.Text, server_default="it's")),
        ),
        *_there_and_back(
            "default",
            "one expression",
            "another",
            named(text, server_default=sa.text("(lower('A'))")),
            named(text, server_default=sa.text("(upper('it''s 5% :a'))")),
        ),
        *_both_ways(
            "default that is an expression",
            person(x(sa.DateTime)),
            person(x(sa.DateTime, server_default=sa.func.current_timestamp())),
        ),
        Change(
            "column with an expression for a default, and a comment, renamed",
            named(text, server_default=sa.text("(lower('A'))"), comment="it's 5% :a"),
            columns_of(
                sa.Column(
                    "label",
                    text,
                    server_default=sa.text("(lower('A'))"),
                    comment="it's 5% :a",
                    **_old("name"),
                )
            ),
            old_names={"person.label": "name"},
        ),
        Change(
            "type of a column with an expression for a default, and a comment",
            named(text, server_default=sa.text("(lower('A'))"), comment="it's 5% :a"),
            named(
                sa.String(70),
                server_default=sa.text("(lower('A'))"),
                comment="it's 5% :a",
            ),
        ),
        Change(
            "NULL of a column with ON UPDATE",
            columns_of(_changed_at("NULL ON UPDATE CURRENT_TIMESTAMP")),
            columns_of(
                _changed_at(
                    "'2024-02-29 00:00:00' ON UPDATE CURRENT_TIMESTAMP", nullable=False
                )
            ),
            only=MARIADB,
            values={"person.at": (_LEAP_DAY, _LEAP_DAY)},
        ),
        *_both_ways(
            "ON UPDATE of a column",
            columns_of(_changed_at("NULL")),
            columns_of(_changed_at("NULL ON UPDATE CURRENT_TIMESTAMP")),
            only=MARIADB,
        ),
        Change(
            "expression of a computed column changed",
            person(age(), _computed("age * 2")),
            person(age(), _computed("age + age + 1")),
        ),
        Change(
            "expression of a computed column changed, with a new column",
            person(age(), _computed("age * 2")),
            person(age(), _computed("age + more"), sa.Column("more", sa.Integer)),
        ),
        *_both_ways(
            "CHECK of a single column",
            person(age()),
            person(sa.Column("age", sa.Integer, _check("age > 0"))),
        ),
        Change(
            "type of a column that another is computed from",
            person(age(), _computed("age * 2")),
            person(sa.Column("age", sa.BigInteger), _computed("age * 2")),
        ),
        Change(
            "computed column removed, with the type of what it is computed from",
            person(age(), _computed("age * 2")),
            person(sa.Column("age", sa.BigInteger)),
        ),
        *_there_and_back(
            "column",
            "plain",
            "computed",
            person(age(), sa.Column("twice", sa.Integer)),
            person(age(), _computed("age * 2")),
            values={"person.twice": (None, None)},
        ),
        *_there_and_back(
            "computed column",
            "stored",
            "virtual",
            person(age(), _computed("age * 2")),
            person(age(), _computed("age * 2", stored=False)),
            only=("sqlite", "mariadb"),
        ),
        *_both_ways(
            "comment of a column",
            person(age()),
            person(age(comment="in years")),
        ),
        *_both_ways("comment of a table", person(), person(comment="someone")),
    ]


def _keys() -> list[Change]:
    return [
        *_both_ways("member of the primary key", with_key("a"), with_key("a", "b")),
        Change("primary key of another column", with_key("a"), with_key("b")),
        Change(
            "type of the primary key",
            person(),
            person_of_key(sa.BigInteger),
            limits={"sqlite": "SQLite numbers the rows of an INTEGER only"},
        ),
        *_both_ways(
            "numbering of the primary key by the database",
            person_of_key(sa.Integer, autoincrement=False),
            person(),
            limits={
                way: dict.fromkeys(SERVERS, _NO_OPERATION)
                for way in ("added", "removed")
            },
        ),
        *_both_ways(
            "foreign key",
            pet(owner=False),
            pet(),
            values={"pet.owner_id": (4, None)},
        ),
        *_both_ways("ON DELETE", pet(), pet(ondelete="CASCADE")),
        *_both_ways("ON UPDATE", pet(), pet(onupdate="CASCADE")),
        Change("ON DELETE changed", pet(ondelete="CASCADE"), pet(ondelete="SET NULL")),
        *_both_ways(
            "DEFERRABLE",
            pet(),
            pet(deferrable=True, initially="DEFERRED"),
            only=NOT_MARIADB,
        ),
        *_both_ways(
            "column with a foreign key and an index",
            pet(),
            pet(
                sa.Column("x", sa.ForeignKey("person.id"), index=True),
                sa.Column("y", sa.ForeignKey("person.id"), unique=True),
            ),
        ),
        *_both_ways(
            "foreign key to its own table",
            person(x(sa.Integer)),
            person(x(sa.Integer, sa.ForeignKey("person.id"))),
            values={"person.x": (4, None)},
        ),
        *_both_ways("foreign key of two columns", members(), members(_fee_key())),
        *_both_ways(
            "second foreign key to one table",
            pet(sa.Column("x", sa.Integer)),
            pet(sa.Column("x", sa.Integer, sa.ForeignKey("person.id"))),
            values={"pet.x": (4, None)},
        ),
        *_both_ways(
            "index of a column with a foreign key", referring(), referring(index=True)
        ),
        *_there_and_back(
            "index that a foreign key stands on",
            "plain",
            "UNIQUE",
            referring(index=True),
            referring(unique=True),
        ),
        *_there_and_back(
            "types that a foreign key stands on",
            "VARCHAR",
            "longer VARCHAR",
            referring(sa.String(20)),
            referring(sa.String(40)),
        ),
        *_there_and_back(
            "types that a foreign key stands on",
            "INTEGER",
            "BIGINT",
            referring(sa.Integer),
            referring(sa.BigInteger),
        ),
        Change(
            "UNIQUE that a foreign key stands on made an index",
            referring(),
            referring(key={"unique": True, "index": True}),
        ),
        Change(
            "foreign key renamed",
            pet(name="fk_a"),
            pet(name="fk_b"),
            limits=_everywhere("another name of a foreign key is no difference"),
        ),
        *_both_ways(
            "two tables that refer to one another",
            both_refer(False),
            both_refer(True),
            values=dict.fromkeys(("firm.other_id", "worker.other_id"), (None, None)),
        ),
    ]


def person_of_key(type_: t.Any, **options: t.Any) -> Define:
    """A person with another primary key."""

    def define(metadata: sa.MetaData) -> None:
        sa.Table(
            "person",
            metadata,
            sa.Column("id", type_, primary_key=True, **options),
            sa.Column("name", sa.String(50)),
        )

    return define


def _moods(number: int, *members: str) -> Define:
    """A person with columns that share one Enum with a check."""
    mood = sa.Enum(*members, name="mood", create_constraint=True)
    return person(*(sa.Column(f"mood{n}", mood) for n in range(number)))


def _with_conflicts(metadata: sa.MetaData) -> None:
    """A person, and a table in which every constraint says what a conflict does."""
    person()(metadata)
    said = "sqlite_on_conflict"
    sa.Table(
        "log",
        metadata,
        sa.Column(
            "id", sa.Integer, primary_key=True, **{f"{said}_primary_key": "REPLACE"}
        ),
        x(sa.Integer, nullable=False, **{f"{said}_not_null": "IGNORE"}),
        sa.Column("y", sa.Integer, unique=True, **{f"{said}_unique": "REPLACE"}),
        _unique("x", "y", sqlite_on_conflict="IGNORE"),
    )


def _constraints() -> list[Change]:
    return [
        *_both_ways("UNIQUE without a name", person(), person(_unique("name"))),
        *_both_ways("UNIQUE with a name", person(), person(_unique("name", name="uq"))),
        *_both_ways(
            "UNIQUE of two columns",
            person(age()),
            person(age(), _unique("name", "age")),
        ),
        Change(
            "UNIQUE renamed",
            person(_unique("name", name="uq_a")),
            person(_unique("name", name="uq_b")),
        ),
        Change(
            "UNIQUE of other columns",
            person(age(), _unique("name", name="uq")),
            person(age(), _unique("name", "age", name="uq")),
        ),
        *_both_ways(
            "ON CONFLICT of a UNIQUE",
            person(_unique("name")),
            person(_unique("name", sqlite_on_conflict="REPLACE")),
            only=SQLITE,
        ),
        *_both_ways(
            "ON CONFLICT of a NOT NULL",
            person(age(nullable=False)),
            person(age(nullable=False, sqlite_on_conflict_not_null="IGNORE")),
            limits={way: {"sqlite": _NO_OPERATION} for way in ("added", "removed")},
            only=SQLITE,
        ),
        *_both_ways(
            "column with ON CONFLICT",
            person(),
            person(
                age(
                    nullable=False,
                    server_default="7",
                    sqlite_on_conflict_not_null="IGNORE",
                )
            ),
            only=SQLITE,
        ),
        *_both_ways(
            "table with ON CONFLICT",
            person(),
            _with_conflicts,
            only=SQLITE,
        ),
        *_both_ways(
            "ON CONFLICT of a UNIQUE column",
            person(age(unique=True)),
            person(age(unique=True, sqlite_on_conflict_unique="IGNORE")),
            only=SQLITE,
        ),
        *_both_ways(
            "ON CONFLICT of the primary key",
            person(),
            person_of_key(sa.Integer, sqlite_on_conflict_primary_key="REPLACE"),
            limits={way: {"sqlite": _NO_OPERATION} for way in ("added", "removed")},
            only=SQLITE,
        ),
        *_both_ways(
            "CHECK without a name", person(), person(_check("length(name) > 0"))
        ),
        *_both_ways(
            "CHECK with a name",
            person(),
            person(_check("length(name) < 45", "ck_name")),
        ),
        *_both_ways(
            "CHECK with colons and per cent signs",
            person(),
            person(_check("name NOT LIKE 'x%' AND name <> '\\:b'", "ck_name")),
        ),
        *_both_ways(
            "table with colons and per cent signs in a CHECK",
            person(),
            pet(_check("owner_id <> 9 OR 'x%' LIKE '\\:b%'")),
        ),
        Change(
            "column of an array of an Enum added",
            person(),
            person(x(postgresql.ARRAY(sa.Enum("a", "b", name="ab")))),
            only=POSTGRESQL,
        ),
        Change(
            "CHECK changed",
            person(_check("length(name) < 45", "ck_name")),
            person(_check("length(name) < 40", "ck_name")),
        ),
        Change(
            "CHECK renamed",
            person(_check("length(name) < 45", "ck_a")),
            person(_check("length(name) < 45", "ck_b")),
        ),
        *_both_ways(
            "second CHECK without a name",
            person(_check("length(name) > 0")),
            person(_check("length(name) > 0"), _check("length(name) < 45")),
        ),
        *_both_ways(
            "second column of an Enum with a check", _moods(1, "on"), _moods(2, "on")
        ),
        *_both_ways(
            "member of an Enum of two columns", _moods(2, "on"), _moods(2, "on", "off")
        ),
        Change(
            "VARCHAR to Boolean with a check",
            person(x(sa.String(9))),
            person(x(sa.Boolean(create_constraint=True))),
            values={"person.x": ("1", "0")},
        ),
        Change(
            "Boolean with a check to VARCHAR",
            person(x(sa.Boolean(create_constraint=True))),
            person(x(sa.String(9))),
            only=MARIADB,
        ),
        Change(
            "VARCHAR to Enum that is no type of the database",
            person(x(sa.String(9))),
            person(x(sa.Enum("a", "b", native_enum=False, create_constraint=True))),
            values={"person.x": ("a", "b")},
        ),
        *_both_ways("check of a Boolean", person(_flag(False)), person(_flag(True))),
        *_both_ways(
            "check of an Enum",
            person(_enum("good", "bad", check=False)),
            person(_enum("good", "bad")),
        ),
        *_both_ways(
            "member of an Enum", person(_enum("good")), person(_enum("good", "bad"))
        ),
        *_both_ways(
            "member of an Enum without a check",
            person(_enum("good", check=False)),
            person(_enum("good", "bad", check=False)),
        ),
        Change(
            "member of an Enum put first",
            person(_enum("good", "bad")),
            person(_enum("odd", "good", "bad")),
        ),
        Change(
            "constraints named by a convention",
            conventional(pet(x(sa.Integer))),
            conventional(
                pet(
                    x(sa.Integer, sa.ForeignKey("person.id"), unique=True),
                    _check("x > 3", "x"),
                )
            ),
            values={"pet.x": (4, None)},
        ),
    ]


def _indexes() -> list[Change]:
    partial = {
        f"{dialect}_where": sa.text("id > 3") for dialect in ("sqlite", "postgresql")
    }
    return [
        *_both_ways("index", person(), _index("name")),
        *_both_ways("unique index", person(), _index("name", unique=True)),
        *_both_ways("index of two columns", person(), _index("name", "id")),
        *_both_ways(
            "index of an expression", person(), _index("lower(name)"), only=NOT_MARIADB
        ),
        *_both_ways("descending index", person(), _index("name DESC")),
        *_both_ways(
            "partial index", person(), _index("name", **partial), only=NOT_MARIADB
        ),
        *_both_ways(
            "index of the rows where a column is true",
            _with_flag(False),
            _with_flag(True),
            only=NOT_MARIADB,
        ),
        Change("index of other columns", _index("name"), _index("name", "id")),
        Change("index made unique", _index("name"), _index("name", unique=True)),
        Change("index made descending", _index("name"), _index("name DESC")),
        Change(
            "condition of a partial index changed",
            _index("name", **partial),
            _index(
                "name",
                sqlite_where=sa.text("id > 5"),
                postgresql_where=sa.text("id > 5"),
            ),
            only=NOT_MARIADB,
        ),
        *_there_and_back(
            "index of an expression",
            "one",
            "another",
            _index("lower(name)", "(name || '\\:d') DESC"),
            _index("coalesce(name, 'A b% \\:c')"),
            only=NOT_MARIADB,
        ),
        *(
            change
            for label, options in {
                "NULLS NOT DISTINCT of a unique index": {
                    "unique": True,
                    "postgresql_nulls_not_distinct": True,
                },
                "method of an index": {"postgresql_using": "hash"},
                "operator class of an index": {
                    "postgresql_ops": {"name": "varchar_pattern_ops"}
                },
                "parameters of an index": {"postgresql_with": {"fillfactor": 70}},
                "included columns of an index": {"postgresql_include": ["id"]},
                "condition of an index": {
                    "postgresql_where": sa.text("name LIKE 'a%' OR name = '\\:b'")
                },
            }.items()
            for change in _both_ways(
                label,
                _index("name", unique=options.get("unique", False)),
                _index("name", **options),
                only=POSTGRESQL,
            )
        ),
        *_there_and_back(
            "place of NULL in an index",
            "first",
            "last",
            _index("name NULLS FIRST", "id DESC"),
            _index("name", "id DESC NULLS LAST"),
            only=POSTGRESQL,
        ),
        Change("index renamed", _index("name"), _index("name", name="ix_other")),
        *_both_ways(
            "index with included columns",
            person(),
            _index("name", postgresql_include=["id"]),
            only=POSTGRESQL,
        ),
        *_both_ways(
            "index of the first letters",
            person(),
            _index("name", mysql_length={"name": 9}),
            only=MARIADB,
        ),
    ]


def _tables() -> list[Change]:
    return [
        *_both_ways("table", person(), pet()),
        *_both_ways("two tables, of which one refers to the other", lone, family),
        *_both_ways("table with a column that refers to it", owned(False), owned(True)),
        *_both_ways("association table", linked(False), linked(True)),
        *_both_ways(
            "table with one of everything",
            person(),
            pet(
                x(sa.String(9), index=True, unique=True, server_default="x"),
                _check("owner_id > 3"),
                _enum("good", "bad"),
                age(nullable=False),
                _computed("age * 2"),
            ),
        ),
        Change(
            "table renamed, in the model",
            renamed("person", "name"),
            renamed("human", "name", renamed_from="person"),
            old_names={"human": "person"},
        ),
        Change(
            "table renamed, with `--rename`, and a column",
            renamed("person", "name"),
            renamed("human", "label"),
            options={"renames": ["person:human", "human.name:label"]},
            old_names={"human": "person", "human.label": "name"},
        ),
        *_both_ways(
            "AUTOINCREMENT", person(), person(sqlite_autoincrement=True), only=SQLITE
        ),
        *_both_ways("STRICT", _strict(False), _strict(True), only=SQLITE),
        *_both_ways(
            "WITHOUT ROWID", person(), person(sqlite_with_rowid=False), only=SQLITE
        ),
        *_there_and_back(
            "engine of a table",
            "InnoDB",
            "Aria",
            person(mysql_engine="InnoDB", mariadb_engine="InnoDB"),
            person(mysql_engine="Aria", mariadb_engine="Aria"),
            limits={"mariadb": _NO_OPERATION},
            only=MARIADB,
        ),
        *_both_ways("table of another schema", in_shop(table=False), in_shop()),
        *_both_ways(
            "column of a table of another schema",
            in_shop(),
            in_shop(age(server_default="7", nullable=False), _check("age > 3")),
        ),
        Change(
            "column of a table of another schema renamed",
            in_shop(age()),
            in_shop(sa.Column("years", sa.Integer, **_old("age"))),
            old_names={"article.years": "age"},
        ),
        *_both_ways(
            "Enum of a table of another schema",
            in_shop(),
            in_shop(_enum("good", "bad")),
        ),
        *_both_ways(
            "index and UNIQUE of a table of another schema",
            in_shop(age()),
            in_shop(age(index=True), _unique("code")),
        ),
        *_both_ways(
            "foreign key to another schema",
            shop_key(False),
            shop_key(True),
            only=SERVERS,
            values={"sale.article_id": (4, None)},
        ),
    ]


def _strict(strict: bool) -> Define:
    """A table of types that a STRICT table may have."""

    def define(metadata: sa.MetaData) -> None:
        id_ = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("person", metadata, id_, x(sa.Text), sqlite_strict=strict)

    return define


def changes() -> list[Change]:
    """Return every change, made anew."""
    return [change for _, group in groups() for change in group]


def groups() -> list[tuple[str, list[Change]]]:
    """Return every change, made anew, by what it is about."""
    return [
        ("Columns", _columns()),
        ("Types", _types()),
        ("NULL, defaults, computed columns and comments", _nulls_and_defaults()),
        ("Primary and foreign keys", _keys()),
        ("UNIQUE, CHECK and Enums", _constraints()),
        ("Indexes", _indexes()),
        ("Tables", _tables()),
    ]


NAMES = [change.name for change in changes()]


def names_on(kind: str) -> list[str]:
    """Return the changes that a database has."""
    return [change.name for change in changes() if kind in change.only]


def find(name: str) -> Change:
    """Return a change, made anew."""
    return next(change for change in changes() if change.name == name)


def before(name: str) -> Define:
    """Return what makes the tables before a change, as often as it is called."""
    return lambda metadata: find(name).before(metadata)


def after(name: str) -> Define:
    """Return what makes the tables after a change, as often as it is called."""
    return lambda metadata: find(name).after(metadata)
