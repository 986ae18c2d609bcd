"""A server on this machine that answers with a site's assets and takes nothing."""

import hmac
import re
from collections.abc import Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from ..errors import UserError
from .site import HEADERS, Site

LOOPBACK = "127.0.0.1"
_TOKEN = "token"
OWN_NAMES = (LOOPBACK, "localhost")


class Server(ThreadingHTTPServer):
    """Serves a site until it is shut down."""

    daemon_threads = True

    def __init__(self, site: Site, *, host: str = LOOPBACK, port: int = 0, token: str | None = None) -> None:
        """Port 0 takes any that is free.

        Raises:
            UserError: another machine could ask and there is no ``token``, or one that an address cannot carry; the
                host or the port is not available.
        """
        if host not in OWN_NAMES and not token:
            raise UserError(f"Serving on {host} lets other machines ask; it needs a token.")
        if token and not re.fullmatch(r"[A-Za-z0-9_-]{6,}", token):
            raise UserError("A token is six or more letters, digits, hyphens and underscores.")
        self.site, self.token, self._host = site, token, host
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError, UnicodeError) as error:
            raise UserError(f"{host}:{port} cannot be served: {error}; choose another --port or --host.") from None

    @property
    def url(self) -> str:
        """What to open; it carries the token."""
        address = f"http://{self._host}:{self.server_address[1]}/"
        return f"{address}?{_TOKEN}={self.token}" if self.token else address

    def knows(self, host: str) -> bool:
        """Whether a request was meant for this server: a foreign name that leads here is some other site's trick."""
        return bool(self.token) or host in {f"{name}:{self.server_address[1]}" for name in OWN_NAMES}

    def admits(self, offered: str) -> bool:
        return not self.token or hmac.compare_digest(offered.encode(), self.token.encode())


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "facedistill", ""
    timeout: ClassVar[int] = 30

    def do_GET(self) -> None:
        self._respond()

    def do_HEAD(self) -> None:
        self._respond()

    def _respond(self) -> None:
        asked = urlsplit(self.path)
        offered = parse_qs(asked.query).get(_TOKEN, [""])[0]
        if not self.server.knows(self.headers.get("Host", "")):
            self._refuse(HTTPStatus.FORBIDDEN, "This server answers to its own name only.")
        elif offered and self.server.admits(offered):
            # From now on the token travels in a cookie, and is gone from the address that people copy.
            cookie = f"{_TOKEN}={offered}; HttpOnly; SameSite=Strict; Path=/"
            self._send(HTTPStatus.SEE_OTHER, {"Location": "/", "Set-Cookie": cookie})
        elif not self.server.admits(self._cookie()):
            self._refuse(HTTPStatus.FORBIDDEN, "Open the whole address that facedistill printed, with its token.")
        else:
            self._hand_out(asked.path)

    def _hand_out(self, address: str) -> None:
        asset = self.server.site.get(address)
        if asset is None:
            self._refuse(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
        elif self.headers.get("If-None-Match") == asset.tag:
            self._send(HTTPStatus.NOT_MODIFIED, {"ETag": asset.tag})
        else:
            self._send(HTTPStatus.OK, {"ETag": asset.tag, "Content-Type": asset.media_type}, asset.data)

    def _cookie(self) -> str:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(_TOKEN)
        except CookieError:
            return ""
        return found.value if found else ""

    def _refuse(self, status: HTTPStatus, sentence: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self._send(status, {"Content-Type": "text/plain; charset=utf-8", **headers}, f"{sentence}\n".encode())

    def _send(self, status: HTTPStatus, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**HEADERS, **headers}.items():
            self.send_header(name, value)
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no GET or HEAD, or no HTTP: the connection ends, and what else came with it is not read."""
        self.close_connection = True
        self._refuse(HTTPStatus(code), "This server hands out a page and takes nothing.", {"Connection": "close"})

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing: addresses carry the token."""
