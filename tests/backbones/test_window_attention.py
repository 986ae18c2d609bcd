"""Window attention against a computation that knows no windows cut, no rolling and no masks: cell by cell."""

import math

import numpy as np
import pytest
import torch

from facedistill.backbones.window_attention import WindowAttention

WIDTH, HEADS = 6, 2


def lively(side: int, window: int, shifted: bool) -> WindowAttention:
    torch.manual_seed(0)
    attention = WindowAttention(WIDTH, HEADS, side=side, window=window, shifted=shifted).double()
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.normal_(std=0.7)
    return attention


def read(q: np.ndarray, keys: list[np.ndarray], values: list[np.ndarray], bias: list[float]) -> np.ndarray:
    powers = [math.exp(float(q @ k) / math.sqrt(len(q)) + b) for k, b in zip(keys, bias, strict=True)]
    return sum(power * value for power, value in zip(powers, values, strict=True)) / sum(powers)


def plainly(attention: WindowAttention, tokens: np.ndarray, side: int, window: int, shift: int) -> np.ndarray:
    """One image. Cells of a neighbourhood share floor((place − shift) / window) on both axes.

    A prompt meets a whole window: the neighbourhoods at the far ends that the roll brings together.
    """
    w = {name: parameter.detach().numpy() for name, parameter in attention.named_parameters()}
    table, across = w["relative_position_bias_table"], -(-side // window)
    q, k, v = np.split(tokens @ w["qkv.weight"].T + w["qkv.bias"], 3, axis=1)
    cells = [(row, column) for row in range(side) for column in range(side)]
    prompts = range(len(cells), len(tokens))
    neighbourhood = {i: ((r - shift) // window, (c - shift) // window) for i, (r, c) in enumerate(cells)}
    window_of = {i: (r % across, c % across) for i, (r, c) in neighbourhood.items()}
    out = np.zeros_like(tokens)
    for head in range(HEADS):
        part = slice(head * WIDTH // HEADS, (head + 1) * WIDTH // HEADS)
        for i, (row, column) in enumerate(cells):
            seen = [j for j in neighbourhood if neighbourhood[j] == neighbourhood[i]]
            steps = [(row - cells[j][0] + window - 1, column - cells[j][1] + window - 1) for j in seen]
            bias = [table[down * (2 * window - 1) + right, head] for down, right in steps] + [0.0] * len(prompts)
            others = [*seen, *prompts]
            out[i, part] = read(q[i, part], [k[j, part] for j in others], [v[j, part] for j in others], bias)
        for p in prompts:
            answers = []
            for place in sorted(set(window_of.values())):
                others = [*(j for j in window_of if window_of[j] == place), *prompts]
                keys, values = [k[j, part] for j in others], [v[j, part] for j in others]
                answers.append(read(q[p, part], keys, values, [0.0] * len(others)))
            out[p, part] = np.mean(answers, axis=0)
    return out @ w["proj.weight"].T + w["proj.bias"]


@pytest.mark.parametrize("prompts", [0, 2])
@pytest.mark.parametrize(
    ("side", "window", "shifted"),
    [(6, 3, False), (6, 3, True), (8, 4, True), (7, 3, False), (7, 3, True), (5, 4, True), (3, 7, True)],
    ids=["whole", "shifted", "even-window", "padded", "padded-shifted", "mostly-padding", "one-window"],
)
def test_against_cell_by_cell(side: int, window: int, shifted: bool, prompts: int) -> None:
    attention = lively(side, window, shifted)
    tokens = torch.randn(2, side**2 + prompts, WIDTH, dtype=torch.float64)
    inner = min(window, side)
    shift = inner // 2 if shifted and side > inner else 0
    expected = [plainly(attention, image.numpy(), side, inner, shift) for image in tokens]
    np.testing.assert_allclose(attention(tokens).detach().numpy(), np.stack(expected), atol=1e-10)


def test_prompts_meet_the_windows_of_their_own_image() -> None:
    """Prompts that differ between images: any mix-up of the window and the batch axis would show."""
    attention = lively(6, 3, True)
    tokens = torch.randn(3, 36 + 2, WIDTH, dtype=torch.float64)
    alone = torch.cat([attention(image[None]) for image in tokens])
    torch.testing.assert_close(attention(tokens), alone)


def test_a_shifted_window_lets_through_nothing_round_the_edge() -> None:
    attention = lively(6, 3, True)
    tokens = torch.randn(1, 36, WIDTH, dtype=torch.float64)
    changed = tokens.clone()
    changed[0, 35] += 1  # bottom right: rolled beside the top left
    moved = (attention(tokens) != attention(changed)).any(-1)[0].nonzero().flatten().tolist()
    assert moved == [28, 29, 34, 35]


def test_no_gradient_is_lost_to_the_mask() -> None:
    attention = lively(7, 3, True)
    tokens = torch.randn(2, 49 + 1, WIDTH, dtype=torch.float64, requires_grad=True)
    (attention(tokens) * torch.randn(2, 50, WIDTH, dtype=torch.float64)).sum().backward()
    for gradient in (tokens.grad, *(parameter.grad for parameter in attention.parameters())):
        assert gradient is not None
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0
