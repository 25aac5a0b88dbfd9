"""Writes types so that the script can be run, and makes the same column anywhere.

Alembic writes the type's ``repr`` after the name of its module, and leaves the import
to the person who edits the script. The ``repr`` of many types cannot be run, either:
it names the types that another type was given without their module. Where a type is of
one database or of the application, Alembic leaves out its variants for others.
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import importlib
import inspect
import re
import typing as t

import sqlalchemy as sa

from ..reporting import reporter
from .rows.conversion_expressions import generic
from .script.enums import ExistingEnum
from .script.rendering import final_check_name
from .script.rendering import sql_text
from .script.rendering import type_text

_Render = cabc.Callable[[str, t.Any, t.Any], t.Any]


def render_item(users: _Render | None) -> _Render:
    """Return a ``render_item`` that asks the user's own one first.

    See https://alembic.sqlalchemy.org/en/latest/autogenerate.html#affecting-the-rendering-of-types-themselves
    """

    def render(kind: str, item: t.Any, autogen_context: t.Any) -> t.Any:
        text = users(kind, item, autogen_context) if users is not None else False
        if text is False and kind == "server_default":
            return _render_default(item, autogen_context)
        if text is not False or kind != "type":
            return text
        return _render_type(item, autogen_context)

    return render


def _render_default(default: t.Any, context: t.Any) -> str | bool:
    """Return the text of a default; False for one that Alembic writes correctly.

    Of a default that is true or false, Alembic would write the number that SQLite has
    for it, which PostgreSQL refuses.
    """
    prefix = context.opts["sqlalchemy_module_prefix"] or ""
    if isinstance(default, sa.Computed):
        arguments = [repr(sql_text(context, t.cast(t.Any, default.sqltext)))]
        if default.persisted is not None:
            arguments.append(f"persisted={default.persisted}")
        return f"{prefix}Computed({', '.join(arguments)})"
    argument = getattr(default, "arg", default)
    if isinstance(argument, (sa.True_, sa.False_)):
        return f"{prefix}text({str(argument)!r})"
    if isinstance(argument, str):
        return repr(str(argument))
    if isinstance(argument, sa.ClauseElement) and not isinstance(default, sa.Identity):
        return f"{prefix}text({sql_text(context, argument, True)!r})"
    return False


def _render_type(type_: sa.types.TypeEngine[t.Any], context: t.Any) -> str | bool:
    """Return the text of a type; False for a type that Alembic writes correctly."""
    if isinstance(type_, sa.types.NullType):
        reporter().warning(
            "A column has a type that SQLAlchemy does not know: the script says "
            "'sa.types.NullType()' there. Write the column's type before you run "
            "that part, or import the package with the type in the models."
        )
        return "sa.types.NullType()"
    if isinstance(type_, ExistingEnum):
        return type_.text(context)
    variants = getattr(type_, "_variant_mapping", None)
    if not variants:
        return _render_plain(type_, context)
    text = type_text(context, _without_variants(type_))
    for dialect, variant in sorted(variants.items()):
        text += f".with_variant({type_text(context, variant)}, {dialect!r})"
    return text


def _without_variants(type_: sa.types.TypeEngine[t.Any]) -> sa.types.TypeEngine[t.Any]:
    plain = copy.copy(type_)
    vars(plain).pop("_variant_mapping", None)
    return plain


def _render_plain(type_: sa.types.TypeEngine[t.Any], context: t.Any) -> str | bool:
    """Return the text of a type without variants; False if Alembic writes it well."""
    module = type(type_).__module__
    if module.partition(".")[0] == "sqlalchemy":
        return _render_sqlalchemys(type_, context)
    if context.opts.get("user_module_prefix") is not None:
        return False
    name = f"{module}.{type(type_).__qualname__}"
    text = f"{name}{_arguments(_repr(type_, context))}"
    if _rebuilds(text, type_, context.dialect):
        context.imports.add(f"import {module}")
        return text
    if isinstance(type_, sa.TypeDecorator):
        return type_text(context, _impl(type_, context.dialect))
    context.imports.add(f"import {module}")
    return text if text != f"{name}{_arguments(repr(type_))}" else False


def _render_sqlalchemys(
    type_: sa.types.TypeEngine[t.Any], context: t.Any
) -> str | bool:
    """Return the text of a type of SQLAlchemy's; False if Alembic writes it well."""
    other = generic(type_)
    if other is not type_:
        return type_text(context, other)
    text = _repr(type_, context)
    if text == repr(type_):
        if isinstance(type_, sa.TypeDecorator) and not _rebuilds(
            f"sa.{text}", type_, context.dialect
        ):
            return type_text(context, _impl(type_, context.dialect))
        return final_check_name(type_, context)
    _, _, dialect = type(type_).__module__.partition("sqlalchemy.dialects.")
    if not dialect:
        return f"{context.opts['sqlalchemy_module_prefix'] or ''}{text}"
    dialect = dialect.partition(".")[0]
    context.imports.add(f"from sqlalchemy.dialects import {dialect}")
    return f"{dialect}.{text}"


def _repr(type_: sa.types.TypeEngine[t.Any], context: t.Any) -> str:
    """Return the ``repr`` of a type, in which the types that it contains can be run."""
    if type(type_).__init__ is object.__init__:
        return repr(type_)
    # What was not given is an attribute of the class.
    names = {*vars(type_), *inspect.signature(type(type_)).parameters}
    values = [getattr(type_, name, None) for name in names]
    inner = {
        repr(each): each for each in values if isinstance(each, sa.types.TypeEngine)
    }
    if not inner:
        return repr(type_)
    found = "|".join(map(re.escape, sorted(inner, key=len, reverse=True)))
    return re.sub(
        rf"(?<![\w.'\"])(?:{found})",
        lambda match: type_text(context, inner[match[0]]),
        repr(type_),
    )


def _arguments(text: str) -> str:
    """Return the arguments in the ``repr`` of a type, with their parentheses."""
    return text[text.index("(") :] if "(" in text else "()"


def _rebuilds(
    text: str, type_: sa.types.TypeEngine[t.Any], dialect: sa.Dialect
) -> bool:
    """Tell whether a text gives the same type when it is run as in a script."""
    module = type(type_).__module__
    if module == "__main__" or "<locals>" in text:
        return False
    try:
        importlib.import_module(module)
        root = importlib.import_module(module.partition(".")[0])
        rebuilt = eval(text, {root.__name__: root, "sa": sa})
        return type(rebuilt) is type(type_) and (
            rebuilt.compile(dialect=dialect) == type_.compile(dialect=dialect)
        )
    except Exception:
        # The constructor may raise any error for arguments that the ``repr`` made up.
        return False


def _impl(
    type_: sa.TypeDecorator[t.Any], dialect: sa.Dialect
) -> sa.types.TypeEngine[t.Any]:
    """Return the type of SQLAlchemy that a type of the application is stored as."""
    impl = type_.load_dialect_impl(dialect)
    while isinstance(impl, sa.TypeDecorator):
        impl = impl.load_dialect_impl(dialect)
    return impl
