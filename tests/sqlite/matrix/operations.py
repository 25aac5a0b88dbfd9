"""What a migration may ask of a table, as the scripts say it.

The operations *beside* a feature work on columns that have nothing to do with it; those
*on* it work on its column ``feat``.
"""

from __future__ import annotations

import dataclasses
import typing as t

from tests.oracles import matrix_oracle as e
from tests.oracles.database_state import Column
from tests.oracles.database_state import Names

FIRST_NAMES: t.Final = Names()


@dataclasses.dataclass(frozen=True)
class Step:
    """One direction of a migration.

    :param code: the calls, ``b`` being the batch block.
    :param expect: what becomes of the state.
    :param removed: regular expressions for what goes out of the ``CREATE TABLE``, each
        once; white space and commas are left out. ``{key}`` is the primary key.
    :param added: the same for what comes in.
    :param names: what the table and its columns are called afterwards.
    """

    code: str
    expect: e.Expect
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    names: Names = FIRST_NAMES


@dataclasses.dataclass(frozen=True)
class Operation:
    """One operation and what undoes it.

    :param title: what the published table calls it.
    :param on: whether it works on the column of the feature.
    :param arguments: further arguments of ``batch_alter_table``, up and down.
    :param block: whether it is in a batch block.
    :param text: how the text is compared: ``"spans"``, ``"names"`` where SQLite
        rewrites names in its own quotes, ``"order"`` where lines change places,
        ``"gone"`` where all lines with the column go.
    :param probes: whether the feature behaves as before.
    :param minimum: the SQLite release that it came with.
    """

    title: str
    up: Step
    down: Step
    on: bool = False
    arguments: tuple[str, str] = ("", "")
    block: bool = True
    text: tuple[str, str] = ("spans", "spans")
    probes: bool = True
    minimum: tuple[int, int, int] = (3, 31, 0)


NEW_TEXT: t.Final = Column("TEXT", False, "'new'", 0, 0)
WHICH: t.Final = ("another column", "the column")
ANY_DEFAULT: t.Final = r"DEFAULT'(?:''|[^'])*'"
ANY_TYPE: t.Final = r"TEXT|INTEGER|REAL"


def _not_null(on: str) -> Operation:
    return Operation(
        f"NOT NULL on, and off again, for {WHICH[on == 'feat']}",
        Step(
            f"b.alter_column('{on}', nullable=False)",
            e.not_null(on, True),
            added=("(?:NOTNULL)?",),
        ),
        Step(
            f"b.alter_column('{on}', nullable=True)",
            e.not_null(on, False),
            removed=("NOTNULL(?:ONCONFLICTREPLACE)?",),
        ),
        on=on == "feat",
        probes=on != "feat",
    )


def _default(on: str) -> Operation:
    return Operation(
        f"a default set and dropped for {WHICH[on == 'feat']}",
        Step(
            f"b.alter_column('{on}', server_default='preset')",
            e.default(on, "'preset'"),
            removed=(f"(?:{ANY_DEFAULT})?",),
            added=("DEFAULT'preset'",),
        ),
        Step(
            f"b.alter_column('{on}', server_default=None)",
            e.default(on, None),
            removed=("DEFAULT'preset'",),
        ),
        on=on == "feat",
        probes=on != "feat",
    )


def _type(on: str) -> Operation:
    keep = ", sqlite_keep_values=True" if on == "feat" else ""
    return Operation(
        f"the type of {WHICH[on == 'feat']},"
        f" to INTEGER and to TEXT{' (`sqlite_keep_values`)' if keep else ''}",
        Step(
            f"b.alter_column('{on}', type_=sa.Integer(){keep})",
            e.typed(on, "INTEGER"),
            removed=(f"(?:{ANY_TYPE})?",),
            added=("INTEGER",),
        ),
        Step(
            f"b.alter_column('{on}', type_=sa.Text(){keep})",
            e.typed(on, "TEXT"),
            removed=("INTEGER",),
            added=("TEXT",),
        ),
        on=on == "feat",
        probes=on != "feat",
    )


