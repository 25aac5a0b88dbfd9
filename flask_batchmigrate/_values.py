"""Makes classes of values like :func:`dataclasses.dataclass`, at a quarter of its cost.

The first change of a table loads all classes of the engine. The standard decorator
compiles six methods for each of them; here it compiles one, and the others are the same
functions for all classes. That nobody assigns to a field is left to the type checker,
for which this is the standard decorator.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import operator
import typing as t

__all__ = ["value"]

if t.TYPE_CHECKING:
    from dataclasses import dataclass as value
else:

    def value(*, frozen: t.Literal[True], slots: bool = False) -> cabc.Callable:
        """Turn a class with annotations into one of values.

        :param frozen: nothing may assign to a field.
        :param slots: the objects have no room for anything but the fields.
        """

        def make(cls: type) -> type:
            made = dataclasses.dataclass(eq=False, repr=False, slots=slots)(cls)
            names = [f.name for f in dataclasses.fields(made) if f.compare]
            made._compared = operator.attrgetter(*names) if names else type
            made.__eq__, made.__hash__, made.__repr__ = _equal, _hash, _describe
            made.__getstate__, made.__setstate__ = _state, _restore
            return made

        return make


def _equal(self: t.Any, other: t.Any) -> t.Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    compared = self._compared
    return compared(self) == compared(other)


def _hash(self: t.Any) -> int:
    return hash(self._compared(self))


def _state(self: t.Any) -> list[t.Any]:
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _restore(self: t.Any, state: cabc.Iterable[t.Any]) -> None:
    for f, kept in zip(dataclasses.fields(self), state, strict=True):
        setattr(self, f.name, kept)


def _describe(self: t.Any) -> str:
    fields = (f.name for f in dataclasses.fields(self) if f.repr)
    listed = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields)
    return f"{type(self).__qualname__}({listed})"
