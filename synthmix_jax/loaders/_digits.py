"""The UCI digits that come with scikit-learn: 1,797 images of 8 x 8, no file and no network needed.

References:
    Alpaydin and Kaynak, Optical recognition of handwritten digits, UCI repository, 1998.
"""

import os

import numpy as np
from jaxtyping import Bool, Int

from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import _places

_TEST_SIZE = 700
NAMES = tuple("0123456789")


def read(split: str, data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Read the digits, x float32 (n, 8, 8) in [0, 1], in the order of the original file.

    The collection has no official split. This one is fixed: "test" are 700 images, "train" the
    other 1,097, each holding every class in the same proportion (within one image).

    Args:
        split: "train", "test" or "all".
        data_dir: Not used; the digits come with scikit-learn.

    Returns:
        Images with their labels.

    Raises:
        ValueError: Another split.
    """
    del data_dir
    _places.check_split("digits", split, ("train", "test", "all"))
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images / 16.0).astype(np.float32)  # type: ignore[union-attr]
    labels = bunch.target.astype(np.int64)  # type: ignore[union-attr]
    rows = slice(None) if split == "all" else _in_test(labels) == (split == "test")
    return Dataset(images[rows], labels[rows], class_names=NAMES)


def _in_test(labels: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Mark the test rows: every (n / 700)-th of the rows sorted by class.

    Systematic sampling instead of a shuffle: exact in number, stratified, spread evenly over the
    writers (who follow one another in the file), and bound to no random generator's version.
    """
    n = len(labels)
    quota = np.arange(n + 1) * _TEST_SIZE // n
    test = np.zeros(n, bool)
    test[np.argsort(labels, kind="stable")] = np.diff(quota) > 0
    return test
