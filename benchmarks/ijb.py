"""IJB-C's size in drawn numbers: our time and memory beside a plain NumPy reading of the published algorithm.

    python benchmarks/ijb.py pairs        # 15,658,489 pairs over 23,124 templates: scores, ROC, DET with intervals
    python benchmarks/ijb.py templates    # 469,375 images of 512 numbers to 23,124 templates
    python benchmarks/ijb.py lists        # reading the list of pairs, ours and np.loadtxt
    python benchmarks/ijb.py exactness    # the bootstrap's shortcut against every product of weights

Each side runs in a process of its own, one after the other; memory is the highest of the process, drawn numbers
included. No image is involved.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import typer

from facedistill.bench.plain_ijb import (
    FARS,
    GALLERY,
    PAIRS,
    PROBES,
    WIDTH,
    draw_pairs,
    draw_templates,
    plain_scores,
    plain_tar,
)
from facedistill.data.ijb.protocol_lists import read_template_pairs
from facedistill.evaluate.intervals.bootstrap import interval, resamples
from facedistill.evaluate.settings import Settings
from facedistill.evaluate.templates import weighted_det
from facedistill.evaluate.templates.conventions import CONVENTIONS
from facedistill.evaluate.templates.features import template_features
from facedistill.evaluate.templates.figures import DET_FARS, listed_scores, template_pair_figures
from facedistill.evaluate.templates.weighted_det import WeightedDet

IMAGES = 469_375

app = typer.Typer(add_completion=False)


def ours_pairs() -> Callable[[], object]:
    unit, subject = draw_templates()
    pairs = draw_pairs(subject)
    settings = Settings(fars=FARS)

    def run() -> object:
        figures = template_pair_figures(unit, pairs, settings)
        return {far: point["tar"] for far, point in figures["tar_at_far"].items()}

    return run


def plain_pairs() -> Callable[[], object]:
    unit, subject = draw_templates()
    pairs = draw_pairs(subject)
    return lambda: plain_tar(plain_scores(unit, pairs), pairs.same)


def draw_images() -> tuple[np.ndarray, ...]:
    """Features, templates, media and detector scores; every template has an image."""
    chance = np.random.default_rng(0)
    templates = GALLERY + PROBES
    template = np.concatenate([np.arange(templates), chance.integers(0, templates, IMAGES - templates)])
    media = template * 100 + chance.integers(0, 6, IMAGES)
    features = chance.standard_normal((1, IMAGES, WIDTH), dtype=np.float32)
    return features, template, media, chance.uniform(0.5, 1, IMAGES)


def ours_templates() -> Callable[[], object]:
    features, template, media, quality = draw_images()
    convention = CONVENTIONS["insightface"].without_flip()
    return lambda: shown(template_features(features, template, media, quality, convention))


def plain_templates() -> Callable[[], object]:
    features, template, media, quality = draw_images()

    def run() -> object:
        weighted = features[0] * quality[:, None]
        whole = np.zeros((template.max() + 1, WIDTH))
        for one in np.unique(template):
            (images,) = np.where(template == one)
            of_media = media[images]
            for medium in np.unique(of_media):
                whole[one] += np.mean(weighted[images[of_media == medium]], axis=0)
        return shown(whole / np.linalg.norm(whole, axis=1, keepdims=True))

    return run


def shown(templates: np.ndarray) -> list[float]:
    """Enough of them to see that both sides agree."""
    return templates[::4000, 7].round(6).tolist()


@app.command(hidden=True)
def write_list(file: Path) -> None:
    """The list of pairs, in this process: a child inherits its parent's highest memory."""
    pairs = draw_pairs(draw_templates()[1])
    with file.open("w") as lines:
        for start in range(0, PAIRS, 1_000_000):
            part = slice(start, start + 1_000_000)
            columns = (pairs.first[part].tolist(), pairs.second[part].tolist(), pairs.same[part].tolist())
            lines.write("".join(f"{a} {b} {c:d}\n" for a, b, c in zip(*columns, strict=True)))


def ours_lists(file: Path) -> Callable[[], object]:
    def run() -> object:
        first, second, same = read_template_pairs(file, np.arange(GALLERY + PROBES))
        return [len(same), int(first.sum()), int(second.sum()), int(same.sum())]

    return run


def plain_lists(file: Path) -> Callable[[], object]:
    def run() -> object:
        first, second, same = np.loadtxt(file, dtype=np.int32).T
        return [len(same), int(first.sum()), int(second.sum()), int(same.sum())]

    return run


SIDES: dict[str, Callable[..., Callable[[], object]]] = {
    "ours pairs": ours_pairs,
    "plain pairs": plain_pairs,
    "ours templates": ours_templates,
    "plain templates": plain_templates,
    "ours lists": ours_lists,
    "plain lists": plain_lists,
}


@app.command(hidden=True)
def side(name: str, file: Path | None = None) -> None:
    """One side, in this process."""
    run = SIDES[name](*([] if file is None else [file]))
    wall, cpu = time.perf_counter(), time.process_time()
    answer = run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "peak_mb": round(peak_mb), "answer": answer}))


def compare(what: str, *arguments: str) -> None:
    """Both sides, each in a process of its own, and whether they agree."""
    answers = []
    for who in ("ours", "plain"):
        command = [sys.executable, __file__, "side", f"{who} {what}", *arguments]
        seen = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        answers.append(seen["answer"])
        print(
            f"{who:>6} {what}: {seen['wall_s']:.2f} s, processor time {seen['cpu_s']:.2f} s, at most "
            f"{seen['peak_mb']:,} MB"
        )
    print("the same answer" if answers[0] == answers[1] else f"NOT the same: {answers}")


@app.command()
def pairs() -> None:
    """Scores, ROC at six FARs; on our side also the strict figures and the DET curve with 1,000 replicates."""
    compare("pairs")


@app.command()
def templates() -> None:
    """Media mean, template sum, L2."""
    compare("templates")


@app.command()
def lists() -> None:
    """Reading 15,658,489 lines; the plain side is np.loadtxt."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ijbc_template_pair_label.txt"
        subprocess.run([sys.executable, __file__, "write-list", str(file)], check=True)
        compare("lists", "--file", str(file))


@app.command()
def exactness() -> None:
    """How far the ends of the intervals move when every product of weights is computed."""
    unit, subject = draw_templates()
    listed = listed_scores(unit, draw_pairs(subject))
    weights = np.stack(list(resamples(listed.people, 1000)))
    found = []
    for limit in (weighted_det.EXACT_PAIRS, len(listed.impostor)):
        weighted_det.EXACT_PAIRS = limit
        found.append(interval(WeightedDet(listed, max(DET_FARS)).tar(weights, DET_FARS)))
    (low, high), (exact_low, exact_high) = found
    width = exact_high - exact_low
    moved = np.maximum(np.abs(low - exact_low), np.abs(high - exact_high))
    print(
        f"largest move of an end: {moved.max():.6f} of TAR, {100 * (moved / width).max():.1f} % of its interval's width"
    )


if __name__ == "__main__":
    app()
