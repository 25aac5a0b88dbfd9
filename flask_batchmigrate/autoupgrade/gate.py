"""Brings the databases up to date before the first request of a process is served."""

from __future__ import annotations

import logging
import math
import threading
import time
import typing as t
import weakref

import sqlalchemy as sa
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request
from werkzeug.wrappers import Response

from ..reporting import first_line
from ..state import MigrateState
from . import page
from .refusal import behind_code
from .refusal import newer_than_code
from .refusal import Refusal

if t.TYPE_CHECKING:
    import collections.abc as cabc

    from _typeshed.wsgi import StartResponse
    from _typeshed.wsgi import WSGIApplication
    from _typeshed.wsgi import WSGIEnvironment

    from ..status import DatabaseStatus

#: Seconds until the next attempt after a first failure; doubled after each further one.
FIRST_PAUSE: t.Final = 1.0
LONGEST_PAUSE: t.Final = 30.0
#: How long after an attempt has begun requests wait for it where endpoints are exempt,
#: in seconds: small upgrades take no longer.
LONGEST_WAIT: t.Final = 1.0
#: How many requests wait at the same time.
MOST_WAITING: t.Final = 16

Mode: t.TypeAlias = t.Literal["off", "upgrade", "check"]

_installed: weakref.WeakSet[Flask] = weakref.WeakSet()


def install(app: Flask) -> None:
    """Put the gate in front of an application.

    It decides what to do at the first request, when the configuration is complete, and
    removes itself when it has nothing left to do.
    """
    if app not in _installed:
        _installed.add(app)
        app.wsgi_app = Gate(app)  # type: ignore[method-assign]


_UNDER_WAY: t.Final = Refusal("The databases are being upgraded.")


