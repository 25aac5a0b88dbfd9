"""Random blocks of changes, with what they mean for the model."""

from __future__ import annotations

import collections.abc as cabc
import copy
import dataclasses
import typing as t

from flask_batchmigrate.sqlite.ddl.table import ConstraintKind
from flask_batchmigrate.sqlite.target import changes
from tests.oracles.schema_model import affinity
from tests.oracles.schema_model import Check
from tests.oracles.schema_model import Column
from tests.oracles.schema_model import Constraint
from tests.oracles.schema_model import drop_column
from tests.oracles.schema_model import ForeignKey
from tests.oracles.schema_model import Index
from tests.oracles.schema_model import Key
from tests.oracles.schema_model import Schema
from tests.oracles.schema_model import Table
from tests.oracles.schema_model import Term
from tests.oracles.schema_model import Writer
from tests.sqlite.random_choices import Choices
from tests.sqlite.random_schemas import Builder
from tests.sqlite.random_schemas import COLLATIONS
from tests.sqlite.random_schemas import COMPUTED
from tests.sqlite.random_schemas import default_for
from tests.sqlite.random_schemas import EXPRESSIONS
from tests.sqlite.random_schemas import NAMES
from tests.sqlite.random_schemas import STRICT_TYPES
from tests.sqlite.random_schemas import TYPES


@dataclasses.dataclass
class Meaning:
    """What a block means.

    :param table: the table it changes.
    :param before: the schema before it.
    :param after: the schema after it.
    :param changes: the block.
    :param dropped: columns that go.
    :param retyped: columns whose type changes, with the type they had.
    :param using: how values are converted, by column.
    :param fills: what new columns get in the rows there are, by column.
    :param kept: columns whose misfits stay.
    :param added: new constraints.
    :param went: names of indexes that go with their columns.
    """

    table: int
    before: Schema
    after: Schema
    changes: list[changes.Change] = dataclasses.field(default_factory=list)
    dropped: list[Column] = dataclasses.field(default_factory=list)
    retyped: dict[int, str] = dataclasses.field(default_factory=dict)
    using: dict[int, str] = dataclasses.field(default_factory=dict)
    fills: dict[int, str] = dataclasses.field(default_factory=dict)
    kept: set[int] = dataclasses.field(default_factory=set)
    added: list[Constraint] = dataclasses.field(default_factory=list)
    went: list[str] = dataclasses.field(default_factory=list)

    @property
    def old(self) -> Table:
        """The table before the block."""
        return self.before.table(self.table)

    @property
    def new(self) -> Table:
        """The table after the block."""
        return self.after.table(self.table)


