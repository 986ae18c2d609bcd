"""The questions of ``facedistill.testing`` can be failed: one broken toy for each promise, and a good one."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facedistill.align.labelled import labelled_count
from facedistill.backbones.contract import (
    NO_PROMPTS,
    AbstractBackbone,
    AbstractPromptable,
    Preprocess,
    Prompts,
    PromptSlot,
)
from facedistill.heads.contract import AbstractHead
from facedistill.method import AbstractMethod
from facedistill.teachers.contract import AbstractTeacher
from facedistill.testing import check_backbone, check_head, check_method, check_teacher
from facedistill.types import UNLABELLED, Batch, Features, Spec, Terms


class Method(AbstractMethod):
    """Cosine of the teacher's embedding and a projection of the student's."""

    uses = frozenset({"embedding"})

    def __init__(self, student: Spec, teacher: Spec, *, scale: float = 2.0) -> None:
        super().__init__()
        self.scale = scale
        self.project = nn.Linear(student.embedding, teacher.embedding)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        projected = self.project(student.embedding.float()).float()
        return {"apart": self.scale * (1 - F.cosine_similarity(projected, teacher.embedding.float()).mean())}


class Unreduced(Method):
    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {"apart": super().forward(student, teacher, batch)["apart"].expand(3)}


class Silent(Method):
    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {}


class Detached(Method):
    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return super().forward(Features(student.embedding.detach()), teacher, batch)


class Nearsighted(Method):
    """Relations among the samples of one process alone."""

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        own, wanted = (torch.pdist(features.embedding.float()) for features in (student, teacher))
        relations = (own - wanted).square().mean()
        return super().forward(student, teacher, batch) | {"relations": relations}


class Constant(Method):
    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {"apart": super().forward(student, teacher, batch)["apart"].detach()}


class Undeclared(Method):
    uses = frozenset()


class Mistaken(Method):
    uses = frozenset({"logits"})


class Idle(Method):
    def __init__(self, student: Spec, teacher: Spec) -> None:
        super().__init__(student, teacher)
        self.idle = nn.Parameter(torch.ones(3))


class Scribbling(Method):
    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        terms = super().forward(student, Features(teacher.embedding.clone()), batch)
        teacher.embedding.mul_(2)
        return terms


class Steep(Method):
    """Its slope is infinite where teacher and student agree."""

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        same = (teacher.embedding - teacher.embedding.detach()).norm()
        return {"apart": super().forward(student, teacher, batch)["apart"] + same.sqrt()}


class Forgetful(Method):
    """Keeps a number of its own outside the state dict."""

    def __init__(self, student: Spec, teacher: Spec) -> None:
        super().__init__(student, teacher)
        self.scale = torch.rand(()).item()


class Restless(Method):
    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {"apart": super().forward(student, teacher, batch)["apart"] + torch.rand(())}


class Counting(Method):
    def __init__(self, student: Spec, teacher: Spec) -> None:
        super().__init__(student, teacher)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        self.calls.add_(1)
        return super().forward(student, teacher, batch)


class LabelledOnly(Method):
    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        some = batch.labels != UNLABELLED
        return super().forward(Features(student.embedding[some]), Features(teacher.embedding[some]), batch)


class Narrow(Method):
    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {"apart": super().forward(student, teacher, batch)["apart"].to(student.embedding.dtype)}


class Unscaled(Method):
    """A recipe value without a default."""

    def __init__(self, student: Spec, teacher: Spec, *, scale: float) -> None:
        super().__init__(student, teacher, scale=scale)


class Positional(Method):
    def __init__(self, student: Spec, teacher: Spec, scale: float = 1.0) -> None:
        super().__init__(student, teacher, scale=scale)


BROKEN_METHODS = {
    Unreduced: "reduce it",
    Silent: "no terms",
    Detached: "no gradient reaches the student",
    Constant: "no gradient reaches the student; is something detached, or a constant",
    Undeclared: "is nan",
    Nearsighted: "'relations' of two processes differs from that of one",
    Mistaken: "no teacher provides",
    Idle: "'idle' gets no gradient",
    Scribbling: "writes into",
    Steep: "reaches a learning teacher",
    Forgetful: "twin",
    Restless: "two calls",
    Counting: r"changes \['calls'\]",
    LabelledOnly: "with 0 of 4 samples labelled",
    Narrow: "float32",
    Unscaled: "needs a default",
    Positional: "keyword-only",
}


def test_a_good_method_passes() -> None:
    check_method(Method)


@pytest.mark.parametrize("build", BROKEN_METHODS, ids=lambda build: build.__name__)
def test_a_broken_method_is_told_why(build: type[AbstractMethod]) -> None:
    with pytest.raises(AssertionError, match=BROKEN_METHODS[build]):
        check_method(build)


def test_the_callers_chance_is_left_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    check_method(Method)
    assert torch.equal(torch.rand(3), expected)


class Head(AbstractHead):
    """Softmax over cosines."""

    def __init__(self, embedding: int, identities: int, *, scale: float = 8.0) -> None:
        super().__init__()
        self.scale = scale
        self.centres = nn.Parameter(torch.randn(identities, embedding))

    def logits(self, embedding: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return self.scale * F.normalize(embedding.float()) @ F.normalize(self.centres).T

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        total = F.cross_entropy(self.logits(embedding), labels, ignore_index=UNLABELLED, reduction="sum")
        return total / labelled_count(labels)


class NanWithoutLabels(Head):
    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.logits(embedding), labels, ignore_index=UNLABELLED)


class CountsUnlabelled(Head):
    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.logits(embedding), labels, ignore_index=UNLABELLED, reduction="sum") / len(labels)


class CountsItsOwn(Head):
    """Divides by the labelled samples of its own process, of which others may hold more."""

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        total = F.cross_entropy(self.logits(embedding), labels, ignore_index=UNLABELLED, reduction="sum")
        return total / (labels != UNLABELLED).sum().clamp(min=1)


class Ascending(Head):
    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        loss = super().forward(embedding, labels)
        return loss + 2 * (loss.detach() - loss)


class HalfPrecision(Head):
    def logits(self, embedding: Tensor) -> Tensor:
        return self.scale * F.normalize(embedding) @ F.normalize(self.centres).T.to(embedding.dtype)

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        return super().forward(embedding, labels).to(self.logits(embedding).dtype)


class Deaf(Head):
    """Sharpens its answers, whatever the labels."""

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        kept = self.logits(embedding)[labels != UNLABELLED]
        return -(kept.softmax(1) * kept.log_softmax(1)).sum() / max(1, len(kept))


BROKEN_HEADS = {
    Deaf: "right labels cost",
    NanWithoutLabels: "costs nan",
    CountsUnlabelled: "unlabelled samples change",
    CountsItsOwn: "two processes",
    Ascending: "raises the loss",
    HalfPrecision: "not float32",
}


def test_a_good_head_passes() -> None:
    check_head(Head)


@pytest.mark.parametrize("build", BROKEN_HEADS, ids=lambda build: build.__name__)
def test_a_broken_head_is_told_why(build: type[AbstractHead]) -> None:
    with pytest.raises(AssertionError, match=BROKEN_HEADS[build]):
        check_head(build)


class Net(AbstractBackbone):
    """Patches, a BatchNorm and a mean."""

    def __init__(self) -> None:
        super().__init__(Preprocess(16))
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.norm = nn.BatchNorm2d(8)
        self.out = nn.Linear(8, 6)

    def features(self, pixels: Tensor) -> Features:
        map = self.norm(self.patches(pixels)).relu()
        return Features(self.out(map.mean((2, 3))).float(), (map,))


class Misread(Net):
    @property
    def spec(self) -> Spec:
        return Spec(7, super().spec.stages, 16)


class Stageless(Net):
    def features(self, pixels: Tensor) -> Features:
        return Features(super().features(pixels).embedding)


class Sociable(Net):
    def features(self, pixels: Tensor) -> Features:
        seen = super().features(pixels)
        return Features(seen.embedding - seen.embedding.mean(0), seen.stages)


class Blind(Net):
    def features(self, pixels: Tensor) -> Features:
        return super().features(pixels * 0)


class Padded(Net):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(3, 3)


class Lossy(Net):
    def __init__(self) -> None:
        super().__init__()
        self.shift = torch.rand(())

    def features(self, pixels: Tensor) -> Features:
        return super().features(pixels + self.shift.to(pixels.device))


class NarrowNet(Net):
    def features(self, pixels: Tensor) -> Features:
        map = self.norm(self.patches(pixels)).relu()
        return Features(self.out(map.mean((2, 3))), (map,))


class Hooked(Net):
    def __init__(self) -> None:
        super().__init__()
        self.norm.register_forward_hook(_see)


def _see(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    return None


BROKEN_BACKBONES = {
    Misread: "embeddings are",
    Stageless: "shows no stages",
    Sociable: "depends on the rest of the batch",
    Blind: "negatives",
    Padded: "'unused.weight' gets no gradient",
    Lossy: "twin",
    NarrowNet: "under autocast embeddings are torch.bfloat16",
    Hooked: r"\['norm'\] carry forward hooks",
}


def test_a_good_backbone_passes() -> None:
    check_backbone(Net)


@pytest.mark.parametrize("build", BROKEN_BACKBONES, ids=lambda build: build.__name__)
def test_a_broken_backbone_is_told_why(build: type[AbstractBackbone]) -> None:
    with pytest.raises(AssertionError, match=BROKEN_BACKBONES[build]):
        check_backbone(build)


class Tokens(AbstractPromptable):
    """One attention block over patches and prompts."""

    def __init__(self) -> None:
        super().__init__(Preprocess(16))
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.mix = nn.Linear(8, 8)
        self.out = nn.Linear(8, 6)

    @property
    def prompt_slots(self) -> tuple[PromptSlot, ...]:
        return (PromptSlot(0, 8),)

    def features(self, pixels: Tensor, prompts: Prompts = NO_PROMPTS) -> Features:
        map = self.patches(pixels)
        tokens = map.flatten(2).transpose(1, 2)
        entering = [prompt.expand(len(map), *prompt.shape) for prompt in prompts.values()]
        both = self.mix(torch.cat([tokens, *entering], 1))
        attended = (both @ both.transpose(1, 2)).softmax(-1) @ both
        kept = attended[:, : tokens.shape[1]]
        extras = {"prompts": attended[:, tokens.shape[1] :]} if prompts else {}
        stage = kept.transpose(1, 2).reshape(map.shape)
        return self.shown(kept, stage, extras)

    def shown(self, kept: Tensor, stage: Tensor, extras: dict[str, Tensor]) -> Features:
        return Features(self.out(kept.mean(1)).float(), (stage,), extras)


class HidesPrompts(Tokens):
    def shown(self, kept: Tensor, stage: Tensor, extras: dict[str, Tensor]) -> Features:
        return super().shown(kept, stage, {})


class IgnoresPrompts(Tokens):
    def features(self, pixels: Tensor, prompts: Prompts = NO_PROMPTS) -> Features:
        return super().features(pixels)


class LostSlot(Tokens):
    @property
    def prompt_slots(self) -> tuple[PromptSlot, ...]:
        return (PromptSlot(1, 8),)


BROKEN_PROMPTABLES = {
    HidesPrompts: r"extras\['prompts'\] is None",
    IgnoresPrompts: "prompts do not change",
    LostSlot: "name stages",
}


def test_a_good_promptable_backbone_passes() -> None:
    check_backbone(Tokens)


@pytest.mark.parametrize("build", BROKEN_PROMPTABLES, ids=lambda build: build.__name__)
def test_a_broken_promptable_backbone_is_told_why(build: type[AbstractBackbone]) -> None:
    with pytest.raises(AssertionError, match=BROKEN_PROMPTABLES[build]):
        check_backbone(build)


class Frozen(AbstractTeacher):
    """A teacher that stays in eval mode."""

    provides = frozenset({"embedding", "stages"})

    def __init__(self) -> None:
        super().__init__()
        self.net = Net().requires_grad_(False).eval()
        self.spec = self.net.spec

    def train(self, mode: bool = True) -> "Frozen":
        super().train(mode)
        self.net.eval()
        return self

    def forward(self, images: Tensor, batch: Batch) -> Features:
        return self.net(images)


class Awake(Frozen):
    def train(self, mode: bool = True) -> "Frozen":
        return nn.Module.train(self, mode)


class Boastful(Frozen):
    provides = frozenset({"embedding", "stages", "prompts"})


class Leaking(Frozen):
    """Frozen in words only."""

    def __init__(self) -> None:
        super().__init__()
        self.net.out.requires_grad_(True)

    @property
    def learns(self) -> bool:
        return False


class Dead(Frozen):
    """Declares a learner that takes no part."""

    def __init__(self) -> None:
        super().__init__()
        self.net.out.requires_grad_(True)
        self.prompt = nn.Parameter(torch.ones(2))


class Drifting(Frozen):
    """Changes after a few calls, in nothing that a list of buffers shows."""

    calls = 0

    def forward(self, images: Tensor, batch: Batch) -> Features:
        self.calls += 1
        seen = self.net(images)
        return Features(seen.embedding + float(self.calls > 8), seen.stages)


class Forgetting(Frozen):
    """Its reference follows what it learns."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(6))

    def forward(self, images: Tensor, batch: Batch) -> Features:
        seen = self.net(images)
        return Features(seen.embedding + self.shift, seen.stages)


class Headstrong(Frozen):
    def head_centres(self) -> Tensor:
        return torch.ones(4, 99)


BROKEN_TEACHERS = {
    Awake: "is dropout awake|train\\(\\) changes",
    Boastful: "'prompts' in `provides`",
    Leaking: "`learns` is not",
    Dead: "'prompt' gets no gradient",
    Drifting: "something frozen has moved",
    Forgetting: "reference moves",
    Headstrong: "head centres",
}


def _asked(build: type[AbstractTeacher]) -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    index = torch.arange(6)
    check_teacher(build(), images, Batch(index % 3, index, torch.zeros_like(index), torch.tensor(0.5)))


def test_a_good_teacher_passes() -> None:
    _asked(Frozen)


@pytest.mark.parametrize("build", BROKEN_TEACHERS, ids=lambda build: build.__name__)
def test_a_broken_teacher_is_told_why(build: type[AbstractTeacher]) -> None:
    with pytest.raises(AssertionError, match=BROKEN_TEACHERS[build]):
        _asked(build)


def test_partial_builders_are_welcome() -> None:
    check_head(partial(Head, scale=4.0))
