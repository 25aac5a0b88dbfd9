"""What happens to the operations that Alembic found, in this order.

1. On SQLite, the comparison of the definitions completes them (:mod:`.sqlite`).
2. Every constraint that is made gets a name (:mod:`.names`).
3. What another database needs besides is added: a type of PostgreSQL's before the
   column that has it (:mod:`.enums`), and how values are converted
   (:mod:`.conversions`).
4. The downgrade is made of them anew, so that it restores what was there.

A ``process_revision_directives`` of the user's gets the result, and has the last word.
"""

from __future__ import annotations

import typing as t

from . import sqlite
from .conversions import convert
from .enums import add_enum_types
from .names import name_everything
from .verify import Start

if t.TYPE_CHECKING:
    from alembic.operations import ops
    from alembic.runtime.migration import MigrationContext


def improve(
    context: MigrationContext, script: ops.MigrationScript, rewritten: bool
) -> Start | None:
    """Improve the operations of a revision that is about to be written.

    :param context: Alembic's context of the database that was compared.
    :param script: the revision; its last operations are those of this database.
    :param rewritten: a hook of the user's comes after this.
    :return: what the database is, where the script can be proven on SQLite.
    """
    upgrade = script.upgrade_ops_list[-1]
    downgrade = script.downgrade_ops_list[-1]
    start = None
    if context.dialect.name == "sqlite":
        comparison = sqlite.Comparison(context)
        upgrade.ops[:] = sqlite.complete(comparison, upgrade)
        start = Start(
            upgrade.upgrade_token.removesuffix("upgrades").removesuffix("_"),
            comparison.connection.engine,
            comparison.catalogue(None),
            dict(context.opts),
            rewritten,
        )
    name_everything(upgrade)
    add_enum_types(upgrade)
    convert(upgrade)
    upgrade.reverse_into(downgrade)
    return start