class BlockBuilder:
    """Makes a block, one change after the other.

    :param builder: what made the schema, for more of the same.
    :param schema: the schema.
    """

    def __init__(self, builder: Builder, schema: Schema, table: int) -> None:
        self.builder = builder
        self.choices: Choices = builder.choices
        self.meaning = Meaning(table, schema, copy.deepcopy(schema))
        self.table = self.meaning.new
        builder.schema = self.meaning.after
        self.steps: list[changes.Change] = []
        self.pinned: set[int] = set()
        #: names of dropped columns that took something along, which would come back
        self.missed: set[str] = set()
        #: named constraints and indexes that went with columns
        self.gone: list[Constraint | Index] = []
        self.text_written = False
        self.is_one_pass = False
        #: integer types that the block gives to the rowid, which stays INTEGER
        self.integer_types: dict[int, str] = {}

    def build(self) -> Meaning:
        """Make the block."""
        emphasis = self.builder.emphasis
        for number in range(self.choices.number(1, 4)):
            wanted = emphasis.first if number == 0 else emphasis.then
            named = [getattr(self, name) for name in wanted]
            operation = self.choices.pick(named or self.operations())
            if self.table.plain_columns:
                operation()
        self.settle_rowid()
        self.meaning.changes = self.steps
        new, old = self.table, self.meaning.old
        new.numbered_anew = new.alias is None and old.rowid is None
        if self.choices.chance(8):
            self.rename_table()
        return self.meaning

    def operations(self) -> list[cabc.Callable[[], None]]:
        """Return what can be done next."""
        return [
            self.set_not_null,
            self.set_default,
            self.set_type,
            self.rename_column,
            self.drop_column,
            self.add_column,
            self.add_key,
            self.add_key,
            self.add_check,
            self.add_foreign_key,
            self.drop_constraint,
            self.drop_constraint,
            self.reorder,
            self.set_options,
            self.create_index,
            self.drop_index,
            self.replace_column,
        ]

    # Names

    def refer(self, column: Column) -> str:
        """Name a column as it is called by now, or as it was before the block."""
        old = self.meaning.old
        now = {c.name.lower() for c in self.table.columns}
        # Text that was written splits a block, and then only the present names count.
        if old.has(column.id) and not self.text_written and self.choices.chance(3):
            name = old.column(column.id).name
            if name.lower() not in now:
                return name
        return column.name

    def writer(self) -> Writer:
        """Write text with the names of this moment, as a script does."""
        self.text_written = True
        return Writer(self.meaning.after)

    def any_column(self) -> Column:
        """Choose a column, often one that a foreign key concerns."""
        keys = [
            key
            for table in self.meaning.after.tables
            for key in table.constraints
            if isinstance(key, ForeignKey)
        ]
        linked = {c for key in keys for c in (*key.children, *key.parents)}
        columns = [c for c in self.table.columns if c.id in linked]
        if columns and self.choices.chance(3):
            return self.choices.pick(columns)
        return self.choices.pick(self.table.columns)

    def plain_column(self) -> Column:
        """Choose a column that is not generated."""
        return self.choices.pick(self.table.plain_columns)

    # Columns

    def set_not_null(self) -> None:
        """Set or drop NOT NULL."""
        column = self.any_column()
        name, wanted = self.refer(column), not self.choices.chance(2)
        if column.not_null is not wanted:
            column.not_null, column.not_null_conflict = wanted, ""
        self.steps.append(changes.SetNotNull(name, wanted))

    def set_default(self) -> None:
        """Set or drop a default."""
        column = self.plain_column()
        name, value = self.refer(column), None
        if not self.choices.chance(4):
            value = default_for(self.choices, column.type)
        column.default = value
        self.steps.append(changes.SetDefault(name, value))

    def set_type(self) -> None:
        """Change a type, with a conversion or not."""
        choices = self.choices
        column = self.any_column()
        strict = self.table.strict and not choices.chance(8)
        type_ = choices.pick(STRICT_TYPES if strict else TYPES)
        if column.type and choices.chance(3):
            type_ = column.type
        using, keep = None, choices.chance(self.builder.emphasis.kept_values)
        stored = self.meaning.old.has(column.id)
        stored &= not self.is_typed(column)
        if choices.chance(6) and stored and column.generated is None:
            text = choices.pick(EXPRESSIONS)
            names = [self.meaning.old.column(column.id).name] * 2
            now = {c.name for c in self.table.columns}
            if names[0] == column.name and names[0] in now:
                quoted = '"' + names[0].replace('"', '""') + '"'
                using = text.format(quoted, quoted)
        collation = choices.pick(COLLATIONS) if choices.chance(3) else None
        self.give_type(column, type_, using, keep, collation)

    def give_type(
        self,
        column: Column,
        type_: str,
        using: str | None,
        keep: bool,
        collation: str | None = None,
    ) -> None:
        """Give a column a type; one that is the rowid keeps its own."""
        name = self.refer(column)
        if using is not None:
            self.pinned.add(column.id)
        alias = self.table.alias
        integer = affinity(type_) == "INTEGER"
        self.integer_types.pop(column.id, None)
        self.meaning.kept.discard(column.id)
        if using is not None:
            self.meaning.using[column.id] = using
            self.meaning.retyped.setdefault(column.id, column.type)
        if keep:
            self.meaning.kept.add(column.id)
        if alias is column and integer:
            self.integer_types[column.id] = type_
        else:
            if alias is column and self.table.autoincrement:
                self.set_autoincrement(False)
            self.meaning.retyped.setdefault(column.id, column.type)
            column.type = type_
            if collation is not None:
                column.collation = collation
                type_ += f" COLLATE {collation}"
        self.steps.append(changes.SetType(name, type_, using, keep))

    def is_typed(self, column: Column) -> bool:
        """Tell whether the block has set the type of a column."""
        return any(
            isinstance(step, changes.SetType | changes.ReplaceColumn)
            and step.name.lower()
            in (column.name.lower(), self.original(column).lower())
            for step in self.steps
        )

    def original(self, column: Column) -> str:
        """Return the name that a column had before the block."""
        old = self.meaning.old
        return old.column(column.id).name if old.has(column.id) else column.name

    def convert(self) -> None:
        """Give a column a type that stores values differently, or an expression."""
        choices = self.choices
        column = self.free_column()
        types = STRICT_TYPES if self.table.strict else TYPES
        own = affinity(column.type)
        others = [t for t in types if affinity(t) != own]
        type_ = choices.pick(others)
        keep = choices.chance(self.builder.emphasis.kept_values)
        using = self.computed() if choices.chance(3) else None
        if self.is_typed(column) or not self.meaning.old.has(column.id):
            using = None
        if column.generated is not None:
            using = None
        collation = choices.pick(COLLATIONS) if choices.chance(20) else None
        self.give_type(column, type_, using, keep, collation)

    def free_column(self) -> Column:
        """Choose a column, mostly one that no key and no stored column depends on."""
        columns = self.table.columns
        used = {
            c
            for table in self.meaning.after.tables
            for key in table.constraints
            if isinstance(key, ForeignKey)
            for c in key.parents
        }
        used |= {
            c for k in self.table.constraints if isinstance(k, Key) for c in k.columns
        }
        for column in columns:
            if column.stored:
                used |= Check(column.generated or "").columns
        free = [c for c in columns if c.id not in used and c.generated is None]
        if free and not self.choices.chance(12):
            return self.choices.pick(free)
        return self.any_column()

    def computed(self) -> str | None:
        """Make an expression over stored columns that have their names still."""
        if any(isinstance(step, changes.RenameColumn) for step in self.steps):
            return None
        names = [
            '"' + c.name.replace('"', '""') + '"'
            for c in self.meaning.old.columns
            if self.table.has(c.id)
        ]
        if not names:
            return None
        # A rename would split the block, and the rest would see other values.
        self.is_one_pass = True
        pair = [self.choices.pick(names) for _ in range(2)]
        return self.choices.pick(COMPUTED).format(*pair)

    def fill_column(self) -> None:
        """Add a column that gets a value in every row."""
        column = self.builder.column(self.table)
        column.comment = ""
        if column.generated is not None or column.name.lower() in self.missed:
            return
        fill = self.computed() if self.choices.chance(2) else None
        if fill is None:
            column.default = self.choices.pick(("(1 + 1)", "(lower('X') || 'y')"))
        else:
            self.meaning.fills[column.id] = fill
        column.not_null = self.choices.chance(4)
        self.table.columns.append(column)
        own = dataclasses.replace(self.table, constraints=[])
        definition = self.writer().definition(own, column)
        self.steps.append(changes.AddColumn(column.name, definition, fill=fill))

    def become_strict(self) -> None:
        """Make a table STRICT, with the types that it then may have."""
        table = self.table
        if table.strict or not self.builder.strict_tables:
            return
        spelled = {"NUMERIC": "REAL", "BLOB": self.choices.pick(("BLOB", "ANY"))}
        for column in table.columns:
            if column.type not in STRICT_TYPES:
                wanted = affinity(column.type)
                keep = not self.choices.chance(4)
                self.give_type(column, spelled.get(wanted, wanted), None, keep)
        table.strict = True
        self.steps.append(changes.SetOptions(strict=True))

    def settle_rowid(self) -> None:
        """Give a column its integer type if the block has ended its being the rowid."""
        for number, type_ in self.integer_types.items():
            if not self.table.has(number):
                continue
            column = self.table.column(number)
            if self.table.alias is not column:
                self.meaning.retyped.setdefault(number, column.type)
                column.type = type_

    def rename_column(self) -> None:
        """Rename a column."""
        column = self.any_column()
        if column.id in self.meaning.using or self.is_one_pass:
            return
        name = self.refer(column)
        taken = {c.name.lower() for c in self.table.columns}
        taken |= self.missed
        new_name = self.choices.pick(
            [n for n in (*NAMES, column.name.upper()) if n.lower() not in taken]
        )
        column.name = new_name
        self.steps.append(changes.RenameColumn(name, new_name))

    def drop_column(self) -> None:
        """Drop a column."""
        column = self.any_column()
        if column.id in self.pinned or len(self.table.columns) == 1:
            return
        name = self.refer(column)
        if self.meaning.old.has(column.id):
            self.meaning.dropped.append(column)
        present = {i.name for i in self.meaning.after.indexes}
        concerned = [*self.table.constraints, *self.meaning.after.indexes]
        if any(column.id in one.columns for one in concerned):
            self.missed |= {name.lower(), column.name.lower()}
        self.gone += [one for one in concerned if one.name and column.id in one.columns]
        drop_column(self.meaning.after, self.table, column.id)
        left = {i.name for i in self.meaning.after.indexes}
        self.meaning.went += sorted(present - left)
        self.steps.append(changes.DropColumn(name))

    def add_column(self) -> None:
        """Add a column, anywhere."""
        choices = self.choices
        column = self.builder.column(self.table)
        column.comment = ""
        if column.name.lower() in self.missed:
            return
        before = after = None
        place = len(self.table.columns)
        if choices.chance(3):
            neighbour = self.any_column()
            place = self.table.columns.index(neighbour)
            if choices.chance(2):
                before = self.refer(neighbour)
            else:
                after = self.refer(neighbour)
                place += 1
        self.table.columns.insert(place, column)
        self.add_inline(column)
        name = column.name
        own = [
            c
            for c in self.table.constraints
            if c.columns == {column.id} and getattr(c, "inline", False)
        ]
        table = dataclasses.replace(self.table, constraints=own)
        definition = self.writer().definition(table, column)
        self.steps.append(changes.AddColumn(name, definition, before, after))

    def add_inline(self, column: Column) -> None:
        """Put a constraint on a new column, now and then."""
        choices = self.choices
        if column.generated is not None or not choices.chance(4):
            return
        kind = choices.number(0, 2)
        made: Constraint
        if kind == 0:
            made = Check(f"{{{column.id}}} <> 'no'", self.builder.label(), column.id)
        elif kind == 1:
            made = Key(False, [Term(column.id)], self.builder.label(), inline=True)
        else:
            parent = choices.pick(self.meaning.after.tables)
            alias = parent.alias
            if alias is None:
                return
            made = ForeignKey([column.id], parent.id, [alias.id], self.builder.label())
            made.inline = True
        self.meaning.added.append(made)
        self.table.constraints.append(made)

    def replace_column(self) -> None:
        """Put a new definition in the place of a column."""
        column = self.plain_column()
        alias = self.table.alias
        primary = self.table.primary
        if alias is column or not self.meaning.old.has(column.id):
            return
        if primary is not None and primary.inline and column.id in primary.columns:
            return
        if column.id in self.meaning.using:
            return
        name = self.refer(column)
        self.integer_types.pop(column.id, None)
        self.meaning.retyped.setdefault(column.id, column.type)
        fresh = self.builder.column(dataclasses.replace(self.table, columns=[]))
        column.type, column.not_null = fresh.type, fresh.not_null
        column.not_null_conflict = fresh.not_null_conflict
        column.default, column.collation = fresh.default, fresh.collation
        column.comment = column.comment
        snapshot = dataclasses.replace(column, comment="")
        own = dataclasses.replace(self.table, constraints=[])

        definition = self.writer().definition(own, snapshot)
        self.steps.append(changes.ReplaceColumn(name, definition))

    def reorder(self) -> None:
        """Put the columns into another order."""
        columns = self.choices.some(
            self.table.columns, len(self.table.columns), len(self.table.columns)
        )
        names = tuple(self.refer(c) for c in columns)
        self.table.columns[:] = columns
        self.steps.append(changes.Reorder((names,)))

    # Constraints, options, indexes

    def add(self, made: Constraint) -> None:
        """Add a constraint of the table."""
        made = copy.deepcopy(made)
        made.inline = None if isinstance(made, Check) else False
        self.steps.append(changes.AddConstraint(self.writer().constraint(made)))
        present = self.table.constraints
        if any(_is_repeated(one, made) for one in present):
            # Neither has a name, so the new one would say nothing: the table keeps
            # what it has, a key with its AUTOINCREMENT and its ON CONFLICT.
            return
        if isinstance(made, Key) and made.primary:
            present[:] = [c for c in present if not (isinstance(c, Key) and c.primary)]
        # Of two on the same columns SQLAlchemy reflects the first in the text, so one
        # with a name precedes one without. SQLite makes one automatic index for both,
        # which has the directions of the first.
        hiding = [c for c in present if made.name and _is_hiding(c, made)]
        place = next((i for i, c in enumerate(present) if c in hiding), len(present))
        present.insert(place, made)
        self.meaning.added.append(made)

    def add_key(self) -> None:
        """Add a UNIQUE, or put a PRIMARY KEY in the place of another."""
        made = self.builder.unique(self.table)
        made.primary = self.choices.chance(4)
        self.add(made)

    def add_check(self) -> None:
        """Add a CHECK."""
        self.add(self.builder.check(self.table, lenient=False))

    def add_foreign_key(self) -> None:
        """Add a foreign key."""
        parent = self.choices.pick(self.meaning.after.tables)
        made = self.builder.new_foreign_key(self.table, parent)
        if made is not None:
            self.add(made)

    def drop_constraint(self) -> None:
        """Drop a constraint: by its name, or by what it is."""
        choices = self.choices
        if self.gone and choices.chance(2):
            self.drop_gone()
            return
        if not self.table.constraints:
            return
        gone = choices.pick(self.table.constraints)
        kind = _kind(gone)
        if gone in self.meaning.added:
            return
        change: changes.Change
        if gone.name is not None:
            change = changes.DropConstraint(
                gone.name, kind if choices.chance(2) else None
            )
        elif not isinstance(gone, Check):
            columns = _columns(gone)
            alike = [
                c
                for c in self.table.constraints
                if _kind(c) is kind and c.name is None and _columns(c) == columns
            ]
            if len(alike) > 1:
                return
            names = tuple(self.refer(self.table.column(c)) for c in columns)
            change = changes.DropConstraint(None, kind, names)
        else:
            return
        self.table.constraints.remove(gone)
        self.steps.append(change)

    def drop_gone(self) -> None:
        """Drop by name what went with a column already."""
        one = self.gone.pop()
        present = [c.name for c in self.table.constraints]
        present += [i.name for i in self.meaning.after.indexes]
        if one.name is None or one.name in present:
            return
        change: changes.Change = changes.DropIndex(one.name)
        if not isinstance(one, Index):
            change = changes.DropConstraint(one.name, _kind(one))
        self.steps.append(change)

    def set_options(self) -> None:
        """Switch a table option."""
        table, kind = self.table, self.choices.number(0, 2)
        if kind == 0 and self.builder.strict_tables:
            wanted = table.strict = not table.strict
            # A column that takes any value is called ANY in a STRICT table only.
            for column in table.columns:
                if column.type.upper() == ("" if wanted else "ANY"):
                    column.type = "ANY" if wanted else ""
            self.steps.append(changes.SetOptions(strict=wanted))
        elif kind == 1 and table.primary is not None:
            if table.autoincrement:
                return
            wanted = table.without_rowid = not table.without_rowid
            self.steps.append(changes.SetOptions(without_rowid=wanted))
        elif table.alias is not None and table.primary is not None:
            wanted = not table.autoincrement
            self.set_autoincrement(wanted)
            self.steps.append(changes.SetOptions(autoincrement=wanted))

    def set_autoincrement(self, wanted: bool) -> None:
        """Let SQLite number rows in the other way; the key moves to the end."""
        key = self.table.primary
        assert key is not None
        self.table.constraints.remove(key)
        key.autoincrement, key.inline = wanted, False
        self.table.constraints.append(key)

    def create_index(self) -> None:
        """Create an index."""
        index = self.builder.index(self.table)
        self.meaning.after.indexes.append(index)
        self.steps.append(changes.CreateIndex(index.name, self.writer().index(index)))

    def drop_index(self) -> None:
        """Drop an index."""
        own = [i for i in self.meaning.after.indexes if i.table == self.table.id]
        stored = {i.name for i in self.meaning.before.indexes}
        own = [i for i in own if i.name in stored]
        if not own:
            return
        gone: Index = self.choices.pick(own)
        self.meaning.after.indexes.remove(gone)
        self.steps.append(changes.DropIndex(gone.name))

    def rename_table(self) -> None:
        """Rename the table, after everything else."""
        name = self.choices.pick(("renamed", "re named", self.table.name.upper()))
        if name == self.table.name:
            return
        self.table.name = name
        self.meaning.changes.append(changes.RenameTable(name))


