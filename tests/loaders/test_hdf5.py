import h5py
import numpy as np
import pytest

import synthmix_jax as smx


@pytest.fixture
def write(tmp_path, rng):
    """A function that writes a small usps.h5, some of its arrays exchanged; None leaves one out."""

    def write(folder="digits", **changes):
        path = tmp_path / folder / "usps.h5"
        path.parent.mkdir(exist_ok=True)
        with h5py.File(path, "w") as file:
            for split, n in (("train", 7), ("test", 4)):
                arrays = {"data": rng.random((n, 256)), "target": np.arange(n), **changes}
                for key, array in arrays.items():
                    if array is not None:
                        file[f"{split}/{key}"] = array
        return path

    return write


@pytest.mark.parametrize("folder", ["digits", "usps", "."])
def test_both_splits_are_read(tmp_path, write, folder):
    path = write(folder)
    for split, n in (("train", 7), ("test", 4)):
        data = smx.load("usps", split=split, data_dir=tmp_path)
        assert data.x.shape == (n, 16, 16)
        assert data.x.dtype == np.float32
        assert data.num_classes == 10
        with h5py.File(path) as file:
            np.testing.assert_allclose(data.x.reshape(n, 256), file[f"{split}/data"], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": None}, "holds no train/data; it holds .*train/target"),
        ({"data": np.ones((7, 784))}, r"must be \(n, 256\)"),
        ({"target": np.arange(3)}, r"train/target \(n,\), got \(7, 256\) and \(3,\)"),
        ({"data": np.full((7, 256), np.nan)}, "x holds 1792 non-finite"),
        ({"target": np.full(7, 11)}, "holds the label 11"),
    ],
)
def test_another_layout_is_named(tmp_path, write, changes, message):
    path = write(**changes)
    with pytest.raises(ValueError, match=message) as caught:
        smx.load("usps", data_dir=tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("keep", [0, 100, 3000])
def test_a_damaged_file_is_named(tmp_path, write, keep):
    path = write()
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="cannot be read as HDF5") as caught:
        smx.load("usps", data_dir=tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("start", [0, 100, 700, 900])
def test_damage_anywhere_inside_is_a_value_error(tmp_path, write, start):
    path = write()
    content = bytearray(path.read_bytes())
    content[start : start + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"usps\.h5 (cannot be read as HDF5|holds no)"):
        smx.load("usps", data_dir=tmp_path)


def test_another_split_is_refused():
    with pytest.raises(ValueError, match="usps has no split 'all'; it has 'train', 'test'"):
        smx.load("usps", split="all")


@pytest.mark.data
def test_usps(data_dir):
    train, test = (smx.load("usps", split=split, data_dir=data_dir) for split in ("train", "test"))
    assert train.x.shape == (7291, 16, 16)
    assert test.x.shape == (2007, 16, 16)
    assert (train.x.min(), train.x.max()) == (0.0, 1.0)
    assert np.bincount(test.y).min() > 100
