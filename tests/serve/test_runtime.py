"""Where the files of onnxruntime-web come from, and that they are those files."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from facedistill.download import Pinned
from facedistill.errors import UserError
from facedistill.serve import runtime
from facedistill.serve.runtime import open_runtime

DATA = {"a.mjs": b"script" * 99, "b.wasm": b"\0asm" * 999}


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A server with two small files, which are the pinned ones; nothing is built in, and the cache is empty."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = DATA[self.path[1:]]
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        pinned = [
            Pinned(f"{address}/{name}", len(data), hashlib.sha256(data).hexdigest()) for name, data in DATA.items()
        ]
        monkeypatch.setattr(runtime, "FILES", pinned)
        monkeypatch.setattr(runtime, "BUILT_IN", tmp_path / "wheel")
        monkeypatch.setenv("FACEDISTILL_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield
        server.shutdown()


def write(folder: Path) -> Path:
    folder.mkdir()
    for name, data in DATA.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.usefixtures("far")
def test_nothing_is_fetched_unasked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"wheel does not hold its a.mjs and b.wasm; fetch them once with --fetch"):
        open_runtime()
    assert not (tmp_path / "cache").exists()
    assert open_runtime(fetching=True) == DATA
    assert open_runtime() == DATA, "from the cache"


@pytest.mark.usefixtures("far")
def test_a_folder_and_a_wheel_are_taken_as_they_are(tmp_path: Path) -> None:
    assert open_runtime(write(tmp_path / "own")) == DATA
    write(tmp_path / "wheel")
    assert open_runtime() == DATA
    with pytest.raises(UserError, match="empty does not hold"):
        open_runtime(tmp_path / "empty")


@pytest.mark.usefixtures("far")
def test_other_files_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "own")
    (folder / "b.wasm").write_bytes(DATA["b.wasm"][:-1] + b"x")
    with pytest.raises(UserError, match=r"b.wasm is not the file of onnxruntime-web 1.30.0; remove it"):
        open_runtime(folder)
