"""Local centres and the self-attention over them, against loops over heads and positions."""

import numpy as np
import pytest
import torch

from facedistill.align.centres import LocalCentres, SelfAttention, Tokens, local_feature_variance
from facedistill.align.facial_position import FacialPosition, PiecewiseIndex
from facedistill.align.mapping import UnifiedMapping
from facedistill.errors import UserError
from facedistill.types import Spec, Stage

SPEC = Spec(8, (Stage(5, (2, 3)),), 42)
WIDTH, HEADS = 8, 2


def layer_norm(x, weight, bias):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * weight + bias


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def arrays(module):
    return {name: value.detach().numpy().astype(np.float64) for name, value in module.state_dict().items()}


def loop_tokens(module, stage, prompts):
    w = arrays(module)
    cells = [stage[:, row, column] for row in range(stage.shape[1]) for column in range(stage.shape[2])]
    seen = np.array([*cells, *prompts])
    return layer_norm(seen @ w["enter.0.weight"].T + w["enter.0.bias"], w["enter.1.weight"], w["enter.1.bias"])


def loop_centres(module, network, tokens, query_code, key_code):
    w, n = arrays(module), arrays(network)
    query = w["centres"] @ w["query.weight"].T + query_code
    key, value = tokens @ n["key.weight"].T + key_code, tokens @ n["value.weight"].T
    read = np.zeros_like(query)
    part = WIDTH // HEADS
    for i in range(len(query)):
        for head in range(HEADS):
            d = slice(head * part, (head + 1) * part)
            e = np.array([query[i, d] @ key[j, d] / np.sqrt(part) for j in range(len(tokens))])
            read[i, d] = softmax(e) @ value[:, d]
    return layer_norm(w["centres"] + read, n["leave.weight"], n["leave.bias"])


def position(encoding="relative"):
    return FacialPosition(WIDTH, SPEC, 0, encoding, gamma=1.0, index=PiecewiseIndex(2.0, 6.0, 8.0))


@pytest.mark.parametrize("encode", ["query", "key", None])
def test_local_features(encode):
    """Two prompts beside the six cells: further keys, without a code of position."""
    torch.manual_seed(0)
    code = position() if encode else None
    centres = LocalCentres(4, WIDTH, HEADS, code, encode or "query")
    network = Tokens(SPEC, 0, WIDTH)
    with torch.no_grad():
        centres.centres.mul_(30)  # attention far from uniform, so that every term counts
        if code is not None:
            code.table.mul_(30)
    stage, prompts = torch.randn(3, 5, 2, 3), torch.randn(3, 2, 5)
    h = centres(network, network(stage, prompts))
    query_code = code(centres.grid).detach().numpy() if encode == "query" else 0
    key_code = np.zeros((8, WIDTH))
    if encode == "key":
        key_code[:6] = code(network.cells).detach().numpy()
    for b in range(3):
        tokens = loop_tokens(network, stage[b].numpy(), prompts[b].numpy())
        wanted = loop_centres(centres, network, tokens, query_code, key_code)
        assert np.allclose(h[b].detach().numpy(), wanted, atol=1e-5)


def test_self_attention():
    torch.manual_seed(0)
    attention = SelfAttention(WIDTH, HEADS)
    h = torch.randn(3, 4, WIDTH) * 3
    maps, context, out = (part.detach().numpy() for part in attention(h))
    w = arrays(attention)
    query, key, value = np.split(w["query_key_value.weight"], 3)
    part = WIDTH // HEADS
    for b, x in enumerate(h.numpy().astype(np.float64)):
        mixed = np.zeros((4, WIDTH))
        for head in range(HEADS):
            d = slice(head * part, (head + 1) * part)
            for i in range(4):
                row = softmax(np.array([(query[d] @ x[i]) @ (key[d] @ x[j]) / np.sqrt(part) for j in range(4)]))
                assert np.allclose(maps[b, head, i], row, atol=1e-5)
                mixed[i, d] = sum(row[j] * (value[d] @ x[j]) for j in range(4))
        assert np.allclose(context[b], mixed, atol=1e-5)
        assert np.allclose(out[b], mixed @ w["out.weight"].T + w["out.bias"], atol=1e-5)


def test_any_number_of_tokens_gives_the_same_local_features():
    centres = LocalCentres(9, WIDTH, HEADS, position(), "query")
    network = Tokens(SPEC, 0, WIDTH)
    for rows in (1, 2, 5):
        assert centres(network, network(torch.randn(3, 5, rows, 3))).shape == (3, 9, WIDTH)


def test_centres_that_make_no_square():
    with pytest.raises(UserError, match="square"):
        LocalCentres(7, WIDTH, HEADS, position(), "query")
    assert LocalCentres(7, WIDTH, HEADS, position(), "key").centres.shape == (7, WIDTH)
    assert LocalCentres(7, WIDTH, HEADS, None, "query").centres.shape == (7, WIDTH)


def test_width_that_heads_do_not_divide():
    with pytest.raises(UserError, match="width 8 is not divisible by 3"):
        LocalCentres(4, WIDTH, 3, None, "query")


def test_variance_is_the_share_that_depends_on_the_image():
    constant = torch.randn(1, 4, 64).expand(6, 4, 64)
    own = torch.randn(2000, 4, 64)
    assert local_feature_variance(constant).item() == pytest.approx(0, abs=1e-6)
    assert local_feature_variance(own).item() == pytest.approx(1, abs=0.01)
    assert local_feature_variance(own + torch.randn(1, 4, 64)).item() == pytest.approx(0.5, abs=0.1)
    assert local_feature_variance(1e-2 * own).item() > 0.9  # length does not count


def test_held_side_moves_features_only():
    torch.manual_seed(0)
    mapping = UnifiedMapping(
        (SPEC, 0), (SPEC, 0), LocalCentres(4, WIDTH, HEADS, None, "query"), SelfAttention(WIDTH, HEADS)
    )
    stage, prompts = torch.randn(3, 5, 2, 3), torch.randn(3, 2, 5, requires_grad=True)
    local = mapping("teacher", stage, prompts)
    held = mapping.held(local, stage, prompts)
    assert all(torch.equal(one, same) for one, same in zip(local, held, strict=True))
    held.out.square().sum().backward()
    assert prompts.grad.any()
    assert all(parameter.grad is None for parameter in mapping.parameters())


def test_held_side_of_a_frozen_teacher_has_no_graph():
    mapping = UnifiedMapping(
        (SPEC, 0), (SPEC, 0), LocalCentres(4, WIDTH, HEADS, None, "query"), SelfAttention(WIDTH, HEADS)
    )
    stage = torch.randn(3, 5, 2, 3)
    local = mapping("teacher", stage)
    assert local.out.requires_grad
    assert not any(part.requires_grad for part in mapping.held(local, stage))
