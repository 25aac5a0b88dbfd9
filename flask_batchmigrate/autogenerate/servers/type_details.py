"""Compares what Alembic leaves out where it compares two types of a server.

These are a length or precision that a type gets or loses, the members of ``ENUM`` and
``SET``, ``UNSIGNED``, the type that MySQL and MariaDB choose by a length, and that
which a server makes of each spelling of a floating-point number.
"""

from __future__ import annotations

import collections.abc as cabc
import re
import typing as t

import sqlalchemy as sa

_Sizes: t.TypeAlias = "cabc.Mapping[str, str | None]"
#: The types whose length or precision counts, with that of a type that says none.
#: https://www.postgresql.org/docs/current/datatype.html
_POSTGRESQL: t.Final[_Sizes] = {
    "VARCHAR": None,
    "BIT VARYING": None,
    "NUMERIC": None,
    "CHAR": "1",
    "BIT": "1",
    "TIMESTAMP": "6",
    "TIME": "6",
    "INTERVAL": "6",
}
#: https://mariadb.com/kb/en/data-types/
_MYSQL: t.Final[_Sizes] = {
    "NUMERIC": "10, 0",
    "CHAR": "1",
    "BINARY": "1",
    "BIT": "1",
    "DATETIME": "0",
    "TIMESTAMP": "0",
    "TIME": "0",
}
#: How many bytes a ``TEXT`` or ``BLOB`` of each kind holds.
_ROOMS: t.Final = (
    ("TINY", 2**8 - 1),
    ("", 2**16 - 1),
    ("MEDIUM", 2**24 - 1),
    ("LONG", 2**32 - 1),
)
#: How many bits a ``FLOAT`` can have.
_SINGLE: t.Final = 24
_TYPE: t.Final = re.compile(
    r"(?P<name>[A-Z]+(?: VARYING)?) ?(?:\((?P<size>[\d, ]+)\))? ?(?P<rest>.*)"
)
_FLOAT: t.Final = re.compile(
    r"(?P<name>FLOAT|REAL|DOUBLE)(?: PRECISION)?(?:\((?P<size>[\d, ]+)\))?(?P<rest>.*)"
)
_NOT_COMPARED: t.Final = re.compile(r" (?:COLLATE|CHARACTER SET) \S+")


def differ(stored: t.Any, model: t.Any, dialect: sa.Dialect) -> bool | None:
    """Return whether two types differ; None leaves them to Alembic.

    :param stored: the type of the database.
    :param model: the type of the models.
    """
    texts = _text(stored, dialect), _text(model, dialect)
    floats = [_float(text, dialect) for text in texts]
    if all(floats):
        return floats[0] != floats[1]
    if dialect.name == "postgresql":
        return _differ_in_size(*texts, _POSTGRESQL)
    members = [getattr(type_, "values", None) for type_ in (stored, model)]
    if texts[0].startswith("SET(") and texts[1].startswith("SET("):
        return members[0] != members[1]
    if isinstance(stored, sa.Enum) and isinstance(model, sa.Enum):
        # On MySQL the older of the supported releases of Alembic do not compare them.
        return not model.native_enum or set(stored.enums) != set(model.enums)
    if len({" UNSIGNED" in text for text in texts if text}) > 1:
        return True
    chosen = _chosen(texts[1])
    if chosen:
        return texts[0] not in chosen
    return _differ_in_size(*texts, _MYSQL)


def _chosen(text: str) -> set[str]:
    """Return the types that MySQL and MariaDB may choose for one with a length.

    Which one it is depends on the bytes of a character, from one to four. See
    https://dev.mysql.com/doc/refman/8.4/en/blob.html

    :return: nothing for a type that they do not choose.
    """
    parsed = _TYPE.fullmatch(text)
    if parsed is None or not (parsed["size"] or "").isdecimal() or parsed["rest"]:
        return set()
    name, size = parsed["name"], int(parsed["size"])
    if name not in ("TEXT", "BLOB"):
        return set()
    return {
        next(
            (f"{kind}{name}" for kind, room in _ROOMS if size * each <= room),
            f"LONG{name}",
        )
        for each in ((1,) if name == "BLOB" else (1, 2, 3, 4))
    }


def _float(text: str, dialect: sa.Dialect) -> str:
    """Return the type that a server makes of a spelling of a floating-point number.

    See https://www.postgresql.org/docs/current/datatype-numeric.html and
    https://dev.mysql.com/doc/refman/8.4/en/floating-point-types.html

    :return: nothing for any other type.
    """
    parsed = _FLOAT.fullmatch(text)
    if parsed is None:
        return ""
    name, size = parsed["name"], parsed["size"] or ""
    is_postgresql = dialect.name == "postgresql"
    if name == "REAL":
        name = "FLOAT" if is_postgresql else "DOUBLE"
    elif name == "FLOAT" and size.isdecimal():
        name = "DOUBLE" if int(size) > _SINGLE else "FLOAT"
    elif name == "FLOAT" and is_postgresql:
        name = "DOUBLE"
    # Digits before and after the point are a matter of MySQL alone.
    return f"{name}{size if ',' in size else ''}{parsed['rest']}"


def _text(type_: sa.types.TypeEngine[t.Any], dialect: sa.Dialect) -> str:
    """Return a type as the server knows it; nothing if it has no such type."""
    try:
        text = type_.compile(dialect=dialect)
    except (sa.exc.CompileError, NotImplementedError):
        return ""
    return _NOT_COMPARED.sub("", text).replace("DECIMAL", "NUMERIC")


def _differ_in_size(one: str, other: str, sizes: _Sizes) -> bool | None:
    """Return whether one of two types says a length or precision, and the other not."""
    parsed = _TYPE.fullmatch(one), _TYPE.fullmatch(other)
    if parsed[0] is None or parsed[1] is None:
        return None
    if any(parsed[0][part] != parsed[1][part] for part in ("name", "rest")):
        return None
    name = parsed[0]["name"]
    if name not in sizes:
        return None
    said = [each["size"] or sizes[name] for each in parsed if each is not None]
    if name == "NUMERIC":
        said = [f"{s}, 0" if s is not None and "," not in s else s for s in said]
    return True if said[0] != said[1] else None
