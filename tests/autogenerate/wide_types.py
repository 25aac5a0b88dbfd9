"""Types for random models, each with values that rows hold and defaults."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import typing as t
import uuid

import sqlalchemy as sa


class Mood(enum.Enum):
    """An enumeration of the application's."""

    good = "very good"
    bad = "it's bad"


class Level(enum.IntEnum):
    """Another one, whose values are numbers."""

    low = 1
    high = 2


class Upper(sa.TypeDecorator[str]):
    """Texts in capitals, by a type with an argument of its own."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: t.Any, dialect: sa.Dialect) -> t.Any:
        return value.upper() if isinstance(value, str) else value


class Cents(sa.TypeDecorator[decimal.Decimal]):
    """Sums of money as integers."""

    impl = sa.Integer
    cache_ok = True

    def process_bind_param(self, value: t.Any, dialect: sa.Dialect) -> t.Any:
        return None if value is None else int(value * 100)

    def process_result_value(self, value: t.Any, dialect: sa.Dialect) -> t.Any:
        return None if value is None else decimal.Decimal(value) / 100


class OldFashioned(sa.TypeDecorator[str]):
    """A type whose copy() takes no arguments, as in many an old package."""

    impl = sa.Unicode
    cache_ok = True

    def copy(self) -> OldFashioned:  # type: ignore[override]
        return OldFashioned(self.impl.length)  # type: ignore[attr-defined]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A type of columns.

    :param make: makes the type, for a name that an Enum gets.
    :param family: types of one family hold each other's values.
    :param values: what rows hold.
    :param defaults: what ``server_default`` may be.
    """

    make: t.Callable[[str], sa.types.TypeEngine[t.Any]]
    family: str
    values: tuple[t.Any, ...]
    defaults: tuple[t.Callable[[], t.Any], ...]


def _same(value: t.Any) -> t.Callable[[], t.Any]:
    return lambda: value


_TEXTS = ("Ada", "", "it's", "Ü%:x", "12", "true", "a\nb", "null")
_INTS = (0, 1, 7, -3, 2**31 - 1)
_TEXT_DEFAULTS: t.Any = (
    *map(
        _same,
        ["", "a", "it's", "50%", ":x", "12", "null", "a;b", "(x)", '"q"', "-- no"],
    ),
    lambda: sa.text("'x'"),
    lambda: sa.text("('a' || 'b')"),
    sa.null,
)
_INT_DEFAULTS = (
    *map(_same, ["0", "1", "-5", "+3"]),
    lambda: sa.text("7"),
    lambda: sa.text("(1 + 2)"),
    lambda: sa.text("-1"),
    lambda: sa.literal(4),
)
_REAL_DEFAULTS = (
    *map(_same, ["0", "1.5", "-2.25"]),
    lambda: sa.text("1e3"),
    lambda: sa.text("0.10"),
)
_BOOLS: t.Any = (
    sa.true,
    sa.false,
    lambda: sa.text("0"),
    lambda: sa.text("1"),
    _same("1"),
    _same("0"),
)
_MOMENTS: t.Any = (
    sa.func.now,
    sa.func.current_timestamp,
    lambda: sa.text("CURRENT_TIMESTAMP"),
    lambda: sa.text("'2020-01-01 00:00:00'"),
    _same("2020-01-01 00:00:00"),
)
_MOMENT = datetime.datetime(2024, 2, 29, 12, 30, 1, 5)
_ENUM_DEFAULTS = (_same("good"), _same("bad"), lambda: sa.text("'bad'"))


def _text(make: t.Callable[[str], t.Any], short: bool = False) -> Kind:
    values = tuple(v for v in _TEXTS if not short or len(v) < 6)
    return Kind(make, "text", values, _TEXT_DEFAULTS)


def _enum(make: t.Callable[[str], t.Any], *values: t.Any) -> Kind:
    return Kind(make, "enum", values or ("good", "bad"), _ENUM_DEFAULTS)


