"""The records of a table, byte for byte, read from the pages of its file.

By https://www.sqlite.org/fileformat2.html#b_tree_pages; SQLite has no part in it but
for telling where the tree of a table begins.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import sqlite3
import struct
import typing as t

_TABLE_LEAF: t.Final = 13
_TABLE_INTERIOR: t.Final = 5
_INDEX_INTERIOR: t.Final = 2
_TABLE_TREE: t.Final = (_TABLE_LEAF, _TABLE_INTERIOR)


def read_records(path: pathlib.Path, table: str) -> list[tuple[int | None, bytes]]:
    """Read all records of a table, or those of an index, in the order of its tree.

    :param path: a file that nobody writes, without a journal.
    :return: each with its rowid; without one in a WITHOUT ROWID table.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        ((root,),) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ? AND rootpage > 0",
            (table,),
        )
    return records_in(path.read_bytes(), root)


def records_in(content: bytes, root: int) -> list[tuple[int | None, bytes]]:
    """Read all records of a tree.

    :param content: the bytes of a database file.
    :param root: the number of the tree's first page.
    """
    return list(_Pages(content, reserved=content[20]).records(root))


def values_in(record: bytes) -> list[tuple[str, t.Any]]:
    """Read the values of a record, each with its storage class.

    See https://www.sqlite.org/fileformat2.html#record_format.
    """
    size, at = _varint(record, 0)
    body, found = size, []
    while at < size:
        kind, at = _varint(record, at)
        length = _LENGTHS[kind] if kind < len(_LENGTHS) else (kind - 12) // 2
        content = record[body : body + length]
        body += length
        found.append(_value(kind, content))
    return found


_LENGTHS: t.Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)


def _value(kind: int, content: bytes) -> tuple[str, t.Any]:
    if kind == 0:
        return "null", None
    if kind == 7:
        return "real", struct.unpack(">d", content)[0]
    if kind in (8, 9):
        return "integer", kind - 8
    if kind < 7:
        return "integer", int.from_bytes(content, "big", signed=True)
    return ("text" if kind % 2 else "blob"), content


class _Pages:
    def __init__(self, content: bytes, reserved: int) -> None:
        self._content = content
        size = int.from_bytes(content[16:18], "big")
        self._size = 65536 if size == 1 else size
        self._usable = self._size - reserved

    def records(self, number: int) -> cabc.Iterator[tuple[int | None, bytes]]:
        """Read the records at and below a page."""
        page = self._page(number)
        start = 100 if number == 1 else 0
        kind = page[start]
        count = int.from_bytes(page[start + 3 : start + 5], "big")
        is_interior = kind in (_TABLE_INTERIOR, _INDEX_INTERIOR)
        head = start + (12 if is_interior else 8)
        for index in range(count):
            place = head + 2 * index
            cell = int.from_bytes(page[place : place + 2], "big")
            if is_interior:
                yield from self.records(int.from_bytes(page[cell : cell + 4], "big"))
                cell += 4
            if kind != _TABLE_INTERIOR:
                yield self._record(page, cell, kind)
        if is_interior:
            yield from self.records(int.from_bytes(page[start + 8 : start + 12], "big"))

    def _page(self, number: int) -> bytes:
        return self._content[(number - 1) * self._size : number * self._size]

    def _record(self, page: bytes, at: int, kind: int) -> tuple[int | None, bytes]:
        length, at = _varint(page, at)
        rowid = None
        if kind in _TABLE_TREE:
            rowid, at = _varint(page, at)
        usable = self._usable
        least = (usable - 12) * 32 // 255 - 23
        most = usable - 35 if kind in _TABLE_TREE else (usable - 12) * 64 // 255 - 23
        local = length
        if length > most:
            local = least + (length - least) % (usable - 4)
            local = least if local > most else local
        found = page[at : at + local]
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        while len(found) < length:
            more = self._page(following)
            following = int.from_bytes(more[:4], "big")
            found += more[4:usable][: length - len(found)]
        return rowid, found


def _varint(page: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(9):
        byte = page[at + count]
        if count == 8:
            return (value << 8) | byte, at + 9
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            return value, at + count + 1
    raise AssertionError("nine bytes at most")
