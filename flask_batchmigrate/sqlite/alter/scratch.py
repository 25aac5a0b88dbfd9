"""The table that receives the rows of a copy."""

from __future__ import annotations

import functools

from ...value_classes import value_class
from ..ddl import edits
from ..ddl.table import parse_table
from ..ddl.table import TableText
from ..schema.catalogue import Catalogue
from ..schema.catalogue import qualified
from ..schema.database import Database
from ..target.target import Target


@value_class
class Scratch:
    """The table that receives the rows.

    Most plans never copy, so its texts are written on demand.

    :param name: a name that no object of the schema has.
    :param definition: the new definition.
    :param is_relaxed: whether it leaves out what does not matter for how records are
        stored.
    """

    schema: str
    name: str
    definition: TableText
    is_relaxed: bool

    @functools.cached_property
    def sql(self) -> str:
        """The statement that creates it."""
        write = edits.relaxed if self.is_relaxed else edits.set_name
        return write(self.definition, self.name)

    @functools.cached_property
    def text(self) -> TableText:
        """Its definition, read from the statement."""
        return parse_table(self.sql)

    @property
    def path(self) -> str:
        """The table's schema and name, quoted for SQL."""
        return qualified(self.schema, self.name)


def plan_scratch(db: Database, catalogue: Catalogue, target: Target) -> Scratch:
    """Choose the table that is to receive the rows, without creating it.

    :param catalogue: all objects of the table's schema.
    """
    name = catalogue.free_name("_batchmigrate_copy_")
    return Scratch(target.before.schema, name, target.text, db.can_write_schema)