KINDS: t.Final[dict[str, Kind]] = {
    "int": Kind(lambda n: sa.Integer(), "int", _INTS, _INT_DEFAULTS),
    "big": Kind(lambda n: sa.BigInteger(), "int", _INTS, _INT_DEFAULTS),
    "small": Kind(lambda n: sa.SmallInteger(), "int", _INTS[:4], _INT_DEFAULTS),
    "str20": _text(lambda n: sa.String(20)),
    "str80": _text(lambda n: sa.String(80)),
    "str": _text(lambda n: sa.String()),
    "text": _text(lambda n: sa.Text()),
    "unicode": _text(lambda n: sa.Unicode(40)),
    "char": _text(lambda n: sa.CHAR(8)),
    "nocase": _text(lambda n: sa.String(40, collation="NOCASE")),
    "nocase text": _text(lambda n: sa.Text(collation="NOCASE")),
    "upper": _text(lambda n: Upper(30)),
    "old": _text(lambda n: OldFashioned(30)),
    "bool": Kind(lambda n: sa.Boolean(), "bool", (True, False), _BOOLS),
    "checked bool": Kind(
        lambda n: sa.Boolean(create_constraint=True), "bool", (True, False), _BOOLS
    ),
    "named bool": Kind(
        lambda n: sa.Boolean(create_constraint=True, name=f"flag_{n}"),
        "bool",
        (True, False),
        _BOOLS,
    ),
    "enum": _enum(lambda n: sa.Enum("good", "bad", name=n)),
    "enum3": _enum(lambda n: sa.Enum("good", "bad", "it's", name=n)),
    "checked enum": _enum(
        lambda n: sa.Enum("good", "bad", name=n, create_constraint=True)
    ),
    "checked enum3": _enum(
        lambda n: sa.Enum("good", "bad", "50%", name=n, create_constraint=True)
    ),
    "text enum": _enum(
        lambda n: sa.Enum(
            "good", "bad", native_enum=False, create_constraint=True, length=20
        )
    ),
    "python enum": _enum(lambda n: sa.Enum(Mood, name=n), *Mood),
    "checked python enum": _enum(
        lambda n: sa.Enum(Mood, create_constraint=True), *Mood
    ),
    "enum of values": Kind(
        lambda n: sa.Enum(
            Mood,
            name=n,
            values_callable=lambda e: [m.value for m in e],
            create_constraint=True,
        ),
        "enum of values",
        tuple(Mood),
        (_same("very good"), _same("it's bad")),
    ),
    "level": Kind(lambda n: sa.Enum(Level, name=n), "level", tuple(Level), ()),
    "date": Kind(
        lambda n: sa.Date(),
        "date",
        (datetime.date(2024, 2, 29),),
        (_same("2020-01-01"), sa.func.current_date),
    ),
    "moment": Kind(lambda n: sa.DateTime(), "moment", (_MOMENT,), _MOMENTS),
    "zoned": Kind(lambda n: sa.DateTime(timezone=True), "moment", (_MOMENT,), _MOMENTS),
    "time": Kind(
        lambda n: sa.Time(), "time", (datetime.time(1, 2),), (_same("01:02:03"),)
    ),
    "interval": Kind(
        lambda n: sa.Interval(), "interval", (datetime.timedelta(1, 5),), ()
    ),
    "float": Kind(lambda n: sa.Float(), "real", (1.5, -0.25, 0.0), _REAL_DEFAULTS),
    "double": Kind(lambda n: sa.Double(), "real", (1.5, -0.25, 0.0), _REAL_DEFAULTS),
    "numeric": Kind(
        lambda n: sa.Numeric(10, 2),
        "number",
        (decimal.Decimal("1.50"), decimal.Decimal("-3")),
        _REAL_DEFAULTS,
    ),
    "numeric4": Kind(
        lambda n: sa.Numeric(12, 4),
        "number",
        (decimal.Decimal("1.5"), decimal.Decimal(0)),
        _REAL_DEFAULTS,
    ),
    "bytes": Kind(
        lambda n: sa.LargeBinary(),
        "bytes",
        (b"", b"\0\xff"),
        (lambda: sa.text("x'00'"),),
    ),
    "binary": Kind(lambda n: sa.BINARY(16), "bytes", (b"0123456789abcdef",), ()),
    "uuid": Kind(lambda n: sa.Uuid(), "uuid", (uuid.UUID(int=5), uuid.UUID(int=6)), ()),
    "uuid text": Kind(
        lambda n: sa.Uuid(as_uuid=False, native_uuid=False),
        "uuid text",
        (str(uuid.UUID(int=5)), str(uuid.UUID(int=6))),
        (),
    ),
    "native uuid": Kind(lambda n: sa.UUID(), "uuid", (uuid.UUID(int=5),), ()),
    "pickle": Kind(lambda n: sa.PickleType(), "pickle", ([1], {"a": 2}), ()),
    "json": Kind(
        lambda n: sa.JSON(),
        "json",
        ({}, [1, "it's"], {"a:b": "50%"}, 3, "x"),
        (
            *map(_same, ["{}", "[]", '{"a": ":b", "c": "50%"}', "null"]),
            lambda: sa.text("'{}'"),
        ),
    ),
    "cents": Kind(
        lambda n: Cents(), "cents", (decimal.Decimal("1.25"),), _INT_DEFAULTS
    ),
}
#: Kinds that a computed column can be computed from.
NUMBERS: t.Final = ("int", "big", "small", "numeric", "float")
TEXTS: t.Final = tuple(key for key, kind in KINDS.items() if kind.family == "text")
