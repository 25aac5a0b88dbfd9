"""The page that a developer sees instead of an error while a migration is pending.

Its button changes a database, so only the developer may press it: in debug mode, on the
same machine, on the page itself. Requests of other machines, of other web sites in the
same browser, and for other names of this machine are refused. A proxy on this machine
can look like a browser on it, so the buttons also ask for a code that the terminal
shows, as Werkzeug's debugger does. A browser is asked for the code only once.
"""

from __future__ import annotations

import collections.abc as cabc
import hmac
import html
import ipaddress
import pathlib
import re
import secrets
import string
import typing as t
import urllib.parse

from werkzeug.exceptions import Forbidden
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Request
from werkzeug.wrappers import Response

from ..results import first_line

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..status import DatabaseStatus

#: Where the buttons post to, below the application's root.
PATH: t.Final = "/_batchmigrate"

_FORM_BYTES: t.Final = 16_384
_COOKIE: t.Final = "batchmigrate_page"
#: The number of wrong codes after which none is accepted until a restart.
_GUESSES: t.Final = 10
#: A host as RFC 9110 has it: a name or an address, and perhaps a port.
_HOST: t.Final = re.compile(
    r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+)(?::([0-9]{1,5}))?", re.ASCII
)
_LAST_PORT: t.Final = 65535
_LOCAL_PATH: t.Final = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")

#: Headers by which proxies show that the client is on another machine.
_FORWARDING: t.Final = frozenset(
    {
        "HTTP_CF_CONNECTING_IP",
        "HTTP_CLIENT_IP",
        "HTTP_FLY_CLIENT_IP",
        "HTTP_FORWARDED",
        "HTTP_TRUE_CLIENT_IP",
        "HTTP_VIA",
        "HTTP_X_CLIENT_IP",
        "HTTP_X_CLUSTER_CLIENT_IP",
        "HTTP_X_REAL_IP",
    }
)

_HERE: t.Final = pathlib.Path(__file__).parent


class WrongCode(Forbidden):
    """The form of the page came with a wrong code or without one."""


class DeveloperPage:
    """Renders the page, and checks the requests of its buttons."""

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(32)
        self._cookie = secrets.token_urlsafe(32)
        self._guesses = 0
        digits = f"{secrets.randbelow(10**9):09}"
        #: The code that the terminal shows.
        self.code = f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"

    def knows(self, request: Request) -> bool:
        """Return whether a browser has sent the code before."""
        given = request.cookies.get(_COOKIE, "")
        return hmac.compare_digest(given.encode(), self._cookie.encode())

    def is_for(self, environ: WSGIEnvironment) -> bool:
        """Return whether a request may see the page, and is one of a browser."""
        return (
            environ.get("REQUEST_METHOD") in ("GET", "HEAD")
            and is_local(environ)
            and "text/html" in environ.get("HTTP_ACCEPT", "")
        )

    def action_of(self, request: Request) -> t.Literal["upgrade", "ignore"]:
        """Return the button that was pressed.

        :raises WrongCode: the code is wrong, so the page has to be shown again.
        :raises HTTPException: the request does not come from a button of the page.
        """
        if request.method != "POST":
            raise MethodNotAllowed(["POST"], "Press a button of the page instead.")
        if not is_local(request.environ):
            raise Forbidden("Only a browser on the same machine may do this.")
        if not _is_same_origin(request):
            raise Forbidden("Only the page itself may do this.")
        request.max_content_length = _FORM_BYTES
        token = request.form.get("token", "")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise Forbidden("The page is from an earlier start; load it again.")
        if not self.knows(request):
            self._check_code(request.form.get("code", ""))
        action = request.form.get("action")
        if action == "upgrade":
            return "upgrade"
        if action == "ignore":
            return "ignore"
        raise Forbidden("There is no such button.")

    def _check_code(self, given: str) -> None:
        if self._guesses >= _GUESSES:
            raise Forbidden("Too many wrong codes; start the application again.")
        digits = re.sub(r"[\s-]", "", given)
        if not hmac.compare_digest(
            digits.encode(), self.code.replace("-", "").encode()
        ):
            self._guesses += 1
            raise WrongCode("That is not the code: the terminal shows it.")

    def back(self, request: Request) -> Response:
        """Return a redirect to the address that the developer requested."""
        location = request.environ.get("SCRIPT_NAME", "") + _place_of(request)
        response = Response(status=303, headers={"Location": location})
        response.set_cookie(
            _COOKIE,
            self._cookie,
            path=request.environ.get("SCRIPT_NAME", "") or "/",
            httponly=True,
            samesite="Strict",
        )
        return response

    def render(
        self,
        request: Request,
        statuses: cabc.Sequence[DatabaseStatus],
        error: str,
        code: int,
    ) -> Response:
        """Return the page.

        :param request: a request for which :meth:`is_for` is true, or of a button.
        :param error: the error to show, if there is one.
        """
        template = string.Template((_HERE / "page.html").read_text(encoding="utf-8"))
        nonce = secrets.token_urlsafe(16)
        upgradable = any(each.state == "pending" for each in statuses)
        text = template.substitute(
            nonce=nonce,
            error=f'<p class="error">{html.escape(error)}</p>' if error else "",
            databases="".join(map(_database, statuses)),
            action=html.escape(request.environ.get("SCRIPT_NAME", "") + PATH),
            token=html.escape(self._token),
            next=html.escape(_place_of(request)),
            disabled="" if upgradable else " disabled",
            code="" if self.knows(request) else _CODE_FIELD,
        )
        response = Response(text, status=code, mimetype="text/html")
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        return response


