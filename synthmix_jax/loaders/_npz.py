"""Arrays in a .npz file: x and y, and optionally class_names and num_classes. Never a pickle."""

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from synthmix_jax import _atomic
from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import _places

_REMEDY = "write it with smx.loaders.save(path, smx.Dataset(x, y)) or np.savez(path, x=x, y=y)"


def read(path: Path, split: str = "train") -> Dataset:
    """Read x and y from a .npz file, dtypes kept.

    Whole numbers in y are labels, text in y names classes (numbered in sorted order, or in the
    order of an array `class_names` in the file), floats are regression targets.

    Args:
        path: The file.
        split: "train" or "all", both the whole file.

    Returns:
        The data set.

    Raises:
        ValueError: No .npz file, a damaged one, x or y missing, or arrays that hold objects, text,
            or numbers that are not finite; the message names the file.
        FileNotFoundError: No such file.
    """
    path = path.absolute()
    _check_archive(path)
    _places.check_whole(str(path), split)
    arrays = _arrays(path)
    x, y = arrays["x"], arrays["y"]
    if x.dtype.kind in "USO":
        raise ValueError(f"{path}: x holds text; it must hold numbers, one row a point.")
    names = arrays.get("class_names")
    names = None if names is None else tuple(str(name) for name in np.atleast_1d(names))
    if y.dtype.kind in "SU":
        y, names = _number_classes(path, y, names)
    count = arrays.get("num_classes")
    try:
        return Dataset(x, y, class_names=names, num_classes=None if count is None else int(count))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def save(path: str | os.PathLike[str], dataset: Dataset) -> None:
    """Write a data set to a .npz file that `load` reads back; the file appears whole or not at all.

    Args:
        path: A file name that ends in .npz; missing folders are made.
        dataset: What to keep. Formats NumPy has no name for (bfloat16) are kept as float32.

    Raises:
        ValueError: `path` does not end in .npz.
        OSError: The file cannot be written.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() != ".npz":
        raise ValueError(f"path must end in .npz, by which load knows the format; got {path}.")
    arrays = {"x": _storable(dataset.x), "y": _storable(dataset.y)}
    if dataset.num_classes is not None:
        arrays["num_classes"] = np.asarray(dataset.num_classes)
    if dataset.class_names is not None:
        arrays["class_names"] = np.asarray(dataset.class_names, dtype=np.str_)
    _atomic.write(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]


def _check_archive(path: Path) -> None:
    """Say what a file is that is no .npz; NumPy would speak of pickles."""
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}.")
    with path.open("rb") as file:
        start = file.read(6)
    zipped = start[:4] in (b"PK\x03\x04", b"PK\x05\x06")  # as NumPy tells it
    if zipped and zipfile.is_zipfile(path):
        return
    if zipped:
        raise ValueError(f"{path} is a truncated .npz file (its end is missing); copy it again.")
    kind = "no zip archive (another format under that name, or a failed download?)"
    if start == b"\x93NUMPY":
        kind = "a .npy file with one array"
    raise ValueError(f"{path} is not a .npz file but {kind}; {_REMEDY}.")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            keys = list(archive.files)
            missing = [key for key in ("x", "y") if key not in keys]
            if missing:
                raise KeyError(
                    f"{path} holds no {' and no '.join(missing)}; it holds "
                    f"{', '.join(map(repr, keys)) or 'nothing'}. "
                    f"Name the arrays x and y: {_REMEDY}."
                )
            wanted = ("x", "y", "class_names", "num_classes")
            return {key: _member(path, archive, key) for key in wanted if key in keys}
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, MemoryError) as error:
        raise ValueError(f"{path} is damaged ({error}); copy it again, or {_REMEDY}.") from error


def _member(path: Path, archive: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    try:
        return archive[key]
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise ValueError(
                f"{path}: {key} is an array of Python objects, which only unpickling could read, "
                f"and a pickle runs whatever code is in it. Convert it before saving: "
                f"np.asarray({key}.tolist()), then {_REMEDY}."
            ) from None
        raise ValueError(f"{path} is damaged: {key} cannot be read ({error}).") from error


def _number_classes(
    path: Path, y: np.ndarray, names: tuple[str, ...] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels (n,) from names of classes (n,), numbered in sorted order or in the order given."""
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8")
    found, labels = np.unique(y, return_inverse=True)
    found = [str(name) for name in found]
    if names is None:
        return labels.reshape(y.shape), tuple(found)
    unknown = sorted(set(found) - set(names))
    if unknown:
        raise ValueError(f"{path}: y holds {unknown[0]!r}, which is not in class_names {names}.")
    number = np.asarray([names.index(name) for name in found], dtype=np.int64)
    return number[labels].reshape(y.shape), names


def _storable(values: object) -> np.ndarray:
    array = np.asarray(values)
    return array if array.dtype.kind in "biuf" else array.astype(np.float32)
