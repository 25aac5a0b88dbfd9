"""Tokens: nothing is lost, and everything is split where SQLite splits it."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_batchmigrate.sqlite.ddl.tokens import identifiers
from flask_batchmigrate.sqlite.ddl.tokens import KEYWORDS
from flask_batchmigrate.sqlite.ddl.tokens import Kind
from flask_batchmigrate.sqlite.ddl.tokens import quote
from flask_batchmigrate.sqlite.ddl.tokens import RESERVED
from flask_batchmigrate.sqlite.ddl.tokens import same_name
from flask_batchmigrate.sqlite.ddl.tokens import significant
from flask_batchmigrate.sqlite.ddl.tokens import tokenize
from flask_batchmigrate.sqlite.ddl.tokens import unquote
from flask_batchmigrate.sqlite.errors import SqlTextError
from tests.sqlite.ddl.text_oracle import accepts

PIECES = (
    "a",
    "ä$1",
    "_",
    "1",
    "0x1F",
    "1.5e-3",
    ".5",
    "1_000",
    "x'00fF'",
    "'it''s -- /* \n'",
    '"a""b"',
    "`c``d`",
    '[e " f]',
    "--'\n",
    "/* ' \n */",
    "/**/",
    "/*/ */",
    " ",
    "\n\t \v",
    "->",
    "->>",
    "||",
    "<<",
    ">=",
    "<>",
    "!=",
    "==",
    "-",
    "/",
    "*",
    "(",
    ")",
    ",",
    ".",
    ";",
    "~",
    "%",
    "&",
    "|",
)


def texts(sql: str) -> list[str]:
    return [token.text for token in significant(tokenize(sql))]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_texts_and_spans_cover_the_statement(sql: str) -> None:
    """Whatever is accepted comes back byte for byte, from spans that touch."""
    try:
        tokens = tokenize(sql)
    except SqlTextError:
        return
    assert "".join(token.text for token in tokens) == sql
    position = 0
    for token in tokens:
        assert (token.start, sql[token.start : token.end]) == (position, token.text)
        position = token.end
    assert position == len(sql)


@given(st.text())
def test_any_text_is_split_or_refused(sql: str) -> None:
    """No text whatsoever is split with a loss or with another exception."""
    try:
        tokens = tokenize(sql)
    except SqlTextError as error:
        assert 0 <= error.offset <= len(sql)
    else:
        assert "".join(token.text for token in tokens) == sql


@given(st.lists(st.sampled_from(PIECES), min_size=1))
def test_tokens_apart_are_the_pieces(pieces: list[str]) -> None:
    """Pieces with a space between are split exactly there."""
    expected = [p for p in pieces if p.strip() and p[:2] not in ("--", "/*")]
    assert expected == texts(" \n".join(pieces))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a->>'b'->c", ["a", "->>", "'b'", "->", "c"]),
        ("a--b\n-c", ["a", "-", "c"]),
        ("a/*b*/c", ["a", "c"]),
        ("a/*/b*/c", ["a", "c"]),
        ("a/* b", ["a"]),
        ("a<>b<=c<<d", ["a", "<>", "b", "<=", "c", "<<", "d"]),
        ("x'00'y", ["x'00'", "y"]),
        ("xx", ["xx"]),
        ("1.5.a", ["1.5", ".", "a"]),
        ("t.a", ["t", ".", "a"]),
        ("1e5", ["1e5"]),
        ("-1_000.5_0e-1_0", ["-", "1_000.5_0e-1_0"]),
        ("[a''b]'c]'", ["[a''b]", "'c]'"]),
        ("a\u00a0b", ["a\u00a0b"]),
    ],
)
def test_splits_like_sqlite(sql: str, expected: list[str]) -> None:
    """The places where two readings are possible are read as SQLite does."""
    assert expected == texts(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "'a",
        '"a',
        "`a",
        "[a",
        "x'0'",
        "x'zz'",
        "1a",
        "0x",
        "1e5x",
        "?1",
        ":a",
        "@a",
        "$a",
        "#",
        "\\",
        "{",
        "!",
        "\va",
        "a\0b",
        "'a\0b'",
    ],
)
def test_refuses_what_is_not_sql(sql: str) -> None:
    """What SQLite does not store, or reads differently by release, is an error."""
    with pytest.raises(SqlTextError):
        tokenize(sql)


def test_byte_order_mark_is_space_between_tokens() -> None:
    """SQLite passes it over where a token may begin, and nowhere else."""
    kinds = [token.kind for token in tokenize("\ufeffa \ufeff,b\ufeffc")]
    assert kinds == [
        Kind.SPACE,
        Kind.WORD,
        Kind.SPACE,
        Kind.SPACE,
        Kind.SYMBOL,
        Kind.WORD,
    ]


def test_error_says_where() -> None:
    """The message has the text and the place for a person to look at."""
    with pytest.raises(SqlTextError, match=r"near \"'b\" \(character 3\)"):
        tokenize("a 'b")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_quote_is_turned_back(name: str) -> None:
    """A quoted name is one token, and is the name to SQLite too."""
    spelled = quote(name)
    assert name == unquote(spelled)
    connection = sqlite3.connect(":memory:")
    try:
        row = connection.execute(f"SELECT 1 AS {spelled}").description
        assert name == row[0][0]
    finally:
        connection.close()
    assert len(tokenize(spelled)) == 1


@pytest.mark.parametrize("name", ["a", "_a1", "rowid", "Strict"])
def test_quote_leaves_plain_names(name: str) -> None:
    """A name that needs no quotes gets none."""
    assert name == quote(name)


@pytest.mark.parametrize("name", ["", "a b", "1a", "é", "a-b", "a$", "order", "Key"])
def test_quote_quotes_the_others(name: str) -> None:
    """Keywords and odd names are quoted, in whatever case."""
    assert f'"{name}"' == quote(name)


def test_quote_knows_what_true_is() -> None:
    """A column named TRUE is quoted: bare, an expression reads it as a constant."""
    assert quote("true") == '"true"'


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('"a""b"', 'a"b'),
        ("`a``b`", "a`b"),
        ("'a''b'", "a'b"),
        ("[a]", "a"),
        ("[a''b]", "a''b"),
        ("a", "a"),
        ('""', ""),
    ],
)
def test_unquote(text: str, name: str) -> None:
    """Each of the four quotings is undone, with what is doubled in it."""
    assert name == unquote(text)


def test_same_name_folds_ascii_only() -> None:
    """Names differ by the case of letters beyond ASCII, as they do for SQLite."""
    assert same_name("Abc", "aBC")
    assert not same_name("É", "é")
    assert not same_name("ß", "SS")
    assert accepts('CREATE TABLE t("É", "é", "ß", "SS")')


def test_keywords_are_sqlites() -> None:
    """The list has every keyword of the newest library at hand."""
    apsw = pytest.importorskip("apsw")
    assert frozenset(apsw.keywords) <= KEYWORDS
    assert KEYWORDS >= RESERVED


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_reserved_words_are_sqlites(word: str) -> None:
    """A keyword counts as a name exactly where SQLite takes it for one."""
    assert accepts(f"CREATE TABLE t({word}, x)") == (word not in RESERVED)
    (token,) = tokenize(word)
    assert token.is_name == (word not in RESERVED)


def test_identifiers_leaves_strings_and_comments() -> None:
    """Names in any spelling are found; text and comments hold none."""
    tokens = tokenize("SELECT a, \"B\", [c], `d` FROM t WHERE e = 'f' -- g\n/* h */")
    assert frozenset("ABCDTE") == identifiers(tokens)


def test_kinds() -> None:
    """Each token says what it is."""
    tokens = tokenize("a \"b\"'c',1+x'00'--d\n")
    assert [token.kind for token in tokens] == [
        Kind.WORD,
        Kind.SPACE,
        Kind.QUOTED,
        Kind.STRING,
        Kind.SYMBOL,
        Kind.NUMBER,
        Kind.SYMBOL,
        Kind.BLOB,
        Kind.COMMENT,
        Kind.SPACE,
    ]
