"""Shows how far a long statement has come: a bar on a terminal, else some lines."""

from __future__ import annotations

import collections.abc as cabc
import io
import shutil
import time
import typing as t

import click

FIRST: t.Final = 0.5
"""A statement that takes less than this many seconds is not worth a bar."""

REDRAWN: t.Final = 0.1
"""How many seconds pass before the bar is drawn again."""

LOGGED: t.Final = 5.0
"""How many seconds pass before the next line, where there is no terminal."""


class Progress:
    """Decides when there is something to show, and what.

    :param is_terminal: show a bar, else lines.
    :param clock: tells the time, in seconds.
    """

    def __init__(
        self,
        is_terminal: bool,
        clock: cabc.Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_terminal = is_terminal
        self._clock = clock
        self._what: tuple[str, str] | None = None
        self._start = self._next = 0.0
        self._bar: t.Any = None

    def text(self, table: str, step: str, fraction: float, rows: int) -> str | None:
        """Return what is to be shown now, if anything is.

        :param fraction: the part that is done, from 0 to 1.
        :param rows: how many rows there are.
        """
        now = self._clock()
        if (table, step) != self._what:
            self._what, self._start, self._bar = (table, step), now, None
            self._next = now + (FIRST if self.is_terminal else LOGGED)
        if now < self._next:
            return None
        self._next = now + (REDRAWN if self.is_terminal else LOGGED)
        done, seconds = round(rows * fraction), now - self._start
        rate = f"{done / seconds:,.0f} rows/s" if seconds else ""
        if self.is_terminal:
            return self._drawn(f"{table}: {step}", done, rows, rate)
        left = seconds * (1 - fraction) / fraction if fraction else 0
        return (
            f"{table}: {step}, {done:,} of {rows:,} rows ({fraction:.0%}), {rate}, "
            f"{left:.0f} s left"
        )

    def _drawn(self, label: str, done: int, rows: int, rate: str) -> str:
        """Return click's bar; drawn here, between the lines of the command."""
        if self._bar is None:
            self._bar = click.progressbar(
                length=max(rows, 1),
                label=f"    {label}",
                show_pos=True,
                show_eta=True,
                width=20,
                item_show_func=lambda item: item,
                file=io.StringIO(),
            )
        bar = self._bar
        bar.update(max(0, done - bar.pos), rate)
        width = shutil.get_terminal_size().columns
        return str(bar.format_progress_line())[: width - 1]