class Gate:
    """Replaces ``app.wsgi_app`` until the databases are up to date.

    It runs before everything that Flask does for a request, because opening the session
    or a ``before_request`` function may already use the database.

    :param app: the application.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._inner: WSGIApplication = app.wsgi_app
        self._inner_is_own = "wsgi_app" in vars(app)
        self._open = False
        self._ready = False
        self._attempts = threading.Lock()
        self._began: float | None = None
        self._waiting = 0
        self._counting = threading.Lock()
        self._refusal: Refusal | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._last_logged = ""
        self._page = page.DeveloperPage()

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> cabc.Iterable[bytes]:
        """Serve a request, or answer why it is refused."""
        if self._open:
            return self._inner(environ, start_response)
        return self._answer(environ)(environ, start_response)

    def _answer(self, environ: WSGIEnvironment) -> WSGIApplication:
        """Return the WSGI application that answers a request."""
        if not isinstance(self._app.extensions.get("migrate"), MigrateState):
            # Another extension took the place after init_app().
            self._go_away()
            return self._inner
        mode = self._mode()
        debug = self._app.debug and not self._app.testing
        if mode == "off" and not debug:
            self._go_away()
            return self._inner
        if debug and environ.get("PATH_INFO") == page.PATH:
            return self._act(environ)
        if mode != "off" and not self._ready and not self._is_exempt(environ):
            refusal = self._admit(mode)
            if refusal is not None:
                return self._refuse(environ, refusal, debug)
        if debug:
            return self._serve_with_page
        if self._ready:
            self._go_away()
        return self._inner

    @property
    def _state(self) -> MigrateState:
        return t.cast("MigrateState", self._app.extensions["migrate"])

    def _mode(self) -> Mode:
        mode = self._state.settings["auto_upgrade"]
        if not mode or (self._app.testing and mode != "always"):
            return "off"
        return "check" if mode == "check" else "upgrade"

    def _go_away(self) -> None:
        """Remove the gate, so that it does not take part in further requests.

        Middleware around the gate still calls it, which then only reads one attribute.
        """
        self._open = True
        own = vars(self._app)
        if own.get("wsgi_app") is not self:
            return
        if self._inner_is_own:
            self._app.wsgi_app = self._inner
        else:
            # Several threads may do this at once.
            own.pop("wsgi_app", None)

    def _is_exempt(self, environ: WSGIEnvironment) -> bool:
        """Return whether a request is for an exempt endpoint."""
        exempt = self._state.settings["auto_upgrade_exempt"]
        if not exempt:
            return False
        try:
            adapter = self._app.create_url_adapter(self._app.request_class(environ))
            return adapter is not None and adapter.match()[0] in exempt
        except HTTPException:
            return False

    # Bringing the databases up to date

    def _admit(self, mode: Mode) -> Refusal | None:
        """Bring the databases up to date once, while some other threads wait."""
        if not (self._attempts.acquire(blocking=False) or self._wait()):
            return _UNDER_WAY
        try:
            if self._ready or time.monotonic() < self._retry_at:
                return self._refusal
            refusal = self._attempt(mode)
            if refusal is None:
                self._succeed()
                return None
            self._fail(refusal)
            return self._refusal
        finally:
            self._attempts.release()

    def _wait(self) -> bool:
        """Wait for the attempt of another thread.

        If endpoints are exempt, it waits only briefly. Otherwise all threads of a
        worker, whose number is not known, might wait, and none would serve these.

        :return: whether the attempt is over, so that this thread may make the next.
        """
        with self._counting:
            if self._waiting >= MOST_WAITING:
                return False
            self._waiting += 1
        try:
            settings, now = self._state.settings, time.monotonic()
            exempt, longest = settings["auto_upgrade_exempt"], settings.lock_timeout
            longest = min(longest, LONGEST_WAIT) if exempt else longest
            left = (self._began or now) + longest - now
            return self._attempts.acquire(timeout=max(0.0, left))
        finally:
            with self._counting:
                self._waiting -= 1

    def _fail(self, refusal: Refusal) -> None:
        """Store the reason of a failure, and the time of the next attempt."""
        self._tell(refusal)
        pause = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
        if refusal.error is None:
            # Another attempt is cheap.
            pause = FIRST_PAUSE
        elif self._app.debug:
            # A developer who has corrected the script does not want to wait.
            pause = 0.0
        self._failures += 1
        self._retry_at = time.monotonic() + pause
        tolerated = self._state.settings["auto_upgrade_tolerates"]
        passes = refusal.error is not None and "failed" in tolerated
        self._refusal = None if passes else refusal

    def _attempt(self, mode: Mode) -> Refusal | None:
        """Bring the databases up to date, or return the reason why that failed."""
        self._began = time.monotonic()
        try:
            with self._app.app_context():
                return self._bring_up_to_date(mode)
        except Exception as error:
            return Refusal(str(error), error)
        finally:
            self._began = None

    def _bring_up_to_date(self, mode: Mode) -> Refusal | None:
        # Loaded at the first request, so that processes start fast.
        from ..project.fast_path import nothing_to_upgrade

        if nothing_to_upgrade():
            return None
        # This loads Alembic.
        from .. import status
        from ..errors import DatabaseError
        from .careful_upgrade import upgrade_if_known

        try:
            found = status.read(refuse_unstamped=mode == "upgrade")
            behind = [each for each in found if each.state != "current"]
        except DatabaseError as error:
            if mode == "check":
                return Refusal(str(error))
            # Another process may be upgrading it; only the upgrade waits for that.
        else:
            if not behind:
                return None
            if all(each.state == "newer" for each in behind):
                return self._meet_newer(behind)
            if mode == "check":
                return Refusal("; ".join(map(behind_code, behind)))
        for applied in upgrade_if_known():
            self._app.logger.info(
                "Upgraded '%s' to %s (%s).",
                applied.database,
                applied.revision,
                first_line(applied.message),
            )
        return None

    def _meet_newer(self, newer: list[DatabaseStatus]) -> Refusal | None:
        reason = "; ".join(map(newer_than_code, newer))
        if "newer" not in self._state.settings["auto_upgrade_tolerates"]:
            return Refusal(reason)
        self._app.logger.warning(reason)
        return None

    def _succeed(self) -> None:
        if self._failures:
            self._app.logger.warning("The databases are up to date now.")
        self._ready = True
        self._refusal = None
        self._failures = 0
        self._last_logged = ""

    def _tell(self, refusal: Refusal) -> None:
        """Log a failure: in full the first time, in short if it repeats itself."""
        if self._last_logged != refusal.reason:
            self._last_logged = refusal.reason
            self._app.logger.log(
                logging.WARNING if refusal.error is None else logging.ERROR,
                "The databases are not up to date: %s",
                refusal.reason,
                exc_info=refusal.error,
            )
        else:
            self._app.logger.info("The databases are still not up to date.")

    # Answers to refused requests

    def _refuse(
        self, environ: WSGIEnvironment, refusal: Refusal, debug: bool
    ) -> Response:
        """Return the answer to a request that is not served."""
        if debug and refusal is not _UNDER_WAY and self._page.is_for(environ):
            # Without an error, the states of the databases are reason enough.
            error = refusal.reason if refusal.error is not None else ""
            response = self._show_page(Request(environ), error, 503)
        else:
            response = Response(
                "The service is not available: its database is not up to date.\n",
                status=503,
                mimetype="text/plain",
            )
        wait = self._retry_at - time.monotonic()
        response.headers["Retry-After"] = str(max(1, math.ceil(wait)))
        response.headers["Cache-Control"] = "no-store"
        return response

    def _serve_with_page(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> cabc.Iterable[bytes]:
        """Serve a request; show the page if it fails for want of a migration."""
        answers: list[str] = []

        def answering(status: str, *args: t.Any) -> t.Any:
            answers.append(status)
            return start_response(status, *args)

        try:
            return self._inner(environ, t.cast("StartResponse", answering))
        except sa.exc.DBAPIError as error:
            # Teardown functions run after the answer has begun.
            if answers or not self._page.is_for(environ):
                raise
            failed = str(error.orig)
            statuses, _ = self._look()
            if not any(each.pending for each in statuses):
                raise
        self._app.logger.warning("A migration is pending: %s", failed)
        page = self._render(Request(environ), statuses, failed, 503)
        return page(environ, start_response)

    def _look(self) -> tuple[list[DatabaseStatus], str]:
        """Return the status of the databases, or the error that prevents reading it."""
        from .. import status

        try:
            with self._app.app_context():
                return status.read(compare=True), ""
        except Exception as error:
            return [], str(error)

    def _show_page(self, request: Request, error: str, code: int) -> Response:
        statuses, broken = self._look()
        return self._render(request, statuses, error or broken, code)

    def _render(
        self, request: Request, statuses: list[DatabaseStatus], error: str, code: int
    ) -> Response:
        """Return the page, and log the code that the page may ask for."""
        if not self._page.knows(request):
            self._app.logger.warning(
                "The code for the page about pending migrations is %s.",
                self._page.code,
            )
        return self._page.render(request, statuses, error, code)

    def _act(self, environ: WSGIEnvironment) -> Response:
        """Carry out the action of a button on the page."""
        request = Request(environ)
        try:
            action = self._page.action_of(request)
        except page.WrongCode as refused:
            return self._show_page(request, str(refused.description), 403)
        except HTTPException as refused:
            return refused.get_response(environ)
        if action == "upgrade":
            with self._attempts:
                refusal = self._attempt("upgrade")
                if refusal is not None:
                    self._tell(refusal)
                    return self._show_page(request, refusal.reason, 500)
                self._succeed()
        else:
            self._go_away()
        return self._page.back(request)
