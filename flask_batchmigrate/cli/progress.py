"""Shows the progress of a long statement: a bar on a terminal, else single lines."""

from __future__ import annotations

import collections.abc as cabc
import io
import shutil
import time
import typing as t

import click

FIRST: t.Final = 0.5
"""The seconds that a statement runs before the bar appears."""

REDRAWN: t.Final = 0.1
"""The seconds before the bar is drawn again."""

LOGGED: t.Final = 5.0
"""The seconds before the next line, without a terminal."""


class Progress:
    """Decides when progress is shown, and how.

    :param is_terminal: whether to show a bar, or else lines.
    :param clock: returns the time, in seconds.
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
        """Return the text to show now; ``None`` if it is not time yet.

        :param fraction: the part that is done, from 0 to 1.
        :param rows: the number of all rows.
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
        seconds_left = seconds * (1 - fraction) / fraction if fraction else 0
        return (
            f"{table}: {step}, {done:,} of {rows:,} rows ({fraction:.0%}), {rate}, "
            f"{seconds_left:.0f} s left"
        )

    def _drawn(self, label: str, done: int, rows: int, rate: str) -> str:
        """Return the bar of click as text, to show between the lines of the command."""
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
