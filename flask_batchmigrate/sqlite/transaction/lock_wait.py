"""Waits for the locks of other connections, as long as a migration is allowed to."""

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

#: The seconds that one attempt waits inside SQLite: they grow from the first number to
#: the second. During an attempt SQLite has the pending lock, which stops new readers,
#: so that a stream of readers cannot starve the migration. A single long reader must
#: not stop all others, so the pauses between two attempts are much longer.
#: https://www.sqlite.org/lockingv3.html
_SLICES = (0.05, 0.5)
#: The pause after an attempt, as a multiple of the attempt.
_PAUSE = 3
#: A wait of fewer seconds than this is not worth a message.
_PATIENCE = 0.3


class StillLocked(Exception):
    """The lock was not free in time; the caller makes the message."""


class LockWait:
    """Retries a statement while another connection holds the lock it needs.

    :param driver: the connection that waits. Its own ``busy_timeout`` is changed for
        each wait and restored afterwards.
    :param timeout: how long to wait, in seconds.
    :param wait: called once for each wait that is long enough to be mentioned.
    """

    def __init__(self, driver: Driver, timeout: float, wait: Notify | None) -> None:
        self._driver = driver
        self.timeout = timeout
        self._wait = wait

    def run(self, attempt: cabc.Callable[[], T], message: str) -> T:
        """Call a function until no lock of another connection stops it.

        :param attempt: the function; it raises the driver's error when locked out.
        :param message: what the user reads while it waits.
        :return: what the attempt returned.
        :raises StillLocked: when the time is over.
        """
        started = time.monotonic()
        own_timeout = self._driver.pragma("busy_timeout")
        wait = self._wait
        slice_, longest = _SLICES
        try:
            while True:
                elapsed = time.monotonic() - started
                seconds = max(0.0, min(slice_, self.timeout - elapsed))
                self._driver.set_pragma("busy_timeout", round(seconds * 1000))
                try:
                    return attempt()
                except self._driver.driver_error as error:
                    if not is_busy(error):
                        raise
                    waited = time.monotonic() - started
                    if waited >= self.timeout:
                        raise StillLocked from error
                if wait is not None and waited >= _PATIENCE:
                    wait(message)
                    wait = None
                pause = slice_ * random.uniform(_PAUSE / 2, _PAUSE)
                time.sleep(max(0.0, min(pause, self.timeout - waited)))
                slice_ = min(longest, slice_ * 1.5)
        finally:
            if self._driver.is_open:
                self._driver.set_pragma("busy_timeout", own_timeout)
