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


@pytest.fixture
def brain():
    """A small head: an ellipsoid of brain in a box of 24 x 28 x 20 voxels."""
    x, y, z = np.indices((24, 28, 20))
    return ((x - 11) / 9.0) ** 2 + ((y - 14) / 11.0) ** 2 + ((z - 10) / 8.0) ** 2 <= 1


@pytest.fixture
def volumes(rng, brain):
    """Modality -> float32 voxels of that head, zero outside; and "lesions" of three boxes of different size."""
    white = {"FLAIR": 100.0, "T1": 400.0, "T2": 250.0}
    out = {m: np.where(brain, v * rng.uniform(0.5, 1.5, brain.shape), 0) for m, v in white.items()}
    lesions = np.zeros(brain.shape, np.uint8)
    lesions[6:10, 10:14, 8:11] = 1
    lesions[14:18, 16:19, 10] = 1
    lesions[12, 8, 13] = 1
    return {**{m: v.astype(np.float32) for m, v in out.items()}, "lesions": lesions}


@pytest.fixture
def write_nifti():
    """A function that writes voxels (x, y, z) to a file with an affine; 1 mm and RAS+ if none is given."""
    import nibabel

    def write(path, values, affine=None, *, codes=(1, 1)):
        path.parent.mkdir(parents=True, exist_ok=True)
        image = nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine)
        image.header["qform_code"], image.header["sform_code"] = codes
        image.set_qform(image.affine, codes[0])
        image.set_sform(image.affine, codes[1])
        nibabel.save(image, path)
        return path

    return write


@pytest.fixture
def write_patient(tmp_path, volumes, write_nifti):
    """A function that writes a patient as `open_ms` has it, some volumes exchanged; None leaves one out."""

    def write(name="anna", *, suffix=".nii.gz", affine=None, **changes):
        for role, values in {**volumes, **changes}.items():
            if values is not None:
                write_nifti(tmp_path / "patients" / name / f"{role}{suffix}", values, affine)
        return tmp_path / "patients" / name

    return write


@pytest.fixture
def patient(rng, brain, volumes):
    """A patient in memory, as `read_patient` makes them."""
    import synthmix_jax as smx

    images = np.stack([volumes[m] / np.median(volumes[m][brain]) for m in ("FLAIR", "T1")], -1)
    lesions = volumes["lesions"] > 0
    return smx.loaders.Patient(
        name="anna",
        subject="anna",
        modalities=("FLAIR", "T1"),
        images=images.astype(np.float32),
        lesions=lesions,
        brain=brain,
        white_matter=brain & (images[..., 1] > 1),
        voxel_size=(1.0, 1.0, 1.0),
        affine=np.eye(4),
        normalize="white matter",
        notes=(),
        num_lesions=3,
    )
