"""IDX files, the format of MNIST: a magic number, the sizes, then the bytes; gzipped or not.

References:
    LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition,
    Proceedings of the IEEE 86 (1998).
"""

import gzip
import io
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import _digits, _places

_PREFIX = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTE = 0x08


def read_mnist(split: str, data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Read a split of MNIST: x uint8 (n, 28, 28).

    Args:
        split: "train" or "test".
        data_dir: Holds the IDX files, itself or in digits/, mnist/ or MNIST/raw/; None for the
            default place. Both spellings of the names do (`t10k-images-idx3-ubyte` and
            `t10k-images.idx3-ubyte`), with or without .gz.

    Returns:
        Images with their labels.

    Raises:
        FileNotFoundError: The split's files are in none of the places; the message says which
            are missing, and whether the other split is there.
        ValueError: Another split, or a damaged file.
    """
    _places.check_split("mnist", split, tuple(_PREFIX))
    root = _places.data_directory(data_dir)
    looked = _places.candidates(root, ("digits", "mnist", "MNIST/raw"))
    images_path, labels_path = _find("images", split, looked), _find("labels", split, looked)
    if images_path is None or labels_path is None:
        raise _missing(split, looked)
    images, labels = read_idx(images_path, ndim=3), read_idx(labels_path, ndim=1)
    if len(images) != len(labels):
        raise ValueError(
            f"{images_path} holds {len(images)} images but {labels_path} {len(labels)} labels; "
            "one of the two belongs elsewhere. Copy both again."
        )
    try:
        return Dataset(images, labels.astype(np.int64), class_names=_digits.NAMES)
    except ValueError as error:
        raise ValueError(f"{labels_path}: {error}") from error


def read_idx(path: Path, *, ndim: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes.

    Args:
        path: The file, gzipped or not (its first bytes tell).
        ndim: The number of dimensions it must have.

    Returns:
        Its array, uint8.

    Raises:
        ValueError: No IDX file of bytes with `ndim` dimensions, truncated, or with bytes left over.
    """
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rb") if zipped else path.open("rb") as file:
            head = file.read(4 + 4 * ndim)
            shape = _shape(path, head, ndim)
            # One byte more than promised shows that something is left over, without reading it.
            content = _read_at_most(file, math.prod(shape) + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} is damaged or truncated ({error}); copy it again.") from error
    if len(content) != math.prod(shape):
        fault = "truncated" if len(content) < math.prod(shape) else "followed by other bytes"
        raise ValueError(
            f"{path} is {fault}: its header promises {' x '.join(map(str, shape))} bytes. "
            "Copy it again."
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _shape(path: Path, head: bytes, ndim: int) -> tuple[int, ...]:
    magic = struct.pack(">HBB", 0, _UNSIGNED_BYTE, ndim)
    if head[:4] != magic:
        raise ValueError(
            f"{path} starts with the bytes {head[:4].hex()}, not {magic.hex()}: it is no IDX file "
            f"of unsigned bytes in {ndim} dimensions. Copy the right file there."
        )
    if len(head) < 4 + 4 * ndim:
        raise ValueError(f"{path} is truncated: its header is cut short. Copy it again.")
    return struct.unpack(f">{ndim}I", head[4:])


def _read_at_most(file: io.BufferedIOBase, size: int) -> bytes:
    """In pieces: a damaged header may promise more bytes than memory could hold."""
    pieces = []
    while size > 0 and (piece := file.read(min(size, 1 << 24))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _names(kind: str, split: str) -> list[str]:
    digit = {"images": 3, "labels": 1}[kind]
    plain = [f"{_PREFIX[split]}-{kind}{mark}idx{digit}-ubyte" for mark in "-."]
    return [name + end for name in plain for end in ("", ".gz")]


def _find(kind: str, split: str, folders: list[Path]) -> Path | None:
    paths = (folder / name for folder in folders for name in _names(kind, split))
    return next((path for path in paths if path.is_file()), None)


def _missing(split: str, looked: list[Path]) -> FileNotFoundError:
    lost = [
        _names(kind, split)[0] for kind in ("images", "labels") if not _find(kind, split, looked)
    ]
    other = "test" if split == "train" else "train"
    whole = _find("images", other, looked) and _find("labels", other, looked)
    hint = f" (split={other!r} is there.)" if whole else ""
    remedy = f"Put {' and '.join(lost)} into one of them, gzipped (.gz) or not.{hint}"
    return _places.not_found(f"MNIST's {split} split ({', '.join(lost)})", looked, remedy)
