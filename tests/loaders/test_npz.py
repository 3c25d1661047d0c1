import os

import jax.numpy as jnp
import numpy as np
import pytest

import synthmix_jax as smx


@pytest.fixture
def write(tmp_path):
    """A function that writes a .npz file with some arrays exchanged; None leaves one out."""

    def write(**changes):
        arrays = {"x": np.arange(8.0).reshape(4, 2), "y": np.array([0, 1, 1, 0]), **changes}
        path = tmp_path / "data.npz"
        np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
        return path

    return write


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int32", "bool"])
def test_inputs_keep_their_dtype(write, dtype):
    data = smx.load(write(x=np.ones((4, 3, 3), dtype)))
    assert data.x.dtype == dtype
    assert data.num_classes == 2


def test_floats_in_y_are_targets(write):
    assert smx.load(write(y=np.linspace(0, 1, 4))).num_classes is None
    assert smx.load(write(y=np.ones((4, 2), np.float32))).y.shape == (4, 2)


@pytest.mark.parametrize("kind", [np.str_, np.bytes_])
def test_text_in_y_names_classes(write, kind):
    data = smx.load(write(y=np.array(["dog", "cat", "dog", "ant"]).astype(kind)))
    assert data.class_names == ("ant", "cat", "dog")
    np.testing.assert_array_equal(data.y, [2, 1, 2, 0])


def test_class_names_of_the_file_are_honoured(write):
    names = np.array(["no", "yes", "perhaps"])
    assert smx.load(write(class_names=names)).class_names == ("no", "yes", "perhaps")
    data = smx.load(write(class_names=names, y=np.array(["yes", "no", "no", "yes"])))
    assert data.num_classes == 3
    np.testing.assert_array_equal(data.y, [1, 0, 0, 1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.array([1, None, 2, 3], object)}, "x is an array of Python objects.*pickle"),
        ({"y": np.array(["a", None, 2, 3], object)}, "y is an array of Python objects"),
        ({"x": np.array(list("abcd"))}, "x holds text"),
        ({"x": np.array([[1.0, np.nan]] * 4)}, "x holds 4 non-finite values"),
        ({"y": np.array([1.0, np.nan, 2, 3])}, "y holds 1 non-finite values"),
        ({"y": np.array([0, 1])}, r"shapes \(4, 2\) and \(2,\)"),
        ({"y": np.array([0, 1, 2, -1])}, "holds the label -1"),
        ({"x": np.ones(4, complex)}, "x has dtype complex128"),
        ({"x": np.ones(4, [("a", float)])}, "x has dtype"),
        ({"class_names": np.array(["one"])}, "holds the label 1 but num_classes is 1"),
        ({"class_names": np.array(["a"]), "y": np.array(list("abab"))}, "'b', which is not in"),
        ({"num_classes": np.array([1, 2])}, "data.npz"),
        ({"x": None, "images": np.ones(4)}, "holds no x; it holds 'y', 'images'"),
        ({"x": None, "y": None, "z": np.ones(4)}, "holds no x and no y; it holds 'z'"),
        ({"y": None}, "holds no y; it holds 'x'.*smx.loaders.save"),
    ],
)
def test_unfit_arrays_are_named(write, changes, message):
    path = write(**changes)
    with pytest.raises(ValueError, match=message) as caught:
        smx.load(path)
    assert str(path) in str(caught.value)


def test_objects_beside_x_and_y_do_no_harm(write):
    assert len(smx.load(write(meta=np.array({"made": "today"}, object)))) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda good: good[: len(good) // 2], "truncated"),
        (lambda good: b"", "not a .npz file"),
        (lambda good: b"x,y\n1,2\n", "not a .npz file"),
        (lambda good: b"\x93NUMPY" + good, "a .npy file with one array"),
        (lambda good: b"\x80\x04]\x94.", "not a .npz file"),
        (lambda good: good[:180] + bytes([good[180] ^ 255]) + good[181:], "damaged"),
    ],
    ids=["truncated", "empty", "text", "npy", "pickle", "one byte flipped"],
)
def test_damaged_files_are_named(write, content, message):
    path = write()
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(ValueError, match=message) as caught:
        smx.load(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "absent.npz")):
        smx.load("absent.npz")


def test_a_file_has_no_splits(write):
    assert len(smx.load(write(), split="all")) == 4
    with pytest.raises(ValueError, match=r"comes as one part.*split='test'.*\.split\(0\.8"):
        smx.load(write(), split="test")


@pytest.mark.parametrize(
    "data",
    [
        smx.Dataset(np.ones((3, 2), np.float16), [0, 1, 1], num_classes=5),
        smx.Dataset(np.ones((3, 4, 4, 3), np.uint8), [0, 2, 1], class_names=("a", "b", "ü")),
        smx.Dataset(np.ones((3, 2)), [[0.5], [1.5], [2.5]]),
        smx.Dataset(jnp.ones((3, 2)), jnp.arange(3)),
    ],
    ids=["counted", "named", "regression", "on a device"],
)
def test_what_is_saved_loads_again(tmp_path, data):
    path = tmp_path / "new" / "data.npz"
    smx.loaders.save(path, data)
    again = smx.load(path)
    assert again.x.dtype == data.x.dtype
    np.testing.assert_array_equal(again.x, data.x)
    np.testing.assert_array_equal(again.y, data.y)
    assert (again.num_classes, again.class_names) == (data.num_classes, data.class_names)
    assert os.listdir(path.parent) == ["data.npz"]


def test_bfloat16_is_saved_as_float32(tmp_path):
    smx.loaders.save(tmp_path / "a.npz", smx.Dataset(jnp.ones((2, 2), jnp.bfloat16), [0, 1]))
    assert smx.load(tmp_path / "a.npz").x.dtype == np.float32


def test_save_wants_the_suffix_that_load_knows(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.npz"):
        smx.loaders.save(tmp_path / "data.npy", smx.Dataset([1.0], [1.0]))


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "data.npz"
    smx.loaders.save(path, smx.Dataset([1.0], [1.0]))

    def fail(*arguments, **arrays):
        arguments[0].write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="no space"):
        smx.loaders.save(path, smx.Dataset([2.0], [2.0]))
    assert smx.load(path).x[0] == 1.0
    assert os.listdir(tmp_path) == ["data.npz"]
