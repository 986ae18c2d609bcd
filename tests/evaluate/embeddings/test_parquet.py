"""Embeddings that another tool keeps in a Parquet file."""

import sys

import numpy as np
import pytest

from facedistill.errors import UserError
from facedistill.evaluate.embeddings.store import holds_embeddings, load_embeddings

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

VECTORS = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
PATHS = ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]


def write(folder, **columns):
    folder.mkdir(exist_ok=True)
    parquet.write_table(pa.table(columns), folder / "embeddings.parquet", row_group_size=3)
    return folder


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 3)])
def test_rows_come_back(tmp_path, kind):
    folder = write(tmp_path / "set", embedding=pa.array(VECTORS.tolist(), kind), path=PATHS, other=[1, 2, 3, 4])
    assert holds_embeddings(folder)
    embeddings, paths, identities = load_embeddings(folder)
    np.testing.assert_array_equal(embeddings.vectors, VECTORS.astype(np.float64))
    np.testing.assert_allclose(embeddings.norms, np.linalg.norm(VECTORS, axis=1), rtol=1e-6)
    assert (paths, identities) == (PATHS, [""] * 4)


def test_identities_and_norms_are_read_where_they_are(tmp_path):
    folder = write(
        tmp_path / "set", path=PATHS, identity=["a", "a", None, "b"], embedding=VECTORS.tolist(), norm=[1, 2, 3, 4]
    )
    embeddings, _, identities = load_embeddings(folder)
    assert embeddings.norms.tolist() == [1, 2, 3, 4]
    assert identities == ["a", "a", "", "b"]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"path": PATHS}, "no column 'embedding'"),
        ({"embedding": VECTORS.tolist()}, "no column 'path'"),
        ({"path": PATHS, "embedding": [1.0, 2.0, 3.0, 4.0]}, "must hold lists of numbers"),
        ({"path": PATHS, "embedding": [["x"]] * 4}, "numbers without gaps"),
        ({"path": PATHS, "embedding": [[1.0], [1.0], [1.0, 2.0], [1.0]]}, "of one length"),
        ({"path": PATHS, "embedding": [[1.0], [1.0], None, [1.0]]}, "of one length"),
        ({"path": PATHS, "embedding": [[1.0], [1.0], [None], [1.0]]}, "numbers without gaps"),
        ({"path": PATHS, "embedding": [[1.0], [1.0], [float("nan")], [1.0]]}, "of b/1.png is not finite"),
        ({"path": [1, 2, 3, 4], "embedding": VECTORS.tolist()}, "'path' must hold text"),
        ({"path": PATHS, "embedding": VECTORS.tolist(), "norm": ["1"] * 4}, "numbers without gaps"),
    ],
)
def test_what_is_no_embedding_is_said(tmp_path, columns, sentence):
    with pytest.raises(UserError, match=sentence):
        load_embeddings(write(tmp_path / "set", **columns))


def test_a_damaged_file_and_two_files_are_said(tmp_path):
    file = write(tmp_path / "set", path=PATHS, embedding=VECTORS.tolist()) / "embeddings.parquet"
    np.save(file.with_suffix(".npy"), VECTORS)
    with pytest.raises(UserError, match="holds both"):
        load_embeddings(file.parent)
    file.with_suffix(".npy").unlink()
    for content in (b"", file.read_bytes()[:-9], file.read_bytes()[9:]):
        file.write_bytes(content)
        with pytest.raises(UserError, match="is not a Parquet file that can be read"):
            load_embeddings(file.parent)


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    folder = write(tmp_path / "set", path=PATHS, embedding=VECTORS.tolist())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"facedistill\[parquet\]"):
        load_embeddings(folder)
