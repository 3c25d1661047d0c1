"""Small files to load: a prepared TFDS directory, a cache of its own for each test, no network."""

import io
import json
import socket

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """Each test has its own cache and home, and fails if it opens a connection."""

    def refuse(*arguments):
        raise AssertionError(f"a loader opened a connection: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("SYNTHMIX_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SYNTHMIX_DATA_DIR", raising=False)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)


@pytest.fixture
def images(rng):
    """Twelve colour images of 32 x 32."""
    return rng.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def prepare(tmp_path, images):
    """A function that writes a directory as TFDS prepares it, with the images in split "test"."""

    def write(folder="tfds/cifar10/3.0.2", *, name="cifar10", images=images):
        target = tmp_path / "data" / folder
        target.mkdir(parents=True)
        _write_records(target / f"{name}-test.array_record-00000-of-00001", images)
        (target / "dataset_info.json").write_text(json.dumps(_info(name, len(images))))
        (target / "features.json").write_text(json.dumps(_features(images[0].shape)))
        (target / "label.labels.txt").write_text("cat\ndog\nship\n")
        return target

    return write


def _write_records(path, images):
    from array_record.python.array_record_module import ArrayRecordWriter
    from PIL import Image
    from tensorflow_datasets.proto import tf_example_pb2

    writer = ArrayRecordWriter(str(path), "group_size:1")
    for number, pixels in enumerate(images):
        example = tf_example_pb2.Example()
        encoded = io.BytesIO()
        Image.fromarray(pixels).save(encoded, "PNG")
        example.features.feature["image"].bytes_list.value.append(encoded.getvalue())
        example.features.feature["label"].int64_list.value.append(number % 3)
        writer.write(example.SerializeToString())
    writer.close()


def _info(name, n):
    template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    split = {
        "name": "test",
        "filepathTemplate": template,
        "numBytes": "1",
        "shardLengths": [str(n)],
    }
    return {"name": name, "version": "3.0.2", "fileFormat": "array_record", "splits": [split]}


def _features(shape):
    core = "tensorflow_datasets.core.features."
    dimensions = [str(size) for size in (*shape, 1)[:3]]
    image = {"image": {"dtype": "uint8", "shape": {"dimensions": dimensions}}}
    label = {"classLabel": {"numClasses": "3"}}
    features = {
        "image": {**image, "pythonClassName": core + "image_feature.Image"},
        "label": {**label, "pythonClassName": core + "class_label_feature.ClassLabel"},
    }
    return {
        "pythonClassName": core + "features_dict.FeaturesDict",
        "featuresDict": {"features": features},
    }
