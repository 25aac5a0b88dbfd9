"""The page for developers: what it shows, and to whom its buttons listen."""

from __future__ import annotations

import logging
import pathlib
import re
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from flask_batchmigrate import upgrade
from flask_batchmigrate.autoupgrade import page as debugpage
from tests.apps import Apps
from tests.apps import create
from tests.apps import tables_of
from tests.apps import version_of
from tests.apps import write_revision

HOST = "localhost:5000"
BROWSER = {"Host": HOST, "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SAME_ORIGIN = {
    "Host": HOST,
    "Accept": "text/html",
    "Origin": f"http://{HOST}",
    "Sec-Fetch-Site": "same-origin",
}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A migrations folder with two revisions."""
    folder = tmp_path / "migrations"
    write_revision(folder, "aa11", None, create("user"))
    add = "op.add_column('user', sa.Column('name', sa.String(50)))"
    write_revision(folder, "bb22", "aa11", add)
    return folder


@pytest.fixture
def app(apps: Apps, folder: pathlib.Path) -> Flask:
    """An application in debug mode whose view reads the table 'user'."""
    return make(apps)


class Terminal(logging.Handler):
    """What the developer can read in the terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def code_of(app: Flask) -> str:
    """The code that the terminal showed last."""
    (terminal,) = (each for each in app.logger.handlers if isinstance(each, Terminal))
    return re.findall(r"code .* is (\d{3}-\d{3}-\d{3})\.", "\n".join(terminal.lines))[
        -1
    ]


def make(apps: Apps, **options: t.Any) -> Flask:
    app = apps.make({None: ["user name"]}, **options)
    app.debug = True
    # Applications of the same name share a logger.
    app.logger.handlers[:] = [Terminal()]
    db = app.extensions["sqlalchemy"]

    @app.get("/")
    @app.get("/users/<name>")
    def users(name: str = "") -> str:
        return (
            f"{len(db.session.execute(sa.text('SELECT name FROM user')).all())} users"
        )

    return app


def load(app: Flask, path: str = "/", **options: t.Any) -> TestResponse:
    """Ask for a page as a browser on the same machine."""
    return app.test_client().get(path, **{"headers": BROWSER, **options})


def token_of(page: TestResponse) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def press(
    app: Flask,
    button: str = "upgrade",
    headers: dict[str, str] | None = None,
    page: TestResponse | None = None,
    **options: t.Any,
) -> TestResponse:
    """Press a button of the page, as the browser would but for what is given."""
    token = token_of(page or load(app))
    data = {"token": token, "action": button, "next": "/users/x?a=1"}
    data["code"] = code_of(app)
    data.update(options.pop("data", {}))
    return app.test_client().post(
        options.pop("path", debugpage.PATH),
        headers=SAME_ORIGIN if headers is None else headers,
        data=data,
        **options,
    )


def tables(apps: Apps) -> set[str]:
    return tables_of(apps.path / "app.db")


# The page


def test_instead_of_the_stack_trace(app: Flask, apps: Apps) -> None:
    """It says what failed, what is pending, and what differs; it changes nothing."""
    page = load(app)
    assert page.status_code == 503
    for said in ("no such table: user", "aa11", "Step aa11", "bb22", "Step bb22"):
        assert said in page.text
    assert "differ from their models: <code>user</code>" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert tables(apps) == set()


def test_no_javascript(app: Flask) -> None:
    """The page works without scripts, and would not run any."""
    page = load(app)
    assert "<script" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_upgrade(app: Flask, apps: Apps) -> None:
    """The button upgrades, and leads back to where the developer was."""
    page = load(app, "/users/x?a=1")
    assert 'name="next" value="/users/x?a=1"' in page.text
    answer = press(app, page=page)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/users/x?a=1")
    assert version_of(apps.path / "app.db") == {"bb22"}
    assert load(app).text == "0 users"


def test_ignore(app: Flask, apps: Apps) -> None:
    """After 'Ignore for now' the error is shown as without the page."""
    assert press(app, "ignore").status_code == 303
    assert tables(apps) == set()
    with pytest.raises(sa.exc.OperationalError):
        load(app)


def test_below_a_prefix(app: Flask, apps: Apps) -> None:
    """An application that is mounted below a prefix posts and returns there."""
    mounted = {"base_url": "http://localhost:5000/shop"}
    page = load(app, **mounted)
    assert 'action="/shop/_batchmigrate"' in page.text
    answer = press(app, page=page, **mounted)
    assert answer.headers["Location"] == "/shop/users/x?a=1"
    assert "user" in tables(apps)


