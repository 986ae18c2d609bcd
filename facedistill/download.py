"""The one file that may use the network, and only because a user asked for a file by its name.

What is fetched is known to the byte: its size and its SHA-256 are in the source, and anything else is refused.
"""

import os
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import ClassVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from .errors import UserError
from .files import file_digest

CHUNK_BYTES = 1 << 16
TIMEOUT_S = 30
"""Without a byte."""


@dataclass(frozen=True)
class Pinned:
    """A file on the network, known to the byte."""

    url: str
    size_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


class DownloadFailed(UserError):
    """The network, or what is at its other end."""

    exit_code: ClassVar[int] = 1


def fetch(file: Pinned, folder: Path, *, offline: bool = False) -> Path:
    """The file in ``folder``: as it is there, or from the network; what came before a cut is not asked for again.

    Raises:
        UserError: the file in the folder is another one, or there is none and ``offline`` forbids the network.
        DownloadFailed: the download failed or was cut, or what came is not the pinned file.
    """
    target = folder / file.name
    if target.exists():
        _check_kept(target, file)
        return target
    if offline:
        raise UserError(f"{target} is missing and --offline forbids downloading it; run once without, or give a path.")
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{file.name}.part"
    _complete(partial, file)
    if file_digest(partial) != file.sha256:
        partial.unlink()
        raise DownloadFailed(f"{file.url} is not the pinned file: its SHA-256 is another; nothing of it was kept.")
    os.replace(partial, target)
    return target


def _complete(partial: Path, file: Pinned) -> None:
    """Receives what is missing of ``partial``."""
    have = _size(partial)
    if have == file.size_bytes:
        return
    if have > file.size_bytes:
        partial.unlink()
        have = 0
    request = Request(file.url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            _receive(answer, partial, file)
    except HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            partial.unlink()  # else it would be asked for again and again
        answered = f"the server answered {error.code} {error.reason}"
        raise DownloadFailed(f"{file.url} could not be downloaded: {answered}.") from None
    except URLError as error:
        raise DownloadFailed(
            f"{file.url} could not be downloaded: {error.reason}; try again, or give a path."
        ) from None
    except (HTTPException, ConnectionError, TimeoutError) as error:
        raise _cut(partial, file, str(error)) from None
    if _size(partial) < file.size_bytes:
        raise _cut(partial, file, "it ended early")


def _receive(answer: HTTPResponse, partial: Path, file: Pinned) -> None:
    with partial.open("ab") as sink:
        if answer.status != HTTPStatus.PARTIAL_CONTENT:
            sink.truncate(0)  # the server sends the whole, whatever was asked
        before = sink.seek(0, os.SEEK_END)
        if answer.length is not None and before + answer.length != file.size_bytes:
            sink.truncate(0)
            raise DownloadFailed(
                f"{file.url} is not the pinned file: it has {before + answer.length} bytes rather than "
                f"{file.size_bytes}; nothing of it was kept."
            )
        missing = file.size_bytes - before
        while missing and (data := answer.read(min(CHUNK_BYTES, missing))):
            sink.write(data)
            missing -= len(data)


def _cut(partial: Path, file: Pinned, reason: str) -> DownloadFailed:
    return DownloadFailed(
        f"{file.url}: the connection was cut after {_size(partial)} of {file.size_bytes} bytes ({reason}); "
        "they are kept: run it again to go on."
    )


def _check_kept(target: Path, file: Pinned) -> None:
    if target.stat().st_size != file.size_bytes or file_digest(target) != file.sha256:
        raise UserError(f"{target} is not the pinned file; remove it, and it will be fetched again.")


def _size(partial: Path) -> int:
    return partial.stat().st_size if partial.exists() else 0
