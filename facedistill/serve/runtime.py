"""onnxruntime-web, which runs ONNX in a browser: two files of another project (MIT licence), known to the byte.

They are no source of ours and fourteen megabytes, so that git does not hold them. A wheel that was built where they lie
in ``BUILT_IN`` ships them; elsewhere they are fetched once into the user's cache, and only on request.
"""

import hashlib
from pathlib import Path

from ..download import Pinned, fetch
from ..errors import UserError
from ..files import cache_folder

VERSION = "1.30.0"

_FROM = f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{VERSION}/dist/"

FILES = (
    Pinned(
        f"{_FROM}ort.wasm.bundle.min.mjs",
        size_bytes=73_054,
        sha256="11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    ),
    Pinned(
        f"{_FROM}ort-wasm-simd-threaded.wasm",
        size_bytes=14_239_897,
        sha256="3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    ),
)

BUILT_IN = Path(__file__).parent / "runtime"


def open_runtime(folder: Path | None = None, *, fetching: bool = False) -> dict[str, bytes]:
    """The runtime's files by name: from ``folder``, the wheel or the cache, or with ``fetching`` from the network.

    Raises:
        UserError: they are nowhere, or are other files.
        DownloadFailed: they could not be downloaded.
    """
    cache = cache_folder() / f"onnxruntime-web-{VERSION}"
    if fetching:
        for file in FILES:
            fetch(file, cache)
    places = [folder] if folder else [BUILT_IN, cache]
    for place in places:
        if all((place / file.name).is_file() for file in FILES):
            return {file.name: _checked(place / file.name, file) for file in FILES}
    raise UserError(
        f"The page needs onnxruntime-web {VERSION}, and {places[0]} does not hold its {FILES[0].name} and "
        f"{FILES[1].name}; fetch them once with --fetch-runtime, or name a folder that has them with --runtime."
    )


def _checked(path: Path, file: Pinned) -> bytes:
    data = path.read_bytes()
    if len(data) != file.size_bytes or hashlib.sha256(data).hexdigest() != file.sha256:
        raise UserError(f"{path} is not the file of onnxruntime-web {VERSION}; remove it, and fetch it again.")
    return data
