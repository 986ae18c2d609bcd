"""``serve``: a page on this machine in which the student runs."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from .options import Package


def serve(
    package: Package,
    teacher: Annotated[Path | None, typer.Option(help="ONNX file of a teacher, to answer beside the student.")] = None,
    detector: Annotated[Path | None, typer.Option(help="ONNX file of a YuNet; without it pictures are crops.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8112,
    host: Annotated[str, typer.Option(help="Another address lets other machines ask, who need a token.")] = "127.0.0.1",
    token: Annotated[str | None, typer.Option(help="What they must know [made anew for another --host].")] = None,
    runtime: Annotated[Path | None, typer.Option(help="Folder with the files of onnxruntime-web.")] = None,
    fetch_runtime: Annotated[bool, typer.Option("--fetch-runtime", help="Fetch these once into the cache.")] = False,
) -> None:
    """Let people try the student in their browser; photos stay in it."""
    from ..export.package import open_package
    from ..serve.describe import describe
    from ..serve.runtime import open_runtime
    from ..serve.server import OWN_NAMES, Server
    from ..serve.site import build_site

    needed = open_runtime(runtime, fetching=fetch_runtime)
    shown = describe(open_package(package), teacher=teacher, detector=detector)
    site = build_site(shown.description, shown.files | {f"/{name}": data for name, data in needed.items()})
    if host not in OWN_NAMES:
        token = token or secrets.token_urlsafe(16)
    with Server(site, host=host, port=port, token=token) as server:
        print(f"Open {server.url} in a browser; Ctrl-C ends it.", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("Ended.")