def test_failed_upgrade(apps: Apps, app: Flask, folder: pathlib.Path) -> None:
    """An upgrade that fails says why, on the page; the next one may work."""
    good = (folder / "versions" / "bb22_.py").read_text()
    write_revision(folder, "bb22", "aa11", "raise ValueError('<b>broken</b>')")
    answer = press(app)
    assert answer.status_code == 500
    assert "ValueError: &lt;b&gt;broken&lt;/b&gt;" in answer.text
    assert 'name="next" value="/users/x?a=1"' in answer.text
    assert tables(apps) == set()
    (folder / "versions" / "bb22_.py").write_text(good)
    assert press(app, page=answer).status_code == 303


def test_everything_is_escaped(apps: Apps, folder: pathlib.Path) -> None:
    """Nothing that comes from files, databases or the request becomes HTML."""
    evil = "<script>alert(1)</script>"
    path = write_revision(folder, "cc33", "bb22")
    path.write_text(path.read_text().replace("Step cc33", evil))
    app = make(apps, file="<i>.db")
    db = app.extensions["sqlalchemy"]
    db.Table(evil, db.Column("id", db.Integer, primary_key=True))
    app.add_url_rule(
        "/evil",
        view_func=lambda: str(db.session.execute(sa.text(f'SELECT * FROM "{evil}"'))),
    )
    page = load(app, f'/evil?"><script>{evil}')
    assert page.status_code == 503
    # The request, the error, the message of the revision, the name of the table.
    assert page.text.count("&lt;script&gt;alert(1)") == 4
    assert "<script" not in page.text
    assert "<i>" not in page.text


def test_unstamped(app: Flask, apps: Apps) -> None:
    """A database that no revision made cannot be upgraded from the page."""
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE other (id INTEGER)"))
    page = load(app)
    assert "flask db stamp" in page.text
    assert 'value="upgrade" disabled' in page.text
    assert press(app, page=page).status_code == 500
    assert tables(apps) == {"other"}


def test_nothing_pending(app: Flask) -> None:
    """An error with another reason is shown as ever."""
    with app.app_context():
        upgrade()
        app.extensions["sqlalchemy"].drop_all()
    with pytest.raises(sa.exc.OperationalError):
        load(app)


