"""A folder with x.npy and y.npy: arrays that stay in their files, for more points than memory holds.

    np.save("pool/x.npy", x); np.save("pool/y.npy", y)
    pool = smx.load("pool")

x is memory-mapped: rows are read when they are asked for. y is read whole. Never a pickle.
"""

from pathlib import Path

import numpy as np

from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import _places


def is_pair(folder: Path) -> bool:
    """Whether the folder holds x.npy and y.npy."""
    return all((folder / f"{name}.npy").is_file() for name in ("x", "y"))


def read(folder: Path, split: str = "train") -> Dataset:
    """Inputs from x.npy, memory-mapped, with labels (whole numbers) or targets (floats) from y.npy.

    Args:
        folder: The folder.
        split: "train" or "all", both the whole of it.

    Raises:
        ValueError: a damaged file, or arrays that hold objects, text or numbers that are not finite, or that
            differ in length; the message names the folder.
    """
    folder = folder.absolute()
    _places.check_whole(str(folder), split)
    try:
        x = np.load(folder / "x.npy", mmap_mode="r", allow_pickle=False)
        return Dataset(x, np.load(folder / "y.npy", allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(
            f"{folder}: {error} Write x.npy and y.npy with np.save, numbers with one row a point."
        ) from error
