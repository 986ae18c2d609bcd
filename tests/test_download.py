"""Downloads from a server in this process: cut, wrong, stubborn, absent."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from facedistill import download
from facedistill.download import DownloadFailed, Pinned, fetch
from facedistill.errors import UserError
from facedistill.files import cache_folder

DATA = np.random.default_rng(0).bytes(300_000)


@dataclass
class Server:
    """One file; what it does wrong can be set, what it was asked is kept."""

    data: bytes = DATA
    cut_after: int | None = None
    """Bytes of an answer before the connection ends."""
    knows_ranges: bool = True
    announces_length: bool = True
    asked: list[str | None] = field(default_factory=list)
    """The Range header of every request."""
    url: str = ""

    @property
    def file(self) -> Pinned:
        """The file as it should be."""
        return Pinned(f"{self.url}/weights.onnx", len(DATA), hashlib.sha256(DATA).hexdigest())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    known = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            known.asked.append(asked)
            start = int(re.findall(r"\d+", asked)[0]) if asked and known.knows_ranges else 0
            if start >= len(known.data):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if known.announces_length:
                self.send_header("Content-Length", str(len(known.data) - start))
            self.end_headers()
            with suppress(ConnectionError):  # the other side has had enough
                self.wfile.write(known.data[start:][: known.cut_after])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        known.url = f"http://127.0.0.1:{http.server_port}"
        Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield known
        http.shutdown()


def kept(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in folder.iterdir()} if folder.exists() else {}


def test_a_file_is_fetched_once(server: Server, tmp_path: Path) -> None:
    for offline in (False, False, True):
        got = fetch(server.file, tmp_path / "cache" / "deep", offline=offline)
        assert got.read_bytes() == DATA
    assert server.asked == [None]
    assert kept(got.parent) == {"weights.onnx": len(DATA)}


@pytest.mark.parametrize("announces_length", [True, False])
def test_after_a_cut_it_goes_on_where_it_was(server: Server, tmp_path: Path, announces_length: bool) -> None:
    server.announces_length = announces_length
    server.cut_after = 100_000
    for have in (100_000, 200_000):
        with pytest.raises(DownloadFailed, match=rf"cut after {have} of 300000 bytes .* run it again to go on"):
            fetch(server.file, tmp_path)
        assert kept(tmp_path) == {"weights.onnx.part": have}, "nothing has the file's name before it is whole"
    assert fetch(server.file, tmp_path).read_bytes() == DATA
    assert server.asked == [None, "bytes=100000-", "bytes=200000-"]
    assert kept(tmp_path) == {"weights.onnx": len(DATA)}


def test_a_server_that_ignores_ranges_is_taken_from_the_start(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.onnx.part").write_bytes(DATA[:1234])
    server.knows_ranges = False
    assert fetch(server.file, tmp_path).read_bytes() == DATA
    assert server.asked == ["bytes=1234-"]


def test_a_part_that_is_whole_needs_no_network(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.onnx.part").write_bytes(DATA)
    assert fetch(server.file, tmp_path).read_bytes() == DATA
    assert server.asked == []


def _one_byte_differs(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_one_byte_differs, "is not the pinned file: its SHA-256 is another"),
        (lambda data: data + b"x", "is not the pinned file: it has 300001 bytes rather than 300000"),
        (lambda data: data[:-1], "is not the pinned file: it has 299999 bytes rather than 300000"),
    ],
)
def test_another_file_is_refused_and_none_of_it_kept(server: Server, tmp_path: Path, spoil, sentence: str) -> None:
    server.data = spoil(DATA)
    with pytest.raises(DownloadFailed, match=sentence):
        fetch(server.file, tmp_path)
    assert set(kept(tmp_path).values()) <= {0}
    server.data = DATA
    assert fetch(server.file, tmp_path).read_bytes() == DATA, "and the right one is taken afterwards"


def test_no_more_than_the_pinned_size_is_received(server: Server, tmp_path: Path) -> None:
    server.data, server.announces_length = DATA + bytes(10_000_000), False
    assert fetch(server.file, tmp_path).stat().st_size == len(DATA)


def test_a_part_of_another_file_is_found_out(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.onnx.part").write_bytes(bytes(5000))
    with pytest.raises(DownloadFailed, match="SHA-256 is another"):
        fetch(server.file, tmp_path)
    assert fetch(server.file, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("length", [300_001, 400_000])
def test_a_part_that_is_too_long_is_started_anew(server: Server, tmp_path: Path, length: int) -> None:
    (tmp_path / "weights.onnx.part").write_bytes(bytes(length))
    assert fetch(server.file, tmp_path).read_bytes() == DATA


def test_a_server_that_refuses_the_range_is_asked_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.onnx.part").write_bytes(DATA[:200_000])
    server.data = DATA[:100]
    with pytest.raises(DownloadFailed, match="the server answered 416"):
        fetch(server.file, tmp_path)
    server.data = DATA
    assert fetch(server.file, tmp_path).read_bytes() == DATA
    assert server.asked == ["bytes=200000-", None]


def test_offline_means_offline(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is missing and --offline forbids"):
        fetch(server.file, tmp_path / "cache", offline=True)
    assert (server.asked, kept(tmp_path)) == ([], {})


def test_a_spoilt_cache_is_said_and_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.onnx").write_bytes(_one_byte_differs(DATA))
    with pytest.raises(UserError, match="is not the pinned file; remove it"):
        fetch(server.file, tmp_path)
    assert (tmp_path / "weights.onnx").read_bytes() == _one_byte_differs(DATA)
    assert server.asked == []


def test_an_absent_server_is_one_sentence(server: Server, tmp_path: Path) -> None:
    nobody = Pinned("http://127.0.0.1:9/weights.onnx", len(DATA), "0" * 64)
    with pytest.raises(DownloadFailed, match=r"could not be downloaded: .*try again, or give a path"):
        fetch(nobody, tmp_path)
    server.cut_after = 0
    server.announces_length = False
    with pytest.raises(DownloadFailed, match="cut after 0 of 300000 bytes"):
        fetch(server.file, tmp_path)


def test_a_server_that_falls_silent_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def timed_out(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(download, "_receive", timed_out)
    with pytest.raises(DownloadFailed, match="timed out"):
        fetch(server.file, tmp_path)


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("FACEDISTILL_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert cache_folder() == Path.home() / ".cache" / "facedistill"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "facedistill"
    monkeypatch.setenv("FACEDISTILL_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
