import re
import time

import pytest

import synthmix_jax as smx
from synthmix_jax.loaders import _places


def test_the_argument_comes_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    assert _places.data_directory(None) == tmp_path / "tfds"
    monkeypatch.setenv("SYNTHMIX_DATA_DIR", str(tmp_path / "own"))
    assert _places.data_directory(None) == tmp_path / "own"
    assert _places.data_directory(tmp_path / "given") == tmp_path / "given"


def test_without_a_word_it_is_where_tfds_keeps_data(tmp_path):
    assert _places.data_directory(None) == tmp_path / "home/tensorflow_datasets"


@pytest.mark.parametrize(
    ("name", "folders", "remedy"),
    [
        ("cifar10", ("tfds/cifar10", "cifar10", ""), "tfds.data_source('cifar10', data_dir='{}', "),
        ("mnist", ("digits", "mnist", "MNIST/raw", ""), "train-images-idx3-ubyte"),
        ("usps", ("digits", "usps", ""), "Put the file usps.h5 into one of them"),
    ],
)
def test_missing_data_is_one_clear_error_at_once(tmp_path, name, folders, remedy):
    root = tmp_path / "nothing"
    start = time.monotonic()
    with pytest.raises(FileNotFoundError) as caught:
        smx.load(name, data_dir=root)
    assert time.monotonic() - start < 1.0
    message = str(caught.value)
    lines = message.splitlines()
    assert all(f"  {root / folder}" in lines for folder in folders)
    assert remedy.format(root) in message
    assert "data_dir=" in message
    assert "SYNTHMIX_DATA_DIR" in message


def test_the_command_that_prepares_cifar10_asks_for_the_format_that_is_read(tmp_path):
    # TFDS writes TFRecord files, which only TensorFlow reads, unless it is told otherwise.
    with pytest.raises(FileNotFoundError, match=re.escape("{'file_format': 'array_record'}")):
        smx.load("cifar10", data_dir=tmp_path)
