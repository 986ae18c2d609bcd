"""Residual KD: the student learns the teacher, the assistant what the student misses."""

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from facedistill.backbones.contract import Preprocess
from facedistill.backbones.low_resolution import low_resolution
from facedistill.backbones.residual import residual
from facedistill.errors import UserError
from facedistill.methods.residual import Residual
from facedistill.recipe import Recipe
from facedistill.train import run
from facedistill.types import Batch, Features, Spec, Stage

SPEC = Spec(4, (Stage(3, (2, 2)),), 8)
NOBODY = torch.full((5,), -1)
BATCH = Batch(NOBODY, NOBODY, NOBODY, torch.tensor(0.5))


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)


def distance(embedding: np.ndarray, stage: np.ndarray, z_T: np.ndarray, F_T: np.ndarray) -> float:
    total = 0.0
    for own, wanted in zip(embedding, z_T, strict=True):
        total += sum((own / np.linalg.norm(own) - wanted / np.linalg.norm(wanted)) ** 2) / len(embedding)
    return total + sum((a - b) ** 2 for a, b in zip(stage.ravel(), F_T.ravel(), strict=True)) / stage.size


def test_value_and_who_learns_from_what() -> None:
    z_S, z_A, z_T = (drawn(5, 4, seed=k) for k in range(3))
    F_S, F_A, F_T = (drawn(5, 3, 2, 2, seed=3 + k) for k in range(3))
    for tensor in (z_S, z_A, F_S, F_A):
        tensor.requires_grad_()
    seen = Features(z_S + z_A, (F_S + F_A,), {"alone": z_S, "alone_0": F_S})
    terms = Residual(SPEC, SPEC)(seen, Features(z_T, (F_T,)), BATCH)
    arrays = [tensor.detach().double().numpy() for tensor in (z_S, z_A, F_S, F_A, z_T, F_T)]
    s, a, f_s, f_a, t, f_t = arrays
    assert terms["student"].item() == pytest.approx(distance(s, f_s, t, f_t), rel=1e-5)
    assert terms["assistant"].item() == pytest.approx(distance(s + a, f_s + f_a, t, f_t), rel=1e-5)
    terms["assistant"].backward(retain_graph=True)
    assert all(bool(part.grad.any()) for part in (z_A, F_A))
    assert not any(bool(part.grad.any()) for part in (z_S, F_S) if part.grad is not None), "stop-gradient"
    z_A.grad = F_A.grad = None
    terms["student"].backward()
    assert all(bool(part.grad.any()) for part in (z_S, F_S))
    assert not any(bool(part.grad.any()) for part in (z_A, F_A) if part.grad is not None)


def test_a_student_without_an_assistant_is_refused() -> None:
    plain = Features(drawn(5, 4, seed=0), (drawn(5, 3, 2, 2, seed=1),))
    with pytest.raises(UserError, match="use the model 'residual'"):
        Residual(SPEC, SPEC)(plain, plain, BATCH)


def test_the_deployed_network_is_the_sum_and_shows_the_student() -> None:
    torch.manual_seed(0)
    both = residual(student="tiny.net", assistant={"tiny.net": {"batch_norm": False}}).eval()
    images = tiny.images(3)
    seen, own, added = both(images), both.student(images), both.assistant(images)
    assert torch.allclose(seen.embedding, own.embedding + added.embedding, atol=1e-5)
    assert torch.allclose(seen.stages[0], own.stages[0] + added.stages[0], atol=1e-5)
    assert torch.equal(seen.extras["alone"], own.embedding)
    assert torch.equal(seen.extras["alone_0"], own.stages[0])
    with pytest.raises(UserError, match="they are 8 with 8x4x4 and 6 with 8x4x4"):
        residual(student="tiny.net", assistant={"tiny.net": {"embedding": 6}})


def test_pixels_find_their_way_back_to_rgb() -> None:
    prepare = Preprocess(tiny.SIZE_PX, mean=(1.0, 20.0, 3.0), std=(4.0, 5.0, 60.0), order="bgr")
    images = tiny.images(2)
    assert torch.allclose(prepare.to_rgb(prepare(images)), images.float(), atol=1e-3)


def test_low_resolution_hides_what_is_finer() -> None:
    torch.manual_seed(0)
    network = low_resolution(shown_px=4, backbone="tiny.net").eval()
    images = tiny.images(2)
    means = images.float().reshape(2, 3, 4, 4, 4, 4).mean((3, 5))
    small = torch.nn.functional.interpolate(means, size=(16, 16), mode="bilinear")
    expected = network.network.features((small - 127.5) / 127.5).embedding
    assert torch.allclose(network(images).embedding, expected, atol=1e-5)
    assert network.spec == network.network.spec
    with pytest.raises(UserError, match="shows 1 to 16 px to this network, not 17"):
        low_resolution(shown_px=17, backbone="tiny.net")


def test_a_run_trains_both(tmp_path: Path) -> None:
    helped = {"residual": {"student": "tiny.net", "assistant": {"tiny.net": {"batch_norm": False}}}}
    recipe: Recipe = tiny.recipe(
        tiny.write_faces(tmp_path / "faces"), tmp_path / "run",
        model={"low_resolution": {"shown_px": 8, "backbone": helped}},
        teacher={"live": {"weights": tiny.write_teacher(tmp_path / "teacher")}}, method="residual",
        training={"epochs": 1}, data={"root": tmp_path / "faces", "mix": {"share": 0.3}},
    )  # fmt: skip
    run.fit(recipe)
    line = (recipe.out / "metrics.jsonl").read_text()
    assert "residual.student" in line
    assert "residual.assistant" in line
