"""Verification sets that name nobody, above all ``.bin`` files: LFW, CFP-FP, CFP-FF, AgeDB-30, CALFW, CPLFW, VGG2-FP.

The other form is a folder of images beside a ``pairs.csv``, which ``facedistill data convert`` makes of a ``.bin``.

Ten-fold accuracy as insightface's published evaluation gives it; of a ``.bin``, pair i is images 2 i and 2 i + 1. An
image that is not 112 pixels wide is resized so that its short side is (shrunk by area, enlarged bilinearly); one that
is not square is refused, as the published evaluation cannot stack it either.
"""

from collections.abc import Iterator
from pathlib import Path

from ..data.binset import BinFaces
from ..data.contract import AbstractFaces
from ..data.folder import FolderFaces
from ..data.open import names_nobody
from ..data.pairs import Pairs, read_pairs
from ..data.resized import Resized
from ..errors import UserError
from ..evaluate.embeddings.embed import Embeddings
from ..evaluate.intervals.measure import Measure, joined
from ..evaluate.pairs.figures import accuracy_figures
from ..evaluate.pairs.likeness import likeness
from ..evaluate.pairs.scores import score_listed
from ..evaluate.pairs.statistics import accuracy_measure, tar_measure
from ..evaluate.settings import Figures, Settings
from .contract import AbstractProtocol, PairScores, Row
from .verification import accuracy_rows, rules, tar_rows

SIZE_PX = 112


class BinVerification(AbstractProtocol):
    """a verification set <name>.bin, or a folder of the images of its pairs and pairs.csv."""

    def __init__(self, faces: AbstractFaces, pairs: Pairs) -> None:
        self.faces, self.pairs = Resized(faces, SIZE_PX), pairs

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return (path.is_file() and path.suffix.lower() == ".bin") or names_nobody(path)

    @classmethod
    def open(cls, path: Path) -> "BinVerification":
        if path.is_file():
            faces = BinFaces(path)
            return cls(faces, faces.pairs)
        images = FolderFaces(path, labelled=False)
        pairs = read_pairs(path, images)
        if pairs is None:
            raise UserError(f"{path} needs a pairs.csv beside its images.")
        return cls(images, pairs)

    def figures(self, seen: Embeddings, settings: Settings) -> Figures:
        return {
            **self.between(seen, seen, settings),
            "xnorm": seen.xnorm,
            "images": len(self.faces),
            "protocol": rules(settings, self.pairs) | {
                "interval": f"95 %, percentile bootstrap over pairs, {settings.replicates} replicates, seed "
                f"{settings.seed}; the set does not say who is who, and intervals are too narrow where people recur"
            },
        }  # fmt: skip

    def between(self, query: Embeddings, gallery: Embeddings, settings: Settings) -> Figures:
        return accuracy_figures(query.unit, gallery.unit, self.faces.labels, self.pairs, settings)

    def measure(self, seen: Embeddings, settings: Settings) -> Measure:
        alike = likeness(seen.unit, seen.unit, self.pairs)
        scores = score_listed(alike.cosines, self.faces.labels, self.pairs)
        accuracy = accuracy_measure(alike.distances, self.faces.labels, self.pairs)
        return joined(accuracy, tar_measure(scores, settings.fars))

    def rows(self, figures: Figures) -> Iterator[Row]:
        yield from accuracy_rows(figures)
        yield from tar_rows(figures["listed_tar_at_far"], figures["listed_pairs"])

    def pair_scores(self, seen: Embeddings, settings: Settings) -> PairScores:
        cosines = likeness(seen.unit, seen.unit, self.pairs).cosines
        scores = score_listed(cosines, self.faces.labels, self.pairs)
        return PairScores(scores.genuine, scores.impostor)
