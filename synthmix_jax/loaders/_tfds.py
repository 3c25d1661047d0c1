"""Prepared TFDS directories of images with labels (CIFAR-10): no TensorFlow, no network.

TFDS itself reads the records (`builder_from_directory(...).as_data_source`), told to leave images
encoded; Pillow decodes them, 50,000 of 32 x 32 in about five seconds. One thread: at this size most
of the time is Python reading headers, and two threads were no faster. `_cache` keeps the result.

References:
    Krizhevsky, Learning multiple layers of features from tiny images, 2009.
"""

import io
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import _cache, _places, _progress

_INFO = "dataset_info.json"
_FORMAT = "array_record"
_BATCH = 500


def read_cifar10(split: str, data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Read a split of CIFAR-10: x uint8 (n, 32, 32, 3), memory-mapped after the first time.

    Args:
        split: "train" or "test".
        data_dir: Holds cifar10/ or tfds/cifar10/, prepared; None for the default place.

    Returns:
        Images with their labels and the names of the ten classes.

    Raises:
        FileNotFoundError: Not prepared in any of the places.
        ValueError: Another split, another file format, or damaged files.
    """
    root = _places.data_directory(data_dir)
    looked = _places.candidates(root, ("tfds/cifar10", "cifar10"))
    for folder in looked:
        version = newest_version(folder)
        if version is not None and (
            folder.name == "cifar10" or _info(version)["name"] == "cifar10"
        ):
            return read(version, split)
    remedy = (
        "With network, and TensorFlow installed for this one step, this prepares it:\n"
        f"  {_command('cifar10', root)}"
    )
    raise _places.not_found("CIFAR-10, prepared by TFDS,", looked, remedy)


def is_prepared(folder: Path) -> bool:
    """Whether a folder is a data set prepared by TFDS, or holds versions of one."""
    return newest_version(folder) is not None


def newest_version(folder: Path) -> Path | None:
    """Where `dataset_info.json` lies: `folder` itself, or its highest version, or nowhere: None."""
    if (folder / _INFO).is_file():
        return folder
    found = [
        (tuple(map(int, inner.name.split("."))), inner)
        for inner in (folder.iterdir() if folder.is_dir() else ())
        if re.fullmatch(r"\d+\.\d+\.\d+", inner.name) and (inner / _INFO).is_file()
    ]
    return max(found)[1] if found else None


def read(folder: Path, split: str) -> Dataset:
    """Read a split of a prepared directory: x uint8 (n, h, w) or (n, h, w, 3), memory-mapped.

    Args:
        folder: A version's folder, or one that holds versions.
        split: One of those prepared.

    Returns:
        Images with their labels and class names.

    Raises:
        FileNotFoundError: Files of the split are missing.
        ValueError: Another split, another file format, not images with labels, or damaged files.
    """
    folder = (newest_version(folder) or folder).absolute()
    info = _info(folder)
    _places.check_split(str(folder), split, [part["name"] for part in info["splits"]])
    formats = [info.get("fileFormat"), *info.get("alternativeFileFormats", ())]
    if _FORMAT not in formats:
        raise ValueError(
            f"{folder} was prepared as {formats[0] or 'tfrecord'}, which needs TensorFlow to read. "
            f"Prepare it as {_FORMAT}, in an empty folder:\n  {_command(info['name'], 'FOLDER')}"
        )
    files = sorted(folder.glob(f"{info['name']}-{split}.{_FORMAT}*"))
    mark = _cache.fingerprint(files, content_of=[folder / _INFO])
    arrays = _cache.fetch(f"{info['name']}-{split}-{mark}", lambda: _decode_split(folder, split))
    names = tuple(str(name) for name in arrays["class_names"])
    return Dataset(arrays["x"], arrays["y"], class_names=names)


def _info(folder: Path) -> dict[str, Any]:
    path = folder / _INFO
    try:
        info = json.loads(path.read_bytes())
        return {**info, "name": info["name"], "splits": info["splits"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error!r}); prepare the data set again.") from error


def _decode_split(folder: Path, split: str) -> dict[str, np.ndarray]:
    source, class_names = _open(folder, split)
    labels = np.empty(len(source), np.int64)
    images: np.ndarray | None = None
    batches = [range(i, min(i + _BATCH, len(source))) for i in range(0, len(source), _BATCH)]
    for rows in _progress.track(batches, f"decoding {folder.parent.name} {split}"):
        for row, record in zip(rows, _records(folder, source, rows), strict=True):
            image = _decode(folder, row, record["image"])
            if images is None:
                images = np.empty((len(source), *image.shape), np.uint8)
            if image.shape != images.shape[1:]:
                raise ValueError(
                    f"{folder}: image {row} is {image.shape}, the first {images.shape[1:]}; "
                    "all must share one size."
                )
            images[row], labels[row] = image, record["label"]
    if images is None:
        raise ValueError(f"{folder}: split {split!r} holds no images; prepare the data set again.")
    return {"x": images, "y": labels, "class_names": np.asarray(class_names)}


def _open(folder: Path, split: str) -> tuple[Any, list[str]]:
    """The records of a split, images left encoded, and the names of the classes."""
    import tensorflow_datasets as tfds

    builder: Any = tfds.builder_from_directory(str(folder), file_format=_FORMAT)
    features = builder.info.features
    if not {"image", "label"} <= set(features):
        raise ValueError(f"{folder} holds no images with labels; its features are {features}.")
    absent = [path for path in builder.info.splits[split].filepaths if not os.path.isfile(path)]
    if absent:
        raise FileNotFoundError(f"{absent[0]} is missing; prepare the data set again.")
    decoders = {"image": tfds.decode.SkipDecoding()}
    return builder.as_data_source(split=split, decoders=decoders), features["label"].names


def _records(folder: Path, source: Any, rows: range) -> list[dict[str, Any]]:
    try:
        return source.__getitems__(list(rows))
    except Exception as error:  # array_record and protobuf raise types of their own
        raise ValueError(
            f"{folder}: records {rows.start} to {rows.stop - 1} cannot be read ({error}); the "
            "files are damaged. Prepare the data set again."
        ) from error


def _decode(folder: Path, row: int, encoded: bytes) -> UInt8[np.ndarray, "h w *rgb"]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG")) as image:
            return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{folder}: image {row} cannot be decoded ({error}).") from error


def _command(name: str, data_dir: str | Path) -> str:
    # With a data_dir of its own TFDS falls back to TFRecord files unless the format is named.
    options = f"data_dir={str(data_dir)!r}, builder_kwargs={{'file_format': '{_FORMAT}'}}"
    return f'python -c "import tensorflow_datasets as tfds; tfds.data_source({name!r}, {options})"'
