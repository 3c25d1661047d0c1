"""Folders of x.npy and y.npy."""

import numpy as np
import pytest

import synthmix_jax as smx


def write(folder, x, y):
    folder.mkdir(exist_ok=True)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    return folder


def test_inputs_stay_in_their_file(tmp_path, rng):
    x = rng.normal(size=(6, 3)).astype(np.float32)
    data = smx.load(write(tmp_path / "pool", x, np.arange(6) % 2))
    assert isinstance(data.x, np.memmap)
    np.testing.assert_array_equal(data.x, x)
    assert (data.num_classes, len(data)) == (2, 6)
    assert smx.load(write(tmp_path / "pool", x, x[:, 0]), split="all").num_classes is None


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ones((3, 2)), np.arange(4), "one row a point"),
        (np.array([[1.0], [np.nan]]), np.arange(2), "non-finite"),
        (np.array([["a"], ["b"]]), np.arange(2), "no real numbers"),
        (np.array([[1], [None]]), np.arange(2), "np.save"),
    ],
)
def test_what_is_refused(tmp_path, x, y, message):
    folder = write(tmp_path / "pool", x, y)
    with pytest.raises(ValueError, match=message) as caught:
        smx.load(folder)
    assert str(folder) in str(caught.value)


def test_a_damaged_file_and_another_part(tmp_path):
    folder = write(tmp_path / "pool", np.ones((3, 2)), np.arange(3))
    with pytest.raises(ValueError, match="comes as one part"):
        smx.load(folder, split="test")
    (folder / "x.npy").write_bytes((folder / "x.npy").read_bytes()[:140])
    with pytest.raises(ValueError, match=r"pool: .*np\.save"):
        smx.load(folder)
