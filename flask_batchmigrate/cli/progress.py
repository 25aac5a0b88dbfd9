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

_WIDTH: t.Final = 20
_NARROWEST: t.Final = 6


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
        rate = done / seconds if seconds else 0.0
        if self.is_terminal:
            return self._drawn(f"    {table}: {step}", done, rows, rate)
        seconds_left = seconds * (1 - fraction) / fraction if fraction else 0
        return (
            f"{table}: {step}, {done:,} of {rows:,} rows ({fraction:.0%}), "
            f"{rate:,.0f} rows/s, {seconds_left:.0f} s left"
        )

    def _drawn(self, label: str, done: int, rows: int, rate: float) -> str:
        """Return the bar of click as text, to show between the lines of the command.

        If it is too long for a line of the terminal, the bar and then the label are
        shortened.
        """
        if self._bar is None:
            self._bar = click.progressbar(
                length=max(rows, 1),
                show_percent=False,
                show_eta=True,
                item_show_func=lambda item: item,
                file=io.StringIO(),
            )
        bar = self._bar
        item = f"{rounded(done)} of {rounded(rows)} rows, {rounded(rate)}/s"
        bar.update(max(0, done - bar.pos), item)
        bar.label, bar.width = label, _WIDTH
        # Two places are left for what a terminal shows of Ctrl+C.
        most = shutil.get_terminal_size().columns - 3
        surplus = len(bar.format_progress_line()) - most
        if surplus > 0:
            bar.width = max(_WIDTH - surplus, _NARROWEST)
            surplus -= _WIDTH - bar.width
        if surplus > 0:
            bar.label = f"{label[: -surplus - 3]}..."
        return str(bar.format_progress_line())[:most]


def rounded(number: float) -> str:
    """Write a number with three digits, to read while it grows."""
    if number < 10_000:
        return f"{number:.0f}"
    if number < 999_500:
        return f"{number / 1000:.0f}k"
    return f"{number / 1_000_000:.{2 if number < 9_995_000 else 1}f}M"
