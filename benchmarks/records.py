"""What RecordIO and the check of images cost: the figures of docs/data.md.

    python benchmarks/records.py open FOLDER [--images 5822653]
    python benchmarks/records.py verify

``open`` writes a set of that many records, 48 bytes of image each, into FOLDER unless it is there, and says what
opening it and reading from it at random take. ``verify`` decodes drawn faces as the project does, as OpenCV does and as
simplejpeg does. Seconds are of one core, whatever else the machine does.
"""

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import simplejpeg
import typer

from facedistill.data.codec import decode
from facedistill.data.contract import AbstractFaces, UnreadableImage
from facedistill.data.recordio.faces import RecordFaces
from facedistill.data.recordio.writer import write_records
from facedistill.data.synthetic import DrawnFaces
from facedistill.data.verify import check_strictly, find_bad

READS = 1_000_000
HOLE_BYTES = 512

app = typer.Typer(add_completion=False)


class Empty(AbstractFaces):
    """Records with the beginning and the end of a JPEG and nothing between."""

    def __init__(self, images: int, identities: int) -> None:
        self.identities = tuple(map(str, range(identities)))
        self.labels = np.arange(images, dtype=np.int64) * identities // images

    def image(self, index: int) -> np.ndarray:
        raise UnreadableImage("it was never meant to be")

    def encoded(self, index: int) -> bytes:
        return _SHELL

    def name(self, index: int) -> str:
        return str(index)


class Repeated(AbstractFaces):
    """A few image files again and again."""

    def __init__(self, files: list[bytes], images: int) -> None:
        self.identities, self.labels, self._files = ("someone",), np.zeros(images, np.int64), files

    def image(self, index: int) -> np.ndarray:
        return decode(self.encoded(index))

    def encoded(self, index: int) -> bytes:
        return self._files[index % len(self._files)]

    def name(self, index: int) -> str:
        return str(index)


def _shell() -> bytes:
    """A JPEG's frame of 112 x 112 px and its end."""
    frame = b"\xff\xc0\x00\x0b\x08\x00\x70\x00\x70\x01\x01\x11\x00"
    return (b"\xff\xd8" + frame + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00").ljust(46, b"\0") + b"\xff\xd9"


_SHELL = _shell()


@app.command("open")
def open_(
    folder: Path,
    images: Annotated[int, typer.Option(help="Images of the set; as many as MS1MV2 by default.")] = 5_822_653,
    identities: Annotated[int, typer.Option(help="Identities of the set.")] = 85_742,
) -> None:
    """Opening a set, with its index and without, and random reads."""
    if not folder.exists():
        write_records(Empty(images, identities), folder)
    path = folder / "train.rec"
    faces, first_s = timed(lambda: RecordFaces(path))
    _, again_s = timed(lambda: RecordFaces(path))
    bare = folder / "without_index.rec"
    if not bare.exists():
        bare.hardlink_to(path)
    _, walk_s = timed(lambda: RecordFaces(bare))
    order = np.random.default_rng(0).integers(0, len(faces), READS).tolist()
    _, payloads_s = timed(lambda: [None for index in order if not faces.payload(index)])
    _, files_s = timed(lambda: [None for index in order if not faces.encoded(index)])
    print(f"{len(faces):,} images, {len(faces.identities):,} identities, {path.stat().st_size / 2**20:,.0f} MiB")
    print(f"open with .idx: {first_s:.2f} s, again {again_s:.2f} s; without .idx: {walk_s:.2f} s")
    print(f"random payloads: {READS / payloads_s:,.0f} /s; random image files: {READS / files_s:,.0f} /s")
    print(f"peak memory, mapped file included: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


@app.command()
def verify(repeats: Annotated[int, typer.Option(help="How often each of 200 crops is decoded.")] = 50) -> None:
    """Images decoded per second and core, and how much damage each decoder reports."""
    files = drawn()
    print(f"200 drawn faces of 112 x 112 px, JPEG of quality 95, {np.mean([len(file) for file in files]):,.0f} bytes")
    ways: dict[str, Callable[[bytes], Any]] = {
        "cv2.imdecode": lambda file: cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR),
        "simplejpeg, RGB": simplejpeg.decode_jpeg,
        "codec.decode": decode,
        "verify.check_strictly": check_strictly,
    }
    damaged = {"one bit": flipped(files), f"a hole of {HOLE_BYTES} bytes": holed(files)}
    for name, way in ways.items():
        _, seconds = timed(lambda way=way: [way(file) for _ in range(repeats) for file in files])  # type: ignore[misc]
        noticed = ", ".join(f"{what} {sum(fails(way, bad) for bad in some)}" for what, some in damaged.items())
        print(f"{name:22} {len(files) * repeats / seconds:8,.0f} /s   of 200 damaged files noticed: {noticed}")
    faces = Repeated(files, len(files) * repeats)
    _, seconds = timed(lambda: find_bad(faces, threads=1))
    print(f"{'data verify, 1 thread':22} {len(faces) / seconds:8,.0f} /s")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result, and the seconds that this process computed."""
    start = time.process_time()
    return work(), time.process_time() - start


def drawn() -> list[bytes]:
    faces = DrawnFaces(identities=100, images_per_identity=2)
    crops = (cv2.cvtColor(faces.image(index), cv2.COLOR_RGB2BGR) for index in range(len(faces)))
    return [cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() for crop in crops]


def flipped(files: list[bytes]) -> list[bytes]:
    """One bit of the compressed pixels changed."""
    chance = np.random.default_rng(0)
    return [_changed(file, at := int(chance.integers(700, len(file) - 2)), bytes([file[at] ^ 16])) for file in files]


def holed(files: list[bytes]) -> list[bytes]:
    """A stretch of zeros, as a disk leaves where a block is missing."""
    chance = np.random.default_rng(0)
    ats = [int(chance.integers(700, len(file) - HOLE_BYTES - 2)) for file in files]
    return [_changed(file, at, bytes(HOLE_BYTES)) for file, at in zip(files, ats, strict=True)]


def _changed(file: bytes, at: int, by: bytes) -> bytes:
    return file[:at] + by + file[at + len(by) :]


def fails(way: Callable[[bytes], Any], file: bytes) -> bool:
    """Whether a decoder says anything; what only checks gives no pixels."""
    try:
        way(file)
    except (ValueError, UnreadableImage):
        return True
    return False


if __name__ == "__main__":
    app()
