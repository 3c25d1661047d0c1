import gzip
import struct

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.loaders import _idx


def idx(array):
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def digits(rng):
    return rng.integers(0, 256, (6, 28, 28)), np.arange(6) % 10


@pytest.fixture
def write(tmp_path, digits):
    """A function that writes MNIST's two files of a split, as spelt, and gives their paths."""

    def write(prefix="t10k", mark="-", end=".gz", folder="digits"):
        target = tmp_path / folder
        target.mkdir(exist_ok=True, parents=True)
        pack = gzip.compress if end else bytes
        paths = []
        for kind, array in zip(("images-idx3", "labels-idx1"), digits, strict=True):
            paths.append(target / f"{prefix}-{kind.replace('-', mark)}-ubyte{end}")
            paths[-1].write_bytes(pack(idx(array)))
        return paths

    return write


@pytest.mark.parametrize("folder", ["digits", "mnist", "MNIST/raw", "."])
@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_every_spelling_and_place_is_found(tmp_path, write, digits, folder, mark, end):
    write(mark=mark, end=end, folder=folder)
    data = smx.load("mnist", split="test", data_dir=tmp_path)
    np.testing.assert_array_equal(data.x, digits[0])
    np.testing.assert_array_equal(data.y, digits[1])
    assert data.x.dtype == np.uint8
    assert data.class_names == tuple("0123456789")


def test_the_splits_are_told_apart(tmp_path, write):
    write()
    with pytest.raises(FileNotFoundError) as caught:
        smx.load("mnist", data_dir=tmp_path)
    message = str(caught.value)
    assert "train-images-idx3-ubyte and train-labels-idx1-ubyte" in message
    assert f"  {tmp_path / 'digits'}\n" in message
    assert "split='test' is there" in message
    write(prefix="train")
    assert len(smx.load("mnist", data_dir=tmp_path)) == 6
    with pytest.raises(ValueError, match="mnist has no split 'all'"):
        smx.load("mnist", split="all")


def test_only_what_is_missing_is_asked_for(tmp_path, write):
    write()[1].unlink()
    with pytest.raises(FileNotFoundError) as caught:
        smx.load("mnist", split="test", data_dir=tmp_path)
    assert "Put t10k-labels-idx1-ubyte into one of them" in str(caught.value)
    assert "t10k-images" not in str(caught.value)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda good: good[:300], "truncated"),
        (lambda good: good[:9], "truncated"),
        (lambda good: good[:8] + b"\xff" * 8 + good[16:], "truncated"),
        (lambda good: good + b"\0", "followed by other bytes"),
        (lambda good: b"", "no IDX file"),
        (lambda good: b"\x89PNG" + good[4:], "starts with the bytes 89504e47, not 00000803"),
        (lambda good: b"\0\0\x0d\x03" + good[4:], "no IDX file of unsigned bytes"),
        (lambda good: idx(np.arange(6)), "not 00000803"),
    ],
    ids=["short", "no header", "boastful", "long", "empty", "png", "floats", "labels"],
)
def test_damaged_files_are_named(tmp_path, write, digits, zipped, spoil, message):
    path = write(end=".gz" if zipped else "")[0]
    path.write_bytes((gzip.compress if zipped else bytes)(spoil(idx(digits[0]))))
    with pytest.raises(ValueError, match=message) as caught:
        smx.load("mnist", split="test", data_dir=tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("keep", [15, 1000])
def test_a_truncated_gzip_is_named(write, keep):
    path = write()[0]
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="damaged or truncated"):
        _idx.read_idx(path, ndim=3)


def test_a_flipped_byte_in_a_gzip_is_found(write):
    path = write()[0]
    content = bytearray(path.read_bytes())
    content[-6] ^= 255  # in the checksum
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        _idx.read_idx(path, ndim=3)


def test_images_and_labels_must_belong_together(tmp_path, write):
    write(end="")[1].write_bytes(idx(np.arange(5)))
    with pytest.raises(ValueError, match=r"6 images but .* 5 labels"):
        smx.load("mnist", split="test", data_dir=tmp_path)


def test_labels_beyond_nine_are_refused(tmp_path, write):
    path = write(end="")[1]
    path.write_bytes(idx(np.arange(6) * 3))
    with pytest.raises(ValueError, match="holds the label 15") as caught:
        smx.load("mnist", split="test", data_dir=tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.data
def test_mnist(data_dir):
    data = smx.load("mnist", split="test", data_dir=data_dir)
    assert data.x.shape == (10_000, 28, 28)
    np.testing.assert_array_equal(data.y[:5], [7, 2, 1, 0, 4])
    assert abs(data.x.mean() / 255 - 0.1325) < 1e-3
