"""A page, served from this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from facedistill.errors import UserError
from facedistill.export.package import Package
from facedistill.serve.describe import describe
from facedistill.serve.runtime import open_runtime
from facedistill.serve.server import Server
from facedistill.serve.site import build_site


@contextmanager
def serving(package: Package, *, teacher: Path | None = None, detector: Path | None = None) -> Iterator[str]:
    """Address of the page of a package; skips where there is no onnxruntime-web."""
    try:
        runtime = {f"/{name}": data for name, data in open_runtime().items()}
    except UserError as error:
        pytest.skip(f"no onnxruntime-web: {error}")
    shown = describe(package, teacher=teacher, detector=detector)
    with Server(build_site(shown.description, shown.files | runtime)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()