def _constraint(
    on: str, title: str, create: str, text: str, **kw: e.Expect
) -> Operation:
    drop = f"b.drop_constraint('{create.split(chr(39))[1]}')"
    return Operation(
        f"{title}, created and dropped, on {WHICH[on == 'feat']}",
        Step(create, kw["up"], added=(text,)),
        Step(drop, kw["down"], removed=(text,)),
        on=on == "feat",
        probes=on != "feat",
    )


def _unique(on: str) -> Operation:
    return _constraint(
        on,
        "UNIQUE",
        f"b.create_unique_constraint('uq_new', ['{on}'])",
        rf"CONSTRAINTuq_newUNIQUE\({on}\)",
        up=e.unique(on, True),
        down=e.unique(on, False),
    )


def _check(on: str) -> Operation:
    return _constraint(
        on,
        "CHECK",
        f"b.create_check_constraint('ck_new', \"{on} IS NOT 'never'\")",
        rf"CONSTRAINTck_newCHECK\({on}ISNOT'never'\)",
        up=e.unchanged,
        down=e.unchanged,
    )


def _index(on: str) -> Operation:
    sql = f"CREATE INDEX ix_new ON thing ({on})"
    return Operation(
        f"an index, created and dropped, on {WHICH[on == 'feat']}",
        Step(f"b.create_index('ix_new', ['{on}'])", e.index("ix_new", on, sql, True)),
        Step("b.drop_index('ix_new')", e.index("ix_new", on, sql, False)),
        on=on == "feat",
    )


def _dropped(on: str) -> Operation:
    feat = on == "feat"
    names = Names(feat=None) if feat else Names(xcol=None)
    type_ = Column("TEXT", False, None, 0, 0)
    return Operation(
        f"{WHICH[feat]} dropped, and added again",
        Step(
            f"b.drop_column('{on}')",
            e.dropped(on),
            removed=() if feat else ("xcolTEXT",),
            names=names,
        ),
        Step(
            f"b.add_column(sa.Column('{on}', sa.Text()))",
            e.added(on, type_),
            added=(f"{on}TEXT",),
        ),
        on=feat,
        text=("gone", "spans") if feat else ("spans", "spans"),
        probes=not feat,
    )


def _renamed(on: str) -> Operation:
    new = f"{on}_new"
    return Operation(
        f"{WHICH[on == 'feat']} renamed, and back",
        Step(
            f"b.alter_column('{on}', new_column_name='{new}')",
            e.renamed(on, new),
            names=dataclasses.replace(Names(), **{on: new}),
        ),
        Step(f"b.alter_column('{new}', new_column_name='{on}')", e.renamed(new, on)),
        on=on == "feat",
        text=("names", "names"),
    )


def _options(title: str, keyword: str, on: str, off: str, **kw: t.Any) -> Operation:
    return Operation(
        title,
        Step("pass", kw["up"], added=kw["added"], removed=kw.get("removed", ())),
        Step("pass", kw["down"], removed=kw["added"], added=kw.get("removed", ())),
        arguments=(
            f", table_kwargs={{'{keyword}': {on}}}",
            f", table_kwargs={{'{keyword}': {off}}}",
        ),
        minimum=kw.get("minimum", (3, 31, 0)),
    )


