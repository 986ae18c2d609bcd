"""What the server hands out, known whole before it starts: addresses, bytes and media types. There is nothing else."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

_PAGE = Path(__file__).parent / "page"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}

_POLICY = "; ".join(
    [
        "default-src 'none'",
        # WebAssembly may be compiled; text may not become code.
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)

HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    # The browser asks whether its copy is the newest, and may keep what it compiled of it.
    "Cache-Control": "no-cache",
}
"""Of every answer."""


@dataclass(frozen=True)
class Asset:
    """One answer."""

    media_type: str
    data: bytes = field(repr=False)

    @property
    def tag(self) -> str:
        return f'"{hashlib.sha256(self.data).hexdigest()[:32]}"'


Site = Mapping[str, Asset]
"""Assets by address."""


def build_site(description: Mapping[str, Any], files: Mapping[str, bytes]) -> Site:
    """The page, ``description`` as ``/package.json``, and ``files`` by their addresses."""
    page = {f"/{file.name}": file.read_bytes() for file in sorted(_PAGE.iterdir()) if file.is_file()}
    page["/"] = page.pop("/index.html")
    page["/package.json"] = json.dumps(description).encode()
    return {address: Asset(_type_of(address), data) for address, data in {**page, **files}.items()}


def _type_of(address: str) -> str:
    return _TYPES.get(PurePosixPath(address).suffix if address != "/" else ".html", "application/octet-stream")
