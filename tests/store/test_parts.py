"""The pieces of a store against plain loops: draws, codecs, shards, stages that tell."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facedistill.data.chance import Purpose, chance
from facedistill.data.first_draw import first_draws
from facedistill.errors import UserError
from facedistill.store import layout
from facedistill.store.codec import CODECS
from facedistill.store.header import Header
from facedistill.store.layout import laid_out
from facedistill.store.reader import Reader
from facedistill.store.writer import Writer
from facedistill.teachers.watched import Watched
from facedistill.types import Spec, Stage

LARGE = st.integers(0, 2**62)


@given(seed=LARGE, address=st.lists(st.tuples(LARGE, LARGE), min_size=1, max_size=5))
def test_first_draws_are_those_of_the_streams(seed: int, address: list[tuple[int, int]]) -> None:
    numbers, repeats = np.array(address).T
    found = first_draws(Purpose.VIEW, seed, numbers, repeats)
    assert found.tolist() == [chance(Purpose.VIEW, seed, *each).random() for each in address]


@given(st.lists(st.floats(-6e4, 6e4, width=32), min_size=6, max_size=6))
def test_codecs_keep_what_they_promise(values: list[float]) -> None:
    maps = torch.tensor(values).reshape(1, 2, 1, 3)
    halves = CODECS["fp16"].unpack("x", CODECS["fp16"].pack("x", maps))
    assert (halves - maps).abs().le(maps.abs() * 2**-11 + 2**-25).all()
    packed = CODECS["int8"].pack("x", maps)
    assert packed["x"].dtype == torch.int8
    largest = maps.abs().amax((2, 3), keepdim=True)
    assert (CODECS["int8"].unpack("x", packed) - maps).abs().le(largest / 254 * 1.0001 + 1e-30).all()


@settings(max_examples=8, deadline=None)
@given(data=st.data(), dtype=st.sampled_from(["fp16", "int8"]), rows=st.integers(1, 3))
def test_rows_are_read_from_whatever_shard_they_are_in(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, dtype: str, rows: int
) -> None:
    samples, pictures = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 3))
    whole = torch.randn(pictures, samples, 4), torch.randn(pictures, samples, 3, 2, 2)
    store = written(tmp_path_factory.mktemp("rows"), *whole, dtype=dtype, rows=rows)
    index = np.array(data.draw(st.lists(st.integers(0, samples - 1), min_size=1, max_size=12)))
    picture = np.array([data.draw(st.integers(0, pictures - 1)) for _ in index])
    found = Reader(store).answers(index, picture)
    for name, given_ in zip(("embedding", "stage0"), whole, strict=True):
        expected = CODECS[dtype].unpack(name, CODECS[dtype].pack(name, given_[picture, index]))
        assert torch.equal(found[name], expected)
    with pytest.raises(UserError, match=rf"holds {samples} faces, and face {samples} was asked"):
        Reader(store).answers(index * 0 + samples, picture)
    with pytest.raises(UserError, match=rf"holds {pictures} views, and view {pictures} was asked"):
        Reader(store).answers(index, picture * 0 + pictures)


def written(folder: Path, embedding: torch.Tensor, stage: torch.Tensor, *, dtype: str, rows: int) -> Path:
    """A store of two answers with so many rows in a shard."""
    shapes = {"embedding": tuple(embedding.shape[2:]), "stage0": tuple(stage.shape[2:])}
    columns = [column for name, shape in shapes.items() for column in CODECS[dtype].columns(name, shape)]
    spec = Spec(embedding.shape[2], (Stage(stage.shape[2], (stage.shape[3], stage.shape[4])),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "BLOCK", rows)
        patch.setattr(layout, "SHARD_BYTES", 1)
        placed = laid_out(columns, embedding.shape[1], len(embedding))
        writer = Writer(folder / "store", Header(placed, dtype, spec, shapes, {}, {}))
        for block in writer.left:
            part = slice(block.start, block.stop)
            writer.write(block, [{"embedding": embedding[block.picture, part], "stage0": stage[block.picture, part]}])
        writer.finish()
    assert placed.shard_rows == rows
    assert sum(file.stat().st_size for file in folder.rglob("*.npy")) >= placed.total_bytes
    return folder / "store"


def test_stages_tell_which_of_them_is_read() -> None:
    told: list[int] = []
    stages = Watched([torch.full((), float(number)) for number in range(4)], told.append)
    assert (float(stages[1]), told) == (1.0, [])
    stages.armed = True
    assert (float(stages[-1]), len(stages), told) == (3.0, 4, [3])
    assert [float(stage) for stage in stages[1:3]] == [1.0, 2.0]
    assert told == [3, 1, 2]
    assert [float(stage) for stage in stages] == [0.0, 1.0, 2.0, 3.0]
    assert told[3:] == [0, 1, 2, 3]
