import json
import re
import shutil
import warnings

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.loaders import _cache, _tfds


def change_info(folder, **changes):
    path = folder / "dataset_info.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("folder", ["tfds/cifar10/3.0.2", "cifar10/3.0.2", "cifar10", "3.0.2", ""])
def test_cifar10_is_found_in_the_customary_places(tmp_path, prepare, images, folder):
    prepare(folder)
    data = smx.load("cifar10", split="test", data_dir=tmp_path / "data")
    np.testing.assert_array_equal(data.x, images)
    np.testing.assert_array_equal(data.y, np.arange(12) % 3)
    assert data.class_names == ("cat", "dog", "ship")


def test_another_data_set_there_is_not_taken_for_cifar10(tmp_path, prepare):
    prepare("3.0.2", name="svhn")
    with pytest.raises(FileNotFoundError, match="CIFAR-10"):
        smx.load("cifar10", split="test", data_dir=tmp_path / "data")


def test_the_newest_version_is_read(tmp_path, prepare, images):
    prepare("cifar10/3.0.2")
    prepare("cifar10/3.0.10", images=images[:2])
    (tmp_path / "data/cifar10/9.9.9").mkdir()  # begun and never finished
    assert len(smx.load("cifar10", split="test", data_dir=tmp_path / "data")) == 2


def test_any_prepared_directory_of_images_loads_by_its_path(prepare, rng):
    grey = rng.integers(0, 256, (5, 9, 7), dtype=np.uint8)
    folder = prepare("mine/1.0.0", name="mine", images=grey)
    for path in (folder, folder.parent):
        np.testing.assert_array_equal(smx.load(path, split="test").x, grey)


def test_the_second_load_is_mapped_from_the_cache(prepare, monkeypatch):
    folder = prepare()
    first = smx.load(folder, split="test")
    monkeypatch.setattr(_tfds, "_decode_split", None)  # would fail if it were called
    again = smx.load(folder, split="test")
    assert isinstance(again.x, np.memmap)
    np.testing.assert_array_equal(first.x, again.x)


def test_data_prepared_anew_is_decoded_anew(prepare, images):
    folder = prepare()
    smx.load(folder, split="test")
    shutil.rmtree(folder)
    prepare(images=images[:7])
    assert len(smx.load(folder, split="test")) == 7


def test_without_a_cache_the_data_is_decoded_in_memory(prepare, images, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SYNTHMIX_CACHE_DIR", str(tmp_path / "file" / "cache"))
    folder = prepare()
    with pytest.warns(UserWarning, match="cannot be written"):
        np.testing.assert_array_equal(smx.load(folder, split="test").x, images)


def test_another_split_is_refused(prepare):
    with pytest.raises(ValueError, match=r"has no split 'valid'; it has 'test'"):
        smx.load(prepare(), split="valid")


def test_files_for_tensorflow_are_refused_with_the_way_out(prepare):
    folder = prepare()
    change_info(folder, fileFormat="tfrecord")
    with pytest.raises(ValueError, match=r"prepared as tfrecord.*needs TensorFlow") as caught:
        smx.load(folder, split="test")
    assert "'file_format': 'array_record'" in str(caught.value)


def test_missing_records_are_named(prepare):
    folder = prepare()
    (record,) = folder.glob("*.array_record*")
    record.unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(str(record))):
        smx.load(folder, split="test")


@pytest.mark.parametrize("keep", [0, 1000, 70_000])
def test_truncated_records_are_an_error_and_leave_no_cache(prepare, tmp_path, keep):
    folder = prepare()
    (record,) = folder.glob("*.array_record*")
    record.write_bytes(record.read_bytes()[:keep])
    with pytest.raises(ValueError, match=re.escape(str(folder)) + ".*Prepare the data set again"):
        smx.load(folder, split="test")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_damaged_info_file_is_named(prepare, text):
    folder = prepare()
    (folder / "dataset_info.json").write_text(text)
    with pytest.raises(ValueError, match=r"dataset_info\.json is damaged"):
        smx.load(folder, split="test")


def test_something_else_than_images_is_refused(prepare):
    folder = prepare()
    text = (folder / "features.json").read_text().replace('"image": {"image"', '"scan": {"image"')
    (folder / "features.json").write_text(text)
    with pytest.raises(ValueError, match="no images with labels"):
        smx.load(folder, split="test")


def test_an_image_that_does_not_decode_is_named(monkeypatch, prepare):
    monkeypatch.setattr(_tfds, "_records", lambda *_: [{"image": b"none", "label": 0}] * 12)
    with pytest.raises(ValueError, match="image 0 cannot be decoded"):
        smx.load(prepare(), split="test")


@pytest.mark.data
def test_cifar10(data_dir):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = smx.load("cifar10", split="test", data_dir=data_dir)
    assert data.x.shape == (10_000, 32, 32, 3)
    assert data.x.dtype == np.uint8
    assert (data.class_names[0], data.class_names[9]) == ("airplane", "truck")
    np.testing.assert_array_equal(np.bincount(data.y), [1000] * 10)
    assert 100 < data.x[:500].mean() < 140
    again = smx.load("cifar10", split="test", data_dir=data_dir)
    assert isinstance(again.x, np.memmap)
    assert list(_cache.directory().iterdir())
