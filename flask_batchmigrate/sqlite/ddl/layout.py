"""Splits the body of a table into its items, and puts it together again.

An item is a column or a constraint of the table, with its own white space, comma and
comments. An item that is not changed stays the same, byte for byte.
"""

from __future__ import annotations

import bisect
import collections
import collections.abc as cabc
import dataclasses
import itertools

from ...value_classes import value_class
from .constraints import ConstraintKind
from .constraints import ConstraintText
from .pieces import join
from .table import ColumnText
from .table import TableText
from .tokens import Kind
from .tokens import Token
from .tokens import tokenize


@value_class
class Item:
    """A column or a constraint of the table with all that belongs to it.

    :param text: the definition.
    :param lead: white space before it, and comments on the lines above it.
    :param before: comments between it and its comma.
    :param gap: white space before its comma.
    :param comma: whether a comma follows.
    :param after: comments after its comma on the same line.
    :param only_name: whether it is a ``CONSTRAINT x`` without a constraint.
    """

    text: str
    lead: str
    before: str = ""
    gap: str = ""
    comma: bool = False
    after: str = ""
    only_name: bool = False

    @property
    def margin(self) -> str:
        """The white space right before the definition."""
        for token in reversed(tokenize(self.lead)):
            return token.text if token.kind is Kind.SPACE else ""
        return ""

    @property
    def has_lead_comment(self) -> bool:
        """Whether comments above it are its own."""
        return self.margin != self.lead

    def pieces(self) -> cabc.Iterator[str]:
        """Yield its text in pieces that end where tokens end."""
        yield self.lead
        yield self.text
        if not self.comma:
            yield from (self.before, self.after)
        elif "\n" not in self.gap and _is_open(self.before):
            # The comma must not become a part of the comment.
            yield from (",", self.before, self.after)
        else:
            yield from (self.before, self.gap, ",", self.after)


@value_class
class Layout:
    """A CREATE TABLE statement as a list of items.

    :param head: everything before the first item.
    :param items: columns and constraints of the table, in their order.
    :param tail: everything after the last item.
    :param style: the white space before and after a comma, once it is known.
    """

    head: str
    items: tuple[Item, ...]
    tail: str
    style: tuple[str, str] | None = None

    def render(self) -> str:
        """Put the statement together."""
        pieces = [self.head]
        for item in self.items:
            pieces.extend(item.pieces())
        pieces.append(self.tail)
        return join(pieces)

    def without(self, index: int) -> Layout:
        """Remove an item.

        :param index: the place of the item.
        """
        items = list(self.items)
        removed = items.pop(index)
        if index == len(items):
            if index:
                last = items[-1]
                items[-1] = dataclasses.replace(last, comma=False, gap="")
        elif index == 0:
            if not removed.has_lead_comment and not items[0].has_lead_comment:
                items[0] = dataclasses.replace(items[0], lead=removed.lead)
        elif items[index - 1].only_name:
            # Without a comma, the next constraint would get the name.
            items[index - 1] = dataclasses.replace(items[index - 1], comma=True)
        return dataclasses.replace(self, items=_with_comments_moved(items, index))

    def having(self, index: int, text: str) -> Layout:
        """Insert a new item, spaced like the others.

        :param index: the place of the new item.
        :param text: the definition.
        """
        gap, lead = style = self.style or self._style()
        items = list(self.items)
        if index == len(items):
            items[-1] = dataclasses.replace(items[-1], comma=True, gap=gap)
            items.append(Item(text=text, lead=lead))
        elif index == 0:
            first = items[0]
            items.insert(0, Item(text=text, lead=first.margin, gap=gap, comma=True))
            if not first.has_lead_comment:
                items[1] = dataclasses.replace(first, lead=lead)
        else:
            items.insert(index, Item(text=text, lead=lead, gap=gap, comma=True))
        return dataclasses.replace(
            self, items=_with_comments_moved(items, index), style=style
        )

    def ordered(self, order: cabc.Sequence[int]) -> Layout:
        """Move the first items to new places, each with its own comments.

        :param order: the present index of the item for each place, for as many places
            as there are items to move.
        """
        moved = [
            _moved(self.items[index], self.items[place])
            for place, index in enumerate(order)
        ]
        items = [*moved, *self.items[len(moved) :]]
        return dataclasses.replace(self, items=_with_comments_moved(items))

    def _style(self) -> tuple[str, str]:
        """Find the white space that most items have before and after their comma."""
        counted = collections.Counter(
            (left.gap, right.margin)
            for left, right in zip(self.items, self.items[1:], strict=False)
            if left.comma
        )
        if counted:
            return counted.most_common(1)[0][0]
        margin = self.items[0].margin
        return "", margin if "\n" in margin else " "