def is_local(environ: WSGIEnvironment) -> bool:
    """Return whether a request was made on this machine, and for a name of it.

    A request through a proxy does not count, whatever client the proxy names. Some
    proxies name none but speak HTTP/1.0, which no browser does. The name of another
    site that resolves to this machine does not count.
    """
    if environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        return False
    if any(
        name in _FORWARDING or name.startswith("HTTP_X_FORWARDED") for name in environ
    ):
        return False
    host = _hostname(environ.get("HTTP_HOST", ""))
    named = host == "localhost" or host.endswith(".localhost") or _is_loopback(host)
    return named and _is_loopback(environ.get("REMOTE_ADDR", ""))


def _hostname(host: str) -> str:
    """Return a Host header without its port; empty if it is malformed."""
    well_formed = _HOST.fullmatch(host)
    if well_formed is None or int(well_formed[2] or 0) > _LAST_PORT:
        return ""
    return well_formed[1].strip("[]").lower()


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def _is_same_origin(request: Request) -> bool:
    """Return whether, according to the browser, a page of this origin sent the form.

    Browsers send Origin with every POST, and scripts cannot set it
    (https://developer.mozilla.org/en-US/docs/Web/HTTP/Headers/Origin).
    """
    scheme, host = request.environ["wsgi.url_scheme"], request.environ["HTTP_HOST"]
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return False
    return request.headers.get("Origin") == f"{scheme}://{host}"


def _place_of(request: Request) -> str:
    """Return the path and query, below the root, that the developer requested."""
    if request.method in ("GET", "HEAD"):
        query = request.environ.get("QUERY_STRING", "")
        place = urllib.parse.quote(request.path) + (f"?{query}" if query else "")
    else:
        place = request.form.get("next", "")
    return place if _LOCAL_PATH.fullmatch(place) else "/"


def _database(status: DatabaseStatus) -> str:
    """Return the part of the page about one database."""
    bind = f" <small>bind {html.escape(repr(status.bind))}</small>" * bool(status.bind)
    lines = [f"<h2>{html.escape(status.database)}{bind}</h2>"]
    at = ", ".join(map(_code, status.current)) or "no revision yet"
    lines.append(f"<p>At {at}. {_SAYS[status.state]}</p>")
    if status.pending:
        items = "".join(
            f"<li>{_code(each.revision)} {html.escape(first_line(each.message))}</li>"
            for each in status.pending
        )
        lines.append(f"<ol>{items}</ol>")
    if status.differing:
        names = ", ".join(map(_code, status.differing))
        lines.append(f"<p>Tables that differ from their models: {names}.</p>")
    return f"<section>{''.join(lines)}</section>"


_CODE_FIELD: t.Final = (
    '<label>Code from the terminal <input name="code" required autocomplete="off"'
    ' inputmode="numeric" size="11" placeholder="123-456-789"></label>'
)


def _code(text: str) -> str:
    return f"<code>{html.escape(text)}</code>"


_SAYS: t.Final = {
    "current": "Nothing is pending.",
    "pending": "These revisions are pending:",
    "unstamped": "It has tables and no revision, so it is not upgraded from here. Run "
    "<code>flask db stamp</code> with the revision that the tables correspond to. "
    "These revisions would be pending:",
    "newer": "This revision has no file: the database is newer than the code, or of "
    "another branch of it.",
}
