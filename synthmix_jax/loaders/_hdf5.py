"""USPS: handwritten digits from envelopes, 7,291 + 2,007 images of 16 x 16, in one HDF5 file.

References:
    Hull, A database for handwritten text recognition research, PAMI 16 (1994).
"""

import os
from pathlib import Path

import numpy as np

from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import _digits, _places

_FILE = "usps.h5"
_SIDE = 16


def read_usps(split: str, data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Read a split of USPS: x float32 (n, 16, 16) in [0, 1].

    Args:
        split: "train" or "test".
        data_dir: Holds `usps.h5`, itself or in digits/ or usps/; None for the default place.

    Returns:
        Images with their labels.

    Raises:
        FileNotFoundError: No `usps.h5` in any of the places.
        ValueError: Another split, or a file that is damaged or laid out in another way.
    """
    _places.check_split("usps", split, ("train", "test"))
    root = _places.data_directory(data_dir)
    looked = _places.candidates(root, ("digits", "usps"))
    path = next((folder / _FILE for folder in looked if (folder / _FILE).is_file()), None)
    if path is None:
        remedy = (
            f"Put the file {_FILE} into one of them: HDF5 with train/data (7291, 256), "
            "train/target (7291,), test/data (2007, 256) and test/target (2007,)."
        )
        raise _places.not_found(f"USPS ({_FILE})", looked, remedy)
    data, target = _arrays(path, (f"{split}/data", f"{split}/target"))
    if data.ndim != 2 or data.shape[1] != _SIDE**2 or target.shape != data.shape[:1]:
        raise ValueError(
            f"{path}: {split}/data must be (n, 256) and {split}/target (n,), got {data.shape} and "
            f"{target.shape}. This is not the USPS file in its usual layout."
        )
    images = data.astype(np.float32).reshape(-1, _SIDE, _SIDE)
    try:
        return Dataset(images, target.astype(np.int64), class_names=_digits.NAMES)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _arrays(path: Path, keys: tuple[str, ...]) -> list[np.ndarray]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            there: list[str] = []
            file.visit(lambda name: there.append(str(name)))
            missing = [key for key in keys if not isinstance(file.get(key), h5py.Dataset)]
            arrays = [] if missing else [np.asarray(file[key]) for key in keys]
    except (OSError, RuntimeError, TypeError, KeyError, ValueError) as error:  # kinds of damage
        raise ValueError(
            f"{path} cannot be read as HDF5 ({error}); it is damaged or something else. "
            "Copy it again."
        ) from error
    if missing:
        raise ValueError(f"{path} holds no {missing[0]}; it holds {', '.join(there) or 'nothing'}.")
    return arrays