def _with_comments_moved(
    items: cabc.Sequence[Item], place: int | None = None
) -> tuple[Item, ...]:
    """Move comments before the comma where another item is on the same line now.

    After the comma they would belong to that other item.

    :param place: the place where the items have changed; ``None`` for all places.
    """
    moved = list(items)
    first = 0 if place is None else max(0, place - 2)
    last = len(items) if place is None else place + 2
    for index, (item, follower) in enumerate(
        itertools.pairwise(items[first:last]), start=first
    ):
        alone = "\n" in follower.lead or "\n" in item.after or _is_open(item.after)
        if item.comma and item.after and not alone:
            moved[index] = dataclasses.replace(
                item, before=join((item.before, item.after)), after=""
            )
    return tuple(moved)


def _moved(item: Item, slot: Item) -> Item:
    lead = item.lead if item.has_lead_comment else slot.margin
    before, after = item.before, item.after
    if "\n" in slot.gap:
        # The comma is on the next line, and comments stay on the line of their item.
        before, after = join((before, after)), ""
    return dataclasses.replace(
        item,
        lead=lead,
        before=before,
        gap=slot.gap,
        comma=slot.comma,
        after=after,
    )


def take_apart(table: TableText) -> Layout:
    """Split a table into its items.

    :param table: the table.
    :return: the layout, which renders as ``table.sql``.
    """
    elements: tuple[ColumnText | ConstraintText, ...]
    elements = (*table.columns, *table.constraints)
    sql = table.sql
    tokens = table.tokens
    starts = [token.start for token in tokens]

    def tokens_in(start: int, end: int) -> cabc.Sequence[Token]:
        first = bisect.bisect_left(starts, start)
        return tokens[first : bisect.bisect_left(starts, end, first)]

    first = tokens_in(table.body_span.start, elements[0].span.start)
    split_at = _own_line_end(first, table.body_span.start)
    head = sql[:split_at]
    items: list[Item] = []
    for index, element in enumerate(elements):
        lead = sql[split_at : element.span.start]
        is_last = index + 1 == len(elements)
        limit = table.body_span.end if is_last else elements[index + 1].span.start
        between = tokens_in(element.span.end, limit)
        item, split_at = _read_item(sql, element, lead, between, is_last)
        items.append(item)
    return Layout(head, tuple(items), sql[split_at:])


def _read_item(
    sql: str,
    element: ColumnText | ConstraintText,
    lead: str,
    between: cabc.Sequence[Token],
    is_last: bool,
) -> tuple[Item, int]:
    """Read an item, and find where the lead of the next one starts."""
    end = element.span.end
    only_name = (
        isinstance(element, ConstraintText) and element.kind is ConstraintKind.NAME_ONLY
    )
    commas = [i for i, token in enumerate(between) if token.is_symbol(",")]
    if not commas:
        split_at = _own_line_end(between, end, to_the_end=is_last)
        before = sql[end:split_at]
        return Item(element.text, lead, before, only_name=only_name), split_at
    comma = between[commas[0]]
    comments = [t for t in between[: commas[0]] if t.kind is Kind.COMMENT]
    middle = comments[-1].end if comments else end
    split_at = _own_line_end(between[commas[0] + 1 :], comma.end)
    item = Item(
        element.text,
        lead,
        before=sql[end:middle],
        gap=sql[middle : comma.start],
        comma=True,
        after=sql[comma.end : split_at],
        only_name=only_name,
    )
    return item, split_at


def _own_line_end(
    trivia: cabc.Sequence[Token], start: int, *, to_the_end: bool = False
) -> int:
    """Find where the comments end that belong to what is before them.

    Those on the same line do, unless the next item is on that line, too: a comment
    between two items of one line describes the second.

    :param trivia: the white space and comments between two items.
    :param start: where they start.
    :param to_the_end: whether no item follows.
    """
    end = start
    for token in trivia:
        if token.kind is Kind.COMMENT:
            end = token.end
            if token.is_line_comment or "\n" in token.text:
                return end
        elif "\n" in token.text:
            return end
    return end if to_the_end else start


def _is_open(text: str) -> bool:
    """Tell whether a text ends in a comment that only the end of the line closes."""
    tokens = tokenize(text)
    return bool(tokens) and tokens[-1].is_line_comment