OPERATIONS: t.Final[dict[str, Operation]] = {
    "add": Operation(
        "a column added at the end, and dropped",
        Step(
            "b.add_column(sa.Column('added', sa.Text(), server_default='new'))",
            e.added("added", NEW_TEXT, ("text", b"new")),
            added=("addedTEXTDEFAULT'new'",),
        ),
        Step(
            "b.drop_column('added')",
            e.dropped("added"),
            removed=("addedTEXTDEFAULT'new'",),
        ),
    ),
    "add-between": Operation(
        "a column added between others, and dropped",
        Step(
            "b.add_column(sa.Column('added', sa.Integer(), nullable=False,"
            " server_default=sa.text('5')), insert_after='xcol')",
            e.added(
                "added", Column("INTEGER", True, "5", 0, 0), ("integer", 5), "xcol"
            ),
            added=(r"addedINTEGERDEFAULT5NOTNULL",),
        ),
        Step(
            "b.drop_column('added')",
            e.dropped("added"),
            removed=(r"addedINTEGERDEFAULT5NOTNULL",),
        ),
    ),
    "drop": _dropped("xcol"),
    "rename": _renamed("xcol"),
    "rename-table": Operation(
        "the table renamed, and back",
        Step(
            "op.rename_table('thing', 'thing_new')",
            e.renamed("thing", "thing_new"),
            names=Names(thing="thing_new"),
        ),
        Step("op.rename_table('thing_new', 'thing')", e.renamed("thing_new", "thing")),
        block=False,
        text=("names", "names"),
    ),
    "type-alike": Operation(
        "the type of another column, TEXT to VARCHAR(50) and back",
        Step(
            "b.alter_column('xcol', type_=sa.String(50))",
            e.typed("xcol", "VARCHAR(50)"),
            removed=("TEXT",),
            added=(r"VARCHAR\(50\)",),
        ),
        Step(
            "b.alter_column('xcol', type_=sa.Text())",
            e.typed("xcol", "TEXT"),
            removed=(r"VARCHAR\(50\)",),
            added=("TEXT",),
        ),
    ),
    "type": _type("xcol"),
    "using": Operation(
        "the type of another column, with `sqlite_using`",
        Step(
            "b.alter_column('xcol', type_=sa.Integer(), "
            "sqlite_using='length(xcol) + 1')",
            e.typed("xcol", "INTEGER", "length(xcol) + 1"),
            removed=("TEXT",),
            added=("INTEGER",),
        ),
        Step(
            "b.alter_column('xcol', type_=sa.Text(), sqlite_using=\"xcol || '!'\")",
            e.typed("xcol", "TEXT", "xcol || '!'"),
            removed=("INTEGER",),
            added=("TEXT",),
        ),
    ),
    "not-null": _not_null("xcol"),
    "default": _default("xcol"),
    "default-change": Operation(
        "a default changed, and back, for another column",
        Step(
            "b.alter_column('y', server_default='because')",
            e.default("y", "'because'"),
            removed=("'why'",),
            added=("'because'",),
        ),
        Step(
            "b.alter_column('y', server_default='why')",
            e.default("y", "'why'"),
            removed=("'because'",),
            added=("'why'",),
        ),
    ),
    "foreign-key": _constraint(
        "q",
        "FOREIGN KEY",
        "b.create_foreign_key('fk_new', 'p', ['q'], ['id'])",
        r"CONSTRAINTfk_newFOREIGNKEY\(q\)REFERENCESp\(id\)",
        up=e.foreign_key("p", "q", "id", True),
        down=e.foreign_key("p", "q", "id", False),
    ),
    "unique": _unique("xcol"),
    "check": _check("xcol"),
    "index": _index("xcol"),
    "primary-key": Operation(
        "another primary key, (id, another column), and (id) again",
        Step(
            "b.create_primary_key('pk_new', ['id', 'xcol'])",
            e.primary_key("id", "xcol"),
            removed=("{key}",),
            added=(r"CONSTRAINTpk_newPRIMARYKEY\(idxcol\)",),
        ),
        Step(
            "b.create_primary_key(None, ['id'])",
            e.primary_key("id"),
            removed=(r"CONSTRAINTpk_newPRIMARYKEY\(idxcol\)",),
            added=(r"PRIMARYKEY\(id\)",),
        ),
        probes=False,
    ),
    "no-primary-key": Operation(
        "the primary key dropped, and (id) again",
        Step(
            "b.drop_constraint(None, type_='primary')",
            e.primary_key(),
            removed=("{key}",),
        ),
        Step(
            "b.create_primary_key(None, ['id'])",
            e.primary_key("id"),
            added=(r"PRIMARYKEY\(id\)",),
        ),
        probes=False,
    ),
    "reorder": Operation(
        "columns reordered, and back",
        Step("pass", e.moved("q", "xcol")),
        Step("pass", e.moved("id", "xcol")),
        arguments=(
            ", partial_reordering=[('y', 'q', 'xcol')]",
            ", partial_reordering=[('xcol', 'y', 'q')]",
        ),
        text=("order", "order"),
    ),
    "recreate": Operation(
        '`recreate="always"` and nothing else',
        Step("pass", e.unchanged),
        Step("pass", e.unchanged),
        arguments=(", recreate='always'", ", recreate='always'"),
    ),
    "strict": _options(
        "STRICT on and off",
        "sqlite_strict",
        "True",
        "False",
        up=e.strict(True),
        down=e.strict(False),
        added=("(?:STRICT)?", "(?:ANY)?"),
        minimum=(3, 37, 0),
    ),
    "without-rowid": _options(
        "WITHOUT ROWID on and off",
        "sqlite_with_rowid",
        "False",
        "True",
        up=e.without_rowid(True),
        down=e.without_rowid(False),
        added=("(?:WITHOUTROWID)?",),
    ),
    "autoincrement": _options(
        "AUTOINCREMENT on and off",
        "sqlite_autoincrement",
        "True",
        "False",
        up=e.autoincrement(True),
        down=e.autoincrement(False),
        added=(r"(?:PRIMARYKEY(?:\(\"?id\"?AUTOINCREMENT\)|AUTOINCREMENT))?",),
        removed=(r"(?:PRIMARYKEY(?:\(\"?id\"?\))?)?",),
    ),
    "several": Operation(
        "several of these in one block",
        Step(
            "b.add_column(sa.Column('added', sa.Text(), server_default='new'))\n"
            "b.alter_column('y', nullable=False)\n"
            "b.create_unique_constraint('uq_new', ['y'])\n"
            "b.create_index('ix_new', ['q'])\n"
            "b.alter_column('xcol', server_default='preset')",
            e.all_of(
                e.added("added", NEW_TEXT, ("text", b"new")),
                e.not_null("y", True),
                e.unique("y", True),
                e.index("ix_new", "q", "CREATE INDEX ix_new ON thing (q)", True),
                e.default("xcol", "'preset'"),
            ),
            added=(
                "addedTEXTDEFAULT'new'",
                "NOTNULL",
                r"CONSTRAINTuq_newUNIQUE\(y\)",
                "DEFAULT'preset'",
            ),
        ),
        Step(
            "b.alter_column('xcol', server_default=None)\n"
            "b.drop_index('ix_new')\n"
            "b.drop_constraint('uq_new', type_='unique')\n"
            "b.alter_column('y', nullable=True)\n"
            "b.drop_column('added')",
            e.all_of(
                e.default("xcol", None),
                e.index("ix_new", "q", "", False),
                e.unique("y", False),
                e.not_null("y", False),
                e.dropped("added"),
            ),
            removed=(
                "addedTEXTDEFAULT'new'",
                "NOTNULL",
                r"CONSTRAINTuq_newUNIQUE\(y\)",
                "DEFAULT'preset'",
            ),
        ),
    ),
    "drop-it": _dropped("feat"),
    "rename-it": _renamed("feat"),
    "type-it": _type("feat"),
    "not-null-it": _not_null("feat"),
    "default-it": _default("feat"),
    "unique-it": _unique("feat"),
    "check-it": _check("feat"),
    "index-it": _index("feat"),
    "move-it": Operation(
        "the column moved to the front",
        Step("pass", e.moved("feat", "id")),
        Step("pass", e.unchanged),
        on=True,
        arguments=(", partial_reordering=[('feat', 'id')]", ""),
        text=("order", "spans"),
    ),
}
