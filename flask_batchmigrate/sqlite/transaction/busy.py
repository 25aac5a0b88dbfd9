"""Waits for the locks of other connections, for as long as a migration may."""

from __future__ import annotations

import collections.abc as cabc
import random
import time
import typing as t

from ..error_codes import is_busy

if t.TYPE_CHECKING:
    from .driver import Driver

Notify = cabc.Callable[[str], None]
T = t.TypeVar("T")

#: How long one attempt waits inside SQLite, in seconds: it grows from the first to the
#: second. Inside, SQLite keeps the pending lock that stops new readers, so that a
#: stream of them cannot starve the migration. For one that reads for long, nobody else
#: is to be kept waiting: between attempts the application goes on for much longer.
#: https://www.sqlite.org/lockingv3.html
_SLICES = (0.05, 0.5)
#: The pause after an attempt, in attempts.
_PAUSE = 3
#: Waiting shorter than this is not worth a message, in seconds.
_PATIENCE = 0.3


class StillLocked(Exception):
    """The lock was not free in time; the caller says what that means."""


class Waiting:
    """Retries a statement while another connection holds the lock it needs.

    :param driver: the connection that waits; its own ``busy_timeout`` is set aside
        for each wait and put back afterwards.
    :param timeout: how long to wait, in seconds.
    :param notify: told once, when a wait has become worth mentioning.
    """

    def __init__(self, driver: Driver, timeout: float, notify: Notify | None) -> None:
        self._driver = driver
        self.timeout = timeout
        self._notify = notify

    def run(self, attempt: cabc.Callable[[], T], message: str) -> T:
        """Call until it is not refused for a lock.

        :param attempt: what to do; it raises the driver's error when locked out.
        :param message: what to tell the user while waiting.
        :return: what the attempt returned.
        :raises StillLocked: when the time is over.
        """
        started = time.monotonic()
        own_timeout = self._driver.pragma("busy_timeout")
        told = self._notify is None
        slice_, longest = _SLICES
        try:
            while True:
                elapsed = time.monotonic() - started
                left = max(0.0, min(slice_, self.timeout - elapsed))
                self._driver.set_pragma("busy_timeout", round(left * 1000))
                try:
                    return attempt()
                except self._driver.error as error:
                    if not is_busy(error):
                        raise
                    waited = time.monotonic() - started
                    if waited >= self.timeout:
                        raise StillLocked from error
                if not told and self._notify is not None and waited >= _PATIENCE:
                    told = True
                    self._notify(message)
                pause = slice_ * random.uniform(_PAUSE / 2, _PAUSE)
                time.sleep(max(0.0, min(pause, self.timeout - waited)))
                slice_ = min(longest, slice_ * 1.5)
        finally:
            if self._driver.is_open:
                self._driver.set_pragma("busy_timeout", own_timeout)
