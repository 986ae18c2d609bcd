"""The server: it hands out what it knows to who may ask, and takes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from threading import Thread

import pytest

from facedistill.errors import UserError
from facedistill.serve.server import Server
from facedistill.serve.site import Site, build_site


@pytest.fixture(scope="module")
def site() -> Site:
    return build_site({"name": "it"}, {"/models/student.onnx": b"weights"})


@contextmanager
def running(server: Server) -> Iterator[Server]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    with running(Server(site)) as started:
        yield started


def ask(server: Server, address: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request(method, address, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer, data


def test_it_hands_out_the_page_and_the_models(server: Server) -> None:
    for address, kind, start in (
        ("/", "text/html; charset=utf-8", b"<!doctype html>"),
        ("/main.js", "text/javascript; charset=utf-8", b"//"),
        ("/package.json", "application/json", b'{"name": "it"}'),
        ("/models/student.onnx", "application/octet-stream", b"weights"),
    ):
        answer, data = ask(server, address)
        assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
        assert data.startswith(start)
        head, nothing = ask(server, address, "HEAD")
        assert (head.status, head.headers["Content-Length"], nothing) == (200, str(len(data)), b"")


@pytest.mark.parametrize(
    "address",
    [
        "/models/",
        "/models",
        "/index.html",
        "/../server.py",
        "/%2e%2e/server.py",
        "//etc/passwd",
        "/runtime.py",
        "/x" * 999,
    ],
)
def test_there_is_nothing_else(server: Server, address: str) -> None:
    answer, data = ask(server, address)
    assert (answer.status, data) == (404, b"There is nothing at this address.\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT"])
def test_it_takes_nothing(server: Server, method: str) -> None:
    answer, data = ask(server, "/", method)
    assert (answer.status, data) == (501, b"This server hands out a page and takes nothing.\n")
    assert answer.headers["Connection"] == "close"


def test_every_answer_confines_the_page(server: Server) -> None:
    for address, method in (("/", "GET"), ("/worker.js", "GET"), ("/nothing", "GET"), ("/", "POST")):
        answer, _ = ask(server, address, method)
        rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["connect-src"] == "'self'"
        assert rules["form-action"] == "'none'"
        assert "unsafe-inline" not in str(rules)
        assert "'unsafe-eval'" not in str(rules)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_what_a_browser_has_is_not_sent_again(server: Server) -> None:
    first, _ = ask(server, "/style.css")
    again, data = ask(server, "/style.css", If_None_Match=first.headers["ETag"])
    assert (again.status, data) == (304, b"")
    assert ask(server, "/style.css", If_None_Match='"other"')[0].status == 200


def test_other_sites_cannot_lead_here(server: Server) -> None:
    """A name that somebody else's site resolves to this machine (DNS rebinding)."""
    port = server.server_address[1]
    assert ask(server, "/", Host=f"localhost:{port}")[0].status == 200
    for host in (f"evil.example:{port}", "evil.example", f"127.0.0.1:{port + 1}", ""):
        answer, data = ask(server, "/", Host=host)
        assert (answer.status, data) == (403, b"This server answers to its own name only.\n")


def test_other_machines_need_the_token(site: Site) -> None:
    with pytest.raises(UserError, match=r"Serving on 0.0.0.0 lets other machines ask; it needs a token"):
        Server(site, host="0.0.0.0")
    for token in ("short", "with space", "a;b=c;d", "gesichtß"):
        with pytest.raises(UserError, match="six or more letters, digits"):
            Server(site, token=token)
    with running(Server(site, host="0.0.0.0", token="s3cret")) as server:
        assert server.url == f"http://0.0.0.0:{server.server_address[1]}/?token=s3cret"
        for address, cookie in (("/", ""), ("/?token=guess", ""), ("/", "token=guess"), ("/main.js", "token=\x07")):
            answer, data = ask(server, address, Cookie=cookie)
            assert (answer.status, data[:22]) == (403, b"Open the whole address")
        opened, _ = ask(server, "/?token=s3cret")
        assert (opened.status, opened.headers["Location"]) == (303, "/")
        kept = opened.headers["Set-Cookie"]
        assert kept == "token=s3cret; HttpOnly; SameSite=Strict; Path=/"
        assert ask(server, "/main.js", Cookie=kept.partition(";")[0], Host="phone.example")[0].status == 200


def test_a_port_that_is_taken_is_said(server: Server, site: Site) -> None:
    taken = server.server_address[1]
    with pytest.raises(UserError, match=rf"127.0.0.1:{taken} cannot be served: .*; choose another --port or --host"):
        Server(site, port=taken)