def test_other_errors(app: Flask) -> None:
    """An error that is not the database's is none of the page's business."""
    app.add_url_rule("/bad", view_func=lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load(app, "/bad")


@pytest.mark.parametrize("mode", ["check", True])
def test_instead_of_a_refusal(
    apps: Apps, folder: pathlib.Path, mode: bool | str
) -> None:
    """Where 'auto_upgrade' refuses, a developer sees the page, a program the text."""
    write_revision(folder, "cc33", "bb22", "op.execute('nonsense')")
    app = make(apps, auto_upgrade=mode)
    page = load(app)
    assert (page.status_code, page.mimetype) == (503, "text/html")
    assert ("nonsense" in page.text) is (mode is True)
    answer = load(app, headers={"Host": HOST, "Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (503, "text/plain")
    write_revision(folder, "cc33", "bb22")
    assert press(app, page=page).status_code == 303
    assert load(app).text == "0 users"


def test_production(app: Flask) -> None:
    """Out of debug mode there is no page."""
    app.debug = False
    assert load(app).status_code == 500
    assert "_batchmigrate" not in load(app).text


def test_testing(app: Flask) -> None:
    """Under test, errors are the test's."""
    app.testing = True
    with pytest.raises(sa.exc.OperationalError):
        load(app)


# Attacks

LOOPBACK = {"REMOTE_ADDR": "127.0.0.1"}

ATTACKS: dict[str, dict[str, t.Any]] = {
    "other origin": {"headers": {**SAME_ORIGIN, "Origin": "http://evil.example"}},
    "other port": {"headers": {**SAME_ORIGIN, "Origin": "http://localhost:8000"}},
    "other scheme": {"headers": {**SAME_ORIGIN, "Origin": f"https://{HOST}"}},
    "other name": {"headers": {**SAME_ORIGIN, "Origin": "http://127.0.0.1:5000"}},
    "hidden origin": {"headers": {**SAME_ORIGIN, "Origin": "null"}},
    "no origin": {"headers": {k: v for k, v in SAME_ORIGIN.items() if k != "Origin"}},
    "cross-site": {"headers": {**SAME_ORIGIN, "Sec-Fetch-Site": "cross-site"}},
    "same site": {"headers": {**SAME_ORIGIN, "Sec-Fetch-Site": "same-site"}},
    "typed in": {"headers": {**SAME_ORIGIN, "Sec-Fetch-Site": "none"}},
    "rebound name": {
        "headers": {
            **SAME_ORIGIN,
            "Host": "evil.example:5000",
            "Origin": "http://evil.example:5000",
        }
    },
    "name that begins like it": {
        "headers": {
            **SAME_ORIGIN,
            "Host": "localhost.evil.example",
            "Origin": "http://localhost.evil.example",
        }
    },
    "name that begins like an address": {
        "headers": {
            **SAME_ORIGIN,
            "Host": "127.0.0.1.evil.example",
            "Origin": "http://127.0.0.1.evil.example",
        }
    },
    "host with a user": {
        "headers": {
            **SAME_ORIGIN,
            "Host": "localhost@evil.example",
            "Origin": "http://localhost@evil.example",
        }
    },
    "wrong token": {"data": {"token": "x" * 43}},
    "empty token": {"data": {"token": ""}},
    "token of letters only": {"data": {"token": "é"}},
    "token in the address": {
        "data": {"token": ""},
        "path": f"{debugpage.PATH}?token=x&action=upgrade",
    },
    "another machine": {"environ_base": {"REMOTE_ADDR": "192.168.1.7"}},
    "another machine by IPv6": {"environ_base": {"REMOTE_ADDR": "2001:db8::1"}},
    "mapped address": {"environ_base": {"REMOTE_ADDR": "::ffff:192.168.1.7"}},
    "every machine": {"environ_base": {"REMOTE_ADDR": "0.0.0.0"}},
    "unknown machine": {"environ_base": {"REMOTE_ADDR": ""}},
    "silent proxy": {
        "environ_base": LOOPBACK,
        "environ_overrides": {"SERVER_PROTOCOL": "HTTP/1.0"},
    },
    "no code": {"data": {"code": ""}},
    "wrong code": {"data": {"code": "000-000-00"}},
    "code of letters": {"data": {"code": "\u0661\u0662\u0663-456-789"}},
    "cookie of its own": {
        "data": {"code": ""},
        "headers": {**SAME_ORIGIN, "Cookie": "batchmigrate_page=x"},
    },
    **{
        f"malformed host: {host}": {
            "headers": {**SAME_ORIGIN, "Host": host, "Origin": f"http://{host}"}
        }
        for host in (
            "localhost:5000:80",
            "localhost:abc",
            "localhost:65536",
            "localhost/a",
            "localhost?a",
            "localhost#a",
            "a@localhost",
            "a:b@localhost:5000",
            "localhost, evil.example",
            "localhost:",
            "[::1",
            "::1",
            "127.1",
        )
    },
    "other button": {"data": {"action": "drop"}},
    **{
        f"proxied: {header}": {"headers": {**SAME_ORIGIN, header: value}}
        for header, value in {
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Host": HOST,
            "X-Forwarded-Proto": "http",
            "X-Forwarded-Something": "new",
            "Forwarded": "for=127.0.0.1",
            "Via": "1.1 proxy",
            "X-Real-IP": "127.0.0.1",
            "X-Client-IP": "127.0.0.1",
            "CF-Connecting-IP": "127.0.0.1",
        }.items()
    },
}


@pytest.mark.parametrize("mode", [False, "check"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_attack(
    apps: Apps, folder: pathlib.Path, attack: str, mode: bool | str
) -> None:
    """A request that is not the developer's own runs nothing, whatever it knows."""
    app = make(apps, auto_upgrade=mode)
    assert press(app, **ATTACKS[attack]).status_code == 403
    assert press(app, "ignore", **ATTACKS[attack]).status_code == 403
    assert tables(apps) == set()
    assert load(app).status_code == 503, "the page was ignored"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods(app: Flask, apps: Apps, method: str) -> None:
    """Only POST does anything."""
    token = token_of(load(app))
    answer = app.test_client().open(
        f"{debugpage.PATH}?token={token}&action=upgrade",
        method=method,
        headers=SAME_ORIGIN,
        data=None if method in ("GET", "HEAD") else {"token": token},
    )
    assert answer.status_code == 405
    assert tables(apps) == set()


@pytest.mark.parametrize("auto_upgrade", [False, "check"])
def test_production_mode(
    apps: Apps, folder: pathlib.Path, auto_upgrade: bool | str
) -> None:
    """A page from debug mode is worth nothing in production."""
    app = make(apps, auto_upgrade=auto_upgrade)
    page = load(app)
    app.debug = False
    assert press(app, page=page).status_code in (404, 503)
    assert tables(apps) == set()


def test_token_of_another_process(app: Flask, apps: Apps) -> None:
    """A page that was loaded before the application started again is refused."""
    other = make(apps)
    assert press(app, page=load(other)).status_code == 403
    assert tables(apps) == set()


def test_the_code_is_asked_for_once(app: Flask, apps: Apps) -> None:
    """A browser that knew it may press the next button without it."""
    browser = app.test_client()
    form = {"token": token_of(load(app)), "next": "/", "action": "upgrade"}
    page = browser.post(debugpage.PATH, headers=SAME_ORIGIN, data=form)
    assert (page.status_code, "not the code" in page.text) == (403, True)
    assert 'name="code"' in page.text
    assert tables(apps) == set()
    form["code"] = code_of(app).replace("-", " ")
    answer = browser.post(debugpage.PATH, headers=SAME_ORIGIN, data=form)
    assert answer.status_code == 303
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE user")
        connection.exec_driver_sql("DELETE FROM alembic_version")
    assert 'name="code"' not in browser.get("/", headers=BROWSER).text
    del form["code"]
    answer = browser.post(debugpage.PATH, headers=SAME_ORIGIN, data=form)
    assert answer.status_code == 303
    assert version_of(apps.path / "app.db") == {"bb22"}


def test_the_code_cannot_be_guessed(app: Flask, apps: Apps) -> None:
    """After some wrong ones, the right one does not help either."""
    for number in range(10):
        assert press(app, data={"code": f"{number}"}).status_code == 403
    assert press(app).status_code == 403
    assert tables(apps) == set()


def test_head(app: Flask) -> None:
    """HEAD is answered as GET is, without the page."""
    answer = app.test_client().head("/", headers=BROWSER)
    assert (answer.status_code, answer.data) == (503, b"")


def test_an_error_after_the_answer_has_begun(app: Flask) -> None:
    """A database error of a teardown function stays the error that it is."""

    @app.route("/fine")
    def fine() -> str:
        return "fine"

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        with app.extensions["sqlalchemy"].engine.connect() as connection:
            connection.exec_driver_sql("SELECT * FROM user")

    with pytest.raises(sa.exc.OperationalError, match="no such table"):
        load(app, "/fine")


def test_large_form(app: Flask, apps: Apps) -> None:
    """A form that is no page's form is not even read."""
    assert press(app, data={"more": "x" * 100_000}).status_code == 413
    assert tables(apps) == set()


@pytest.mark.parametrize(
    "headers",
    [
        {**BROWSER, "X-Forwarded-For": "127.0.0.1"},
        {**BROWSER, "Host": "evil.example"},
        {"Host": HOST, "Accept": "application/json"},
    ],
)
def test_not_shown_to_others(app: Flask, headers: dict[str, str]) -> None:
    """Who may not press the button does not get the token either."""
    with pytest.raises(sa.exc.OperationalError):
        load(app, headers=headers)


def test_not_shown_to_another_machine(app: Flask) -> None:
    """Another machine does not get the token."""
    with pytest.raises(sa.exc.OperationalError):
        load(app, environ_base={"REMOTE_ADDR": "10.0.0.5"})


@pytest.mark.parametrize(
    "place",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\r\nSet-Cookie: a=b",
        "/\t/evil.example",
        "javascript:alert(1)",
        "",
    ],
)
def test_returns_within_the_application(app: Flask, place: str) -> None:
    """The way back leads nowhere else."""
    answer = press(app, "ignore", data={"next": place})
    assert answer.headers["Location"] == "/"
    assert "a=b" not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost", "127.0.0.1"),
        ("shop.localhost:5000", "127.0.0.1"),
        ("127.0.0.1:5000", "127.0.0.1"),
        ("[::1]:5000", "::1"),
        ("localhost:5000", "::ffff:127.0.0.1"),
    ],
)
def test_own_machine(app: Flask, apps: Apps, host: str, address: str) -> None:
    """The developer's own browser is heard, however it names the machine."""
    base = {"REMOTE_ADDR": address}
    page = load(app, headers={**BROWSER, "Host": host}, environ_base=base)
    headers = {**SAME_ORIGIN, "Host": host, "Origin": f"http://{host}"}
    answer = press(app, headers=headers, page=page, environ_base=base)
    assert answer.status_code == 303
    assert "user" in tables(apps)
