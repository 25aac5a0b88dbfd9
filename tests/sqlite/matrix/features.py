"""What a table of SQLite may have, each in a small schema with rows and probes.

The table is always called ``thing``. Operations that are to leave the feature alone
work on its columns ``xcol``, ``y`` and ``q``; ``feat`` is the column that the feature
is about. Every column and constraint has a line of its own.

A probe is a list of statements that are run and rolled back; what they return, or the
error they end with, must be the same after a migration. ``@insert 9 'v'`` stands for a
complete row with that id and that value of ``feat``, ``-`` for its default;
``{thing}``, ``{feat}`` are the names as they are by then.
"""

from __future__ import annotations

import dataclasses
import typing as t

COLUMNS: t.Final = """\
    id INTEGER PRIMARY KEY,
    xcol TEXT,
    y TEXT DEFAULT 'why',
    q INTEGER,
    """
VALUES: t.Final = "'one'", "'two'", "'Two'"
PARENT: t.Final = """\
CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO p VALUES (1, 'p1'), (2, 'p2'), (3, 'p3');
"""


@dataclasses.dataclass(frozen=True)
class Feature:
    """One feature.

    :param title: what the published table calls it.
    :param script: what makes the database.
    :param probes: each a script, see above.
    :param key: how the primary key is spelled.
    :param minimum: the SQLite release that it came with.
    :param module: the module of SQLite that it needs.
    :param both_modes: run it with and without enforcement of foreign keys.
    """

    title: str
    script: str
    probes: tuple[str, ...] = ()
    key: str = "PRIMARY KEY"
    minimum: tuple[int, int, int] = (3, 31, 0)
    module: str | None = None
    both_modes: bool = False


def thing(
    feat: str = "feat TEXT",
    *more: str,
    head: str = COLUMNS,
    options: str = "",
    values: t.Sequence[str] = VALUES,
    before: str = "",
    after: str = "",
    create: str = "CREATE TABLE thing (",
) -> str:
    """Write the script of a database with the table and three rows."""
    lines = head + ",\n    ".join((feat, *more))
    ids = zip((1, 2, 7), ("10", "20", "30"), ("1", "2", "NULL"), values, strict=True)
    rows = ", ".join(f"({i}, '{x}', 'y{i}', {q}, {f})" for i, x, q, f in ids)
    return (
        f"{PARENT}{before}\n{create}\n{lines}\n){options};\n"
        f"INSERT INTO thing (id, xcol, y, q, feat) VALUES {rows};\n{after}"
    )


LOG: t.Final = "CREATE TABLE log (what TEXT, id, value);\n"
SHOW: t.Final = "SELECT id, {feat} FROM {thing} ORDER BY 1"
OWN_TRIGGERS: t.Final = """\
CREATE TRIGGER on_insert AFTER INSERT ON thing BEGIN
  INSERT INTO log VALUES ('insert', new.id, new.feat);
END;
CREATE TRIGGER "on update" BEFORE UPDATE OF feat ON thing
WHEN old.feat IS NOT new.feat -- only then
BEGIN
  INSERT INTO log VALUES ('update', old.id, old.feat || '>' || new.feat);
END;
CREATE TRIGGER on_delete AFTER DELETE ON thing FOR EACH ROW BEGIN
  INSERT INTO log VALUES ('delete', old.id, old.feat);
  UPDATE thing SET feat = 'left' WHERE id = 1;
END;
"""
FTS: t.Final = """\
CREATE VIRTUAL TABLE words USING fts5(feat, content='thing', content_rowid='id');
INSERT INTO words(words) VALUES ('rebuild');
CREATE TRIGGER words_insert AFTER INSERT ON thing BEGIN
  INSERT INTO words(rowid, feat) VALUES (new.id, new.feat);
END;
CREATE TRIGGER words_delete AFTER DELETE ON thing BEGIN
  INSERT INTO words(words, rowid, feat) VALUES ('delete', old.id, old.feat);
END;
"""
RTREE: t.Final = """\
CREATE VIRTUAL TABLE boxes USING rtree(id, low, high);
INSERT INTO boxes SELECT id, feat, feat + 1 FROM thing;
CREATE TRIGGER boxes_insert AFTER INSERT ON thing BEGIN
  INSERT INTO boxes VALUES (new.id, new.feat, new.feat + 1);
END;
"""
COMMENTS: t.Final = """\
CREATE  TABLE thing ( /* all of them,
    (really) */
    id INTEGER PRIMARY KEY, -- the key; not 'quoted
    xcol TEXT,
    y TEXT DEFAULT 'why',
    q INTEGER, -- a comment, with a comma
    FEAT   text /* inner */ Collate NoCase default 'it''s -- no comment', -- last
    constraint "Odd Name" check ( FEAT != ')' ) -- the end
);
INSERT INTO thing (id, xcol, y, q, feat)
VALUES (1, '10', 'y1', 1, 'one'), (2, '20', 'y2', 2, 'two'), (7, '30', 'y7', NULL, 'T');
"""
QUOTED: t.Final = """\
CREATE TABLE "thing" (
    id INTEGER PRIMARY KEY,
    xcol TEXT,
    y TEXT DEFAULT 'why',
    q INTEGER,
    [feat] TEXT,
    "with ""double"" quotes" TEXT DEFAULT 'd',
    `with ``back`` ticks` TEXT DEFAULT 'b',
    [with (brackets), x] TEXT DEFAULT 's',
    'with single' TEXT DEFAULT 'a',
    "select" INTEGER CHECK ("select" < 100),
    "größe 尺" TEXT,
    UNIQUE ([with (brackets), x], "select")
);
INSERT INTO thing (id, xcol, y, q, feat, "select")
VALUES (1, '10', 'y1', 1, 'one', 1), (2, '20', 'y2', 2, 'two', 2),
       (7, '30', 'y7', 1, 't', 3);
CREATE INDEX [an index] ON thing (`with ``back`` ticks`, 'with single');
"""

