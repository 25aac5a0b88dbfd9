"""Makes small values whose classes cost next to nothing until one is used.

:func:`dataclasses.dataclass` writes and compiles six functions for each class when its
module is imported, and with ``slots`` makes the class a second time. That takes half a
millisecond, which a process that runs one command would pay for a hundred classes. Here
a class gets functions that every such class has, and an ``__init__`` of its own when
its first value is made.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import inspect
import operator
import typing as t

if t.TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(
        *, frozen: t.Literal[True], eq: bool = True
    ) -> cabc.Callable[[type], type]:
        """Return what makes a class a frozen dataclass.

        The class behaves as one of :func:`dataclasses.dataclass`, and the functions of
        that module take it for one, as type checkers do.

        :param frozen: always True; stated at the class, for whoever reads it.
        :param eq: compare values by their fields, not by identity.
        """

        def decorate(cls: type) -> type:
            _equip(cls, eq)
            return cls

        return decorate


def _equip(cls: t.Any, eq: bool) -> None:
    """Give a class its fields and functions."""
    own = {name: cls.__dict__.get(name, _REQUIRED) for name in cls.__annotations__}
    fields: dict[str, t.Any] = {**getattr(cls, "_value_fields", {}), **own}
    for name, stated in own.items():
        if isinstance(stated, dataclasses.Field):
            delattr(cls, name)
    cls._value_fields = fields
    cls.__dataclass_fields__ = _Later("__dataclass_fields__", _as_dataclass)
    cls.__signature__ = _Later("__signature__", _signature)
    cls.__init__ = _first_init(cls, fields)
    cls.__setattr__, cls.__delattr__ = _refuse_to_set, _refuse_to_delete
    cls.__repr__ = _repr
    if eq:
        compared = [name for name, stated in fields.items() if _counts(stated)]
        cls.__eq__, cls.__hash__ = _comparison(compared)


_REQUIRED: t.Final = dataclasses.MISSING


class _NotGiven:
    """Stands for an argument whose default is made when it is missing."""

    def __repr__(self) -> str:
        return "<factory>"


_NOT_GIVEN: t.Final = _NotGiven()


class _Later:
    """An attribute of a class that is made when it is asked for.

    :param name: the attribute.
    :param make: makes it of the class.
    """

    def __init__(self, name: str, make: cabc.Callable[[t.Any], object]) -> None:
        self._name = name
        self._make = make

    def __get__(self, value: object, cls: t.Any) -> object:
        made = self._make(cls)
        setattr(cls, self._name, made)
        return made


def _first_init(cls: t.Any, fields: dict[str, t.Any]) -> cabc.Callable[..., None]:
    """Return an ``__init__`` that puts the compiled one in its own place."""

    def __init__(self: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        cls.__init__ = compiled = _compiled_init(cls, fields)
        compiled(self, *args, **kwargs)

    return __init__


def _compiled_init(cls: t.Any, fields: dict[str, t.Any]) -> t.Any:
    """Compile an ``__init__`` with a parameter for each field."""
    parameters, lines = ["_self"], ["_values = _self.__dict__"]
    names: dict[str, t.Any] = {"_not_given": _NOT_GIVEN}
    for name, stated in fields.items():
        default, given, factory = stated, name, t.cast(t.Any, _REQUIRED)
        if isinstance(stated, dataclasses.Field):
            default, factory = stated.default, stated.default_factory
        if factory is not _REQUIRED:
            default, names[f"_make_{name}"] = _NOT_GIVEN, factory
            given = f"_make_{name}() if {name} is _not_given else {name}"
        if default is not _REQUIRED:
            names[f"_default_{name}"] = default
        optional = "" if default is _REQUIRED else f"=_default_{name}"
        parameters.append(name + optional)
        lines.append(f"_values[{name!r}] = {given}")
    body = "\n    ".join(lines)
    exec(f"def __init__({', '.join(parameters)}):\n    {body}\n", names)
    names["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    return names["__init__"]


def _signature(cls: t.Any) -> inspect.Signature:
    """Return how values of a class are made, for documentation."""
    _, *parameters = inspect.signature(
        _compiled_init(cls, cls._value_fields)
    ).parameters.values()
    annotations = _annotations(cls)
    return inspect.Signature(
        [each.replace(annotation=annotations[each.name]) for each in parameters],
        return_annotation=None,
    )


def _as_dataclass(cls: t.Any) -> object:
    """Return the fields of a class as :mod:`dataclasses` knows them."""
    annotations = _annotations(cls)
    made = t.cast(t.Any, dataclasses.make_dataclass)(
        cls.__name__,
        [
            (name, annotations[name], *([] if stated is _REQUIRED else [stated]))
            for name, stated in cls._value_fields.items()
        ],
        init=False,
        repr=False,
        eq=False,
        namespace={"__doc__": cls.__doc__},
    )
    return made.__dataclass_fields__


def _annotations(cls: t.Any) -> dict[str, t.Any]:
    """Return the annotations of a class and of its bases."""
    found: dict[str, t.Any] = {}
    for each in reversed(cls.__mro__[:-1]):
        found.update(each.__annotations__)
    return found


def _counts(stated: t.Any) -> bool:
    """Tell whether a field counts where values are compared."""
    return not isinstance(stated, dataclasses.Field) or stated.compare


def _comparison(names: list[str]) -> tuple[t.Any, t.Any]:
    """Return functions that compare and hash values by some of their fields."""
    key: t.Any = operator.attrgetter(*names) if names else lambda value: ()

    def __eq__(self: t.Any, other: t.Any) -> t.Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return key(self) == key(other)

    def __hash__(self: t.Any) -> int:
        return hash(key(self))

    return __eq__, __hash__


def _repr(self: t.Any) -> str:
    shown = [
        f"{name}={getattr(self, name)!r}"
        for name, stated in self._value_fields.items()
        if not isinstance(stated, dataclasses.Field) or stated.repr
    ]
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_to_set(self: object, name: str, value: object) -> t.NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> t.NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
