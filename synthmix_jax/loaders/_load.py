"""The public door: a name or a path goes to the reader that understands it."""

import difflib
import os
from collections.abc import Callable
from pathlib import Path

from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import _digits, _hdf5, _idx, _images, _npy, _npz, _tfds

# A reader by name: (split, data_dir) -> Dataset. A new data set is one more line here.
_BY_NAME: dict[str, Callable[[str, str | os.PathLike[str] | None], Dataset]] = {
    "digits": _digits.read,
    "cifar10": _tfds.read_cifar10,
    "mnist": _idx.read_mnist,
    "usps": _hdf5.read_usps,
}
_PICKLES = (".pkl", ".pickle", ".p", ".joblib", ".pt", ".pth")
_UNDERSTOOD = (
    f"understood are the names {', '.join(map(repr, _BY_NAME))}, a .npz file with x and y, "
    "a folder with x.npy and y.npy, a folder of images (one sub-folder a class) and a prepared TFDS directory"
)


def load(
    name_or_path: str | os.PathLike[str],
    *,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Load a data set by name, or from a file or folder.

    No network is touched and no file is unpickled. A text that is one of the names below means
    that data set; for a folder of the same name write "./digits" or give a `Path`.

    | what                     | x                                              | splits           |
    |--------------------------|------------------------------------------------|------------------|
    | "digits"                 | float32 (n, 8, 8) in [0, 1]; comes along       | train, test, all |
    | "cifar10"                | uint8 (n, 32, 32, 3), memory-mapped            | train, test      |
    | "mnist"                  | uint8 (n, 28, 28)                              | train, test      |
    | "usps"                   | float32 (n, 16, 16) in [0, 1]                  | train, test      |
    | file.npz with x and y    | as stored                                      | train = all      |
    | a folder with x.npy and  | as stored, memory-mapped                       | train = all      |
    | y.npy                    |                                                |                  |
    | a folder of images       | uint8 (n, h, w[, 3]), or float32 if not 8-bit  | its sub-folders, |
    |                          |                                                | or train = all   |
    | a prepared TFDS directory| uint8 (n, h, w[, 3]), memory-mapped            | as prepared      |

    "cifar10" and TFDS directories are decoded once, into a cache under SYNTHMIX_CACHE_DIR, else
    XDG_CACHE_HOME, else ~/.cache, and memory-mapped from there.

    Args:
        name_or_path: A name from the table, or a path.
        split: Which part to load.
        data_dir: Where "cifar10", "mnist" and "usps" lie; default the environment's
            SYNTHMIX_DATA_DIR, else TFDS_DATA_DIR, else ~/tensorflow_datasets.

    Returns:
        The data set; classes carry their names where the files give them.

    Raises:
        ValueError: An unknown name, file type or split, or a file that is damaged or holds
            something else than data; the message names the file and what to do.
        FileNotFoundError: The data is not there; the message names every place looked in.
    """
    if isinstance(name_or_path, str) and name_or_path in _BY_NAME:
        return _BY_NAME[name_or_path](split, data_dir)
    path = Path(name_or_path).expanduser()
    suffix = path.suffix.lower()
    if path.is_dir() and _npy.is_pair(path):
        return _npy.read(path, split)
    if path.is_dir():
        return _tfds.read(path, split) if _tfds.is_prepared(path) else _images.read(path, split)
    if suffix == ".npz":
        return _npz.read(path, split)
    if suffix in _PICKLES:
        raise ValueError(
            f"{path.absolute()} is a pickle, and loading a pickle runs whatever code is in it. "
            "Files are data here: open it yourself where you trust it, and keep the arrays with "
            "smx.loaders.save('data.npz', smx.Dataset(x, y))."
        )
    if path.exists() or suffix:
        raise ValueError(
            f"{path.absolute()} has the file type {suffix or 'none'!r}, which is not understood; "
            f"{_UNDERSTOOD}. For arrays in memory use smx.Dataset(x, y)."
        )
    if path.name != str(name_or_path):
        raise FileNotFoundError(f"there is no file or folder {path.absolute()}.")
    close = difflib.get_close_matches(path.name.lower().replace("-", ""), _BY_NAME, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"{path.name!r} is no known data set, and there is no folder {path.absolute()}; "
        f"{_UNDERSTOOD}.{hint}"
    )