def _kind(constraint: Constraint) -> ConstraintKind:
    if isinstance(constraint, Check):
        return ConstraintKind.CHECK
    if isinstance(constraint, ForeignKey):
        return ConstraintKind.FOREIGN_KEY
    return ConstraintKind.PRIMARY_KEY if constraint.primary else ConstraintKind.UNIQUE


def _is_repeated(present: Constraint, made: Constraint) -> bool:
    """Tell whether a new constraint without a name says what another one says."""
    if present.name or made.name or _kind(present) is not _kind(made):
        return False
    if isinstance(present, Key) and isinstance(made, Key):
        return _terms(present) == _terms(made) and made.conflict in (
            "",
            present.conflict,
        )
    if isinstance(present, ForeignKey) and isinstance(made, ForeignKey):
        return _relation(present) == _relation(made) and _rules(present) == _rules(made)
    return isinstance(made, Check) and present == dataclasses.replace(
        made, inline=getattr(present, "inline", None)
    )


def _is_hiding(present: Constraint, made: Constraint) -> bool:
    """Tell whether a constraint would hide a new one from SQLAlchemy."""
    if present.name or present.inline or _kind(present) is not _kind(made):
        return False
    if isinstance(present, ForeignKey) and isinstance(made, ForeignKey):
        return _relation(present) == _relation(made)
    unique = isinstance(made, Key) and not made.primary
    return unique and _columns(present) == _columns(made)


def _terms(key: Key) -> list[t.Any]:
    return [(x.column, x.collation or "", x.order == "DESC") for x in key.terms]


def _relation(key: ForeignKey) -> tuple[t.Any, ...]:
    return key.children, key.parent, key.parents


def _rules(key: ForeignKey) -> tuple[t.Any, ...]:
    actions = [act or "NO ACTION" for act in (key.on_delete, key.on_update)]
    return *actions, key.deferred


def _columns(constraint: t.Any) -> list[int]:
    if isinstance(constraint, ForeignKey):
        return constraint.children
    return [term.column for term in getattr(constraint, "terms", ())]