FEATURES: t.Final[dict[str, Feature]] = {
    "plain": Feature("nothing special", thing(), (SHOW,)),
    "own-trigger": Feature(
        "triggers on the table",
        thing(before=LOG, after=OWN_TRIGGERS),
        (
            "@insert 9 'new'; SELECT * FROM log",
            "UPDATE {thing} SET {feat} = 'other' WHERE id = 2; SELECT * FROM log",
            "UPDATE {thing} SET y = 'other' WHERE id = 2; SELECT * FROM log",
            "DELETE FROM {thing} WHERE id = 7; SELECT * FROM log; " + SHOW,
        ),
    ),
    "other-trigger": Feature(
        "trigger of another table",
        thing(
            after="CREATE TRIGGER follow AFTER UPDATE ON p BEGIN\n"
            "  UPDATE thing SET feat = new.name WHERE id = new.id;\nEND;"
        ),
        ("UPDATE p SET name = 'followed' WHERE id = 2; " + SHOW,),
    ),
    "instead-trigger": Feature(
        "INSTEAD OF trigger of a view",
        thing(
            after="CREATE VIEW face AS SELECT id, feat AS shown FROM thing;\n"
            "CREATE TRIGGER through INSTEAD OF UPDATE ON face BEGIN\n"
            "  UPDATE thing SET feat = new.shown WHERE id = new.id;\nEND;"
        ),
        (
            "UPDATE face SET shown = 'seen' WHERE id = 1; " + SHOW,
            "SELECT * FROM face ORDER BY 1",
        ),
    ),
    "view": Feature(
        "views, one on another",
        thing(
            after="CREATE VIEW first (a, b) AS SELECT id, upper(feat) FROM thing;\n"
            "CREATE VIEW second AS SELECT b, count(*) n FROM first GROUP BY b;"
        ),
        ("SELECT * FROM first ORDER BY a", "SELECT * FROM second ORDER BY b"),
    ),
    "star-view": Feature(
        "view of SELECT *",
        thing(after="CREATE VIEW everything AS SELECT * FROM thing;"),
        ("SELECT id, {feat} FROM everything ORDER BY id",),
    ),
    "broken-view": Feature(
        "view that is broken already",
        thing(after="CREATE VIEW broken AS SELECT missing FROM nowhere;"),
        (SHOW, "SELECT * FROM broken"),
    ),
    "partial-index": Feature(
        "partial index",
        thing(after="CREATE INDEX part ON thing (feat) WHERE feat > 'p' AND id > 1;"),
        ("SELECT id FROM {thing} INDEXED BY part WHERE {feat} > 'p' AND id > 1",),
    ),
    "expression-index": Feature(
        "index of an expression",
        thing(after="CREATE INDEX expr ON thing (lower(feat), id + 1 DESC);"),
        ("SELECT id FROM {thing} INDEXED BY expr WHERE lower({feat}) = 'two'",),
    ),
    "desc-index": Feature(
        "descending index",
        thing(after="CREATE INDEX down ON thing (feat DESC, id ASC);"),
        ("SELECT id FROM {thing} INDEXED BY down WHERE {feat} >= 'a'",),
    ),
    "collate-index": Feature(
        "index with COLLATE",
        thing(after="CREATE INDEX nocase ON thing (feat COLLATE NOCASE);"),
        (
            "SELECT id FROM {thing} INDEXED BY nocase"
            " WHERE {feat} = 'TWO' COLLATE NOCASE ORDER BY id",
        ),
    ),
    "unique-index": Feature(
        "unique index",
        thing(after="CREATE UNIQUE INDEX one_each ON thing (feat);"),
        ("@insert 9 'two'", "@insert 9 'three'; " + SHOW),
    ),
    "quoted-index": Feature(
        "index with a quoted name",
        thing(after='CREATE INDEX "an ""odd"" index, with (all)" ON thing ([feat]);'),
        (SHOW,),
    ),
    "named-check": Feature(
        "CHECK with a name",
        thing("feat TEXT", "CONSTRAINT ck_feat CHECK (feat <> 'bad')"),
        ("@insert 9 'bad'", "@insert 9 'good'; " + SHOW),
    ),
    "check": Feature(
        "CHECK without a name",
        thing("feat TEXT CHECK (length(feat) < 9)", "CHECK (feat <> 'bad' OR id < 5)"),
        ("@insert 9 'bad'", "@insert 4 'bad'; " + SHOW, "@insert 9 'much too long'"),
    ),
    "unique-conflict": Feature(
        "UNIQUE with ON CONFLICT",
        thing("feat TEXT UNIQUE ON CONFLICT IGNORE"),
        ("@insert 9 'two'; " + SHOW, "@insert 9 'three'; " + SHOW),
    ),
    "unique-order": Feature(
        "UNIQUE with order and collation",
        thing("feat TEXT", "UNIQUE (feat COLLATE RTRIM DESC, id) ON CONFLICT REPLACE"),
        ("@insert 9 'two'; " + SHOW, "UPDATE {thing} SET id = 2, {feat} = 'two  '"),
    ),
    "key-conflict": Feature(
        "PRIMARY KEY with ON CONFLICT and order",
        thing(
            "feat TEXT NOT NULL",
            "PRIMARY KEY (feat DESC, id) ON CONFLICT IGNORE",
            head=COLUMNS.replace(" PRIMARY KEY", ""),
        ),
        ("@insert 2 'two'; " + SHOW, "@insert 2 'three'; " + SHOW),
        key="PRIMARY KEY (feat DESC, id) ON CONFLICT IGNORE",
    ),
    "not-null-conflict": Feature(
        "NOT NULL with ON CONFLICT",
        thing("feat TEXT NOT NULL ON CONFLICT REPLACE DEFAULT 'given'"),
        ("@insert 9 NULL; " + SHOW,),
    ),
    "collate": Feature(
        "COLLATE",
        thing("feat TEXT COLLATE NOCASE", "other TEXT COLLATE RTRIM DEFAULT 'a '"),
        (
            "SELECT id FROM {thing} WHERE {feat} = 'TWO' ORDER BY id",
            "SELECT id FROM {thing} WHERE other = 'a' ORDER BY id",
        ),
    ),
    "default": Feature(
        "DEFAULT of every kind",
        thing(
            "feat TEXT DEFAULT 'it''s'",
            "d1 INTEGER DEFAULT -7",
            "d2 REAL DEFAULT +1.5e3",
            "d3 BLOB DEFAULT x'00ff'",
            "d4 TEXT DEFAULT NULL",
            "d5 BOOLEAN DEFAULT TRUE",
            "d6 TEXT DEFAULT (lower('ABC') || 1)",
            'd7 TEXT DEFAULT "double"',
            "d8 INTEGER DEFAULT 0x10",
            "d9 TEXT DEFAULT bare",
        ),
        (
            "@insert 9 'x'; SELECT d1, d2, d3, d4, d5, d6, d7, d8, d9 FROM {thing}"
            " WHERE id = 9",
            "@insert 9 -; " + SHOW,
        ),
    ),
    "default-clock": Feature(
        "DEFAULT CURRENT_TIMESTAMP",
        thing("feat TEXT", "made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP"),
        ("@insert 9 'x'; SELECT length(made) FROM {thing} WHERE id = 9",),
    ),
    "virtual": Feature(
        "generated column, virtual",
        thing("feat TEXT", "made TEXT GENERATED ALWAYS AS (feat || '!') VIRTUAL"),
        (
            "SELECT id, made FROM {thing} ORDER BY 1",
            "@insert 9 'x'; SELECT made FROM {thing} WHERE id = 9",
        ),
    ),
    "virtual-indexed": Feature(
        "generated column, virtual, with an index",
        thing(
            "made TEXT AS (upper(feat)) UNIQUE",
            "feat TEXT",
            values=("'one'", "'two'", "'three'"),
            after="CREATE INDEX on_made ON thing (made);",
        ),
        (
            "SELECT id FROM {thing} INDEXED BY on_made WHERE made = 'TWO'",
            "@insert 9 'tWo'",
        ),
    ),
    "stored": Feature(
        "generated column, stored",
        thing(
            "feat TEXT",
            "made TEXT NOT NULL AS (feat || '?') STORED",
            "again TEXT AS (made || '!')",
        ),
        (
            "SELECT id, made, again FROM {thing} ORDER BY 1",
            "@insert 9 'x'; SELECT made FROM {thing} WHERE id = 9",
        ),
    ),
    "strict": Feature(
        "STRICT",
        thing("feat TEXT", "whatever ANY DEFAULT '1'", options=" STRICT"),
        (
            "UPDATE {thing} SET q = 'no'",
            "SELECT typeof(whatever) FROM {thing}",
        ),
        minimum=(3, 37, 0),
    ),
    "without-rowid": Feature(
        "WITHOUT ROWID",
        thing(
            "feat TEXT",
            "PRIMARY KEY (id DESC)",
            head=COLUMNS.replace(" PRIMARY KEY", ""),
            options=" WITHOUT ROWID",
        ),
        (
            "SELECT id FROM {thing} ORDER BY 1",
            "@insert 2 'x'",
            "SELECT rowid FROM {thing}",
        ),
        key="PRIMARY KEY (id DESC)",
    ),
    "autoincrement": Feature(
        "AUTOINCREMENT and its sequence",
        thing(
            head=COLUMNS.replace("KEY", "KEY AUTOINCREMENT"),
            after="INSERT INTO thing (id) VALUES (99);\n"
            "DELETE FROM thing WHERE id = 99;",
        ),
        ("@insert NULL 'x'; SELECT max(id) FROM {thing}",),
        key="PRIMARY KEY AUTOINCREMENT",
    ),
    "key-desc": Feature(
        "INTEGER PRIMARY KEY DESC, which is no rowid",
        thing(
            head=COLUMNS.replace("KEY", "KEY DESC"),
            after="UPDATE thing SET rowid = rowid + 40;",
        ),
        ("SELECT rowid, id FROM {thing} ORDER BY 1", "@insert NULL 'x'; " + SHOW),
        key="PRIMARY KEY DESC",
    ),
    "rowids": Feature(
        "rowids without INTEGER PRIMARY KEY",
        thing(
            head=COLUMNS.replace("INTEGER PRIMARY", "INT PRIMARY"),
            after="UPDATE thing SET rowid = rowid * 11;",
        ),
        ("SELECT rowid, id FROM {thing} ORDER BY 1",),
    ),
    "no-key": Feature(
        "no primary key",
        thing(
            head=COLUMNS.replace(" PRIMARY KEY", ""),
            after="UPDATE thing SET rowid = rowid + 1000000000000;",
        ),
        ("SELECT rowid, id FROM {thing} ORDER BY 1", "@insert 2 'double'; " + SHOW),
        key="",
    ),
    "key-actions": Feature(
        "foreign key with actions",
        thing(
            "feat INTEGER REFERENCES p(id) ON DELETE CASCADE ON UPDATE SET NULL",
            values=("1", "2", "2"),
        ),
        (
            "UPDATE {thing} SET q = NULL; DELETE FROM p WHERE id = 2; " + SHOW,
            "UPDATE {thing} SET q = NULL; UPDATE p SET id = 50 WHERE id = 1; " + SHOW,
            "@insert 9 77",
        ),
        both_modes=True,
    ),
    "key-deferrable": Feature(
        "foreign key with MATCH and DEFERRABLE",
        thing(
            "feat INTEGER",
            "CONSTRAINT later FOREIGN KEY (feat) REFERENCES p(id) MATCH FULL"
            " DEFERRABLE INITIALLY DEFERRED",
            values=("1", "2", "NULL"),
        ),
        ("@insert 9 77; INSERT INTO p VALUES (77, 'late'); " + SHOW,),
        both_modes=True,
    ),
    "key-self": Feature(
        "foreign key to the table itself",
        thing(
            "feat INTEGER REFERENCES thing(id) ON DELETE CASCADE",
            values=("NULL", "1", "2"),
        ),
        ("DELETE FROM {thing} WHERE id = 1; " + SHOW, "@insert 9 55"),
        both_modes=True,
    ),
    "key-composite": Feature(
        "composite foreign key",
        thing(
            "feat INTEGER",
            "part TEXT DEFAULT 'a'",
            "FOREIGN KEY (part, feat) REFERENCES pair (b, a) ON UPDATE CASCADE",
            values=("1", "2", "NULL"),
            before="CREATE TABLE pair (a INTEGER, b TEXT, UNIQUE (b, a));\n"
            "INSERT INTO pair VALUES (1, 'a'), (2, 'a');",
        ),
        ("UPDATE pair SET a = 5 WHERE a = 2; " + SHOW, "@insert 9 55"),
        both_modes=True,
    ),
    "key-forward": Feature(
        "foreign key to a table that is not there yet",
        thing(
            "feat INTEGER REFERENCES later(id)",
            values=("NULL", "NULL", "NULL"),
        ),
        ("CREATE TABLE later (id INTEGER PRIMARY KEY); @insert 9 77", SHOW),
        both_modes=True,
    ),
    "children": Feature(
        "foreign keys of other tables to this one",
        thing(
            after="CREATE TABLE child (id INTEGER PRIMARY KEY,\n"
            "  thing_id INT REFERENCES thing ON DELETE CASCADE ON UPDATE CASCADE);\n"
            "CREATE TABLE guest (thing_id REFERENCES thing (id) ON DELETE SET NULL);\n"
            "INSERT INTO child VALUES (1, 1), (2, 2), (3, 2), (4, NULL);\n"
            "INSERT INTO guest VALUES (7);"
        ),
        (
            "DELETE FROM {thing} WHERE id IN (2, 7); SELECT * FROM child, guest",
            "UPDATE {thing} SET id = 70 WHERE id = 1; SELECT * FROM child",
            "INSERT INTO child VALUES (9, 99)",
        ),
        both_modes=True,
    ),
    "children-unique": Feature(
        "foreign keys of other tables to a unique column",
        thing(
            "feat TEXT UNIQUE",
            after="CREATE TABLE child (f TEXT REFERENCES thing(feat)"
            " ON UPDATE CASCADE DEFERRABLE);\n"
            "INSERT INTO child VALUES ('one'), ('two'), ('two');",
        ),
        (
            "UPDATE {thing} SET {feat} = 'changed' WHERE id = 2; SELECT * FROM child",
            "INSERT INTO child VALUES ('nobody')",
        ),
        both_modes=True,
    ),
    "orphans": Feature(
        "rows that break a foreign key already",
        "PRAGMA foreign_keys = OFF;\n"
        + thing(
            "feat INTEGER REFERENCES p(id)",
            values=("1", "66", "77"),
            after="CREATE TABLE child (thing_id REFERENCES thing (id));\n"
            "INSERT INTO child VALUES (1), (88);",
        ),
        (SHOW, "SELECT * FROM child"),
        both_modes=True,
    ),
    "comments": Feature(
        "comments and spelling",
        PARENT + COMMENTS,
        ("SELECT id FROM {thing} WHERE {feat} = 'TWO'", "@insert 9 ')'"),
    ),
    "types": Feature(
        "odd and missing types",
        thing(
            "feat",
            "t1 LONG VARCHAR (40, 2)",
            't2 "MY TYPE"',
            "t3 CHARINT",
            "t4 UNSIGNED BIG INT",
            "t5 'quoted'",
            "t6 DOUBLE PRECISION DEFAULT 1",
            values=("1", "'1'", "1.5"),
        ),
        ("SELECT id, typeof({feat}) FROM {thing} ORDER BY 1",),
    ),
    "quoted": Feature("names in all four quotings", PARENT + QUOTED, (SHOW,)),
    "fts5": Feature(
        "FTS5 with external content and its triggers",
        thing(after=FTS),
        (
            "SELECT rowid, feat FROM words WHERE words MATCH 'two' ORDER BY 1",
            "@insert 9 'fresh'; SELECT rowid FROM words WHERE words MATCH 'fresh'",
            "INSERT INTO words(words) VALUES ('integrity-check')",
        ),
        module="fts5",
    ),
    "rtree": Feature(
        "R-tree and its trigger",
        thing("feat REAL", values=("1.5", "2.5", "9.0"), after=RTREE),
        (
            "SELECT id FROM boxes WHERE low < 3 ORDER BY 1",
            "@insert 9 2.0; SELECT id FROM boxes WHERE low < 3 ORDER BY 1",
        ),
        module="rtree",
    ),
    "values": Feature(
        "values of every storage class in one column",
        thing(
            "feat INTEGER",
            "n NUMERIC",
            "r REAL",
            "b",
            values=("'text'", "x'00ff00'", "1.5"),
            after="UPDATE thing SET n = '1e500', r = 'not a number', b = 9.0;\n"
            "UPDATE thing SET n = 9e999, r = -9e999, b = '' WHERE id = 1;\n"
            "UPDATE thing SET n = 9e999 - 9e999, r = 5, b = x'' WHERE id = 2;",
        ),
    ),
    "extremes": Feature(
        "64-bit extremes, NUL bytes, large values",
        thing(
            "feat TEXT",
            "n INTEGER",
            "r REAL",
            "b BLOB",
            values=("''", "CAST(x'610062' AS TEXT)", "CAST(x'ff41fe' AS TEXT)"),
            after="UPDATE thing SET n = -9223372036854775808, r = 5e-324, b = x'';\n"
            "UPDATE thing SET n = 9223372036854775807, r = 1.7976931348623157e308,"
            " b = zeroblob(100000) WHERE id = 2;\n"
            "UPDATE thing SET n = 9007199254740993, r = 9007199254740992.0,"
            " b = randomblob(70000) WHERE id = 7;",
        ),
    ),
    "short-rows": Feature(
        "rows from before an ADD COLUMN",
        thing(
            "feat TEXT",
            after="ALTER TABLE thing ADD COLUMN late TEXT DEFAULT 'from then';\n"
            "ALTER TABLE thing ADD COLUMN later INTEGER NOT NULL DEFAULT 5;\n"
            "INSERT INTO thing (id, xcol, y, feat, late)"
            " VALUES (8, '80', 'y', 'f', 'o');",
        ),
        ("SELECT id, late, later FROM {thing}",),
    ),
    "short-feat": Feature(
        "rows from before an ADD COLUMN, in that column",
        thing("old TEXT").replace(", feat)", ", old)")
        + "ALTER TABLE thing ADD COLUMN feat TEXT DEFAULT '007';\n"
        "INSERT INTO thing (id, xcol, y, feat) VALUES (8, '80', 'y8', '8');",
        (SHOW,),
    ),
    "statistics": Feature(
        "what ANALYZE found (sqlite_stat1)",
        thing(after="CREATE INDEX measured ON thing (feat, id);\nANALYZE;"),
        (SHOW,),
    ),
    "leftover": Feature(
        "a leftover _alembic_tmp_thing table with rows",
        thing(
            after="CREATE TABLE _alembic_tmp_thing (id INTEGER PRIMARY KEY, kept);\n"
            "INSERT INTO _alembic_tmp_thing VALUES (1, 'the only copy');"
        ),
        ("SELECT * FROM _alembic_tmp_thing",),
    ),
}
