"""Data sets that are regressed together: whether they match, and their targets as numbers."""

import numpy as np

from synthmix_jax._typing import Array
from synthmix_jax.dataset import Dataset


def check_data(
    real: Dataset,
    synthetic: Dataset | None,
    test: Dataset | None = None,
    *,
    least: int = 2,
    maps: bool = False,
) -> None:
    """Raise ValueError unless the data sets can be regressed together; label maps only where `maps` are asked for.

    Raises:
        ValueError: too few real points, no synthetic points, features, targets or classes that do not
            match, or not a Dataset at all.
    """
    for name, data in (("real", real), ("synthetic", synthetic), ("test", test)):
        if data is None and name != "real":
            continue
        if not isinstance(data, Dataset):
            raise ValueError(
                f"{name} must be a synthmix_jax.Dataset, got {type(data).__name__}. "
                "Wrap arrays as smx.Dataset(x, y)."
            )
        if len(data) == 0:
            raise ValueError(f"{name} holds no points. {_EMPTY[name]}")
        if not maps:
            refuse_maps(name, data)
        if name != "real":
            check_match(real, data, name)
    if len(real) < least:
        raise ValueError(
            "real holds one point, and leave-one-out needs at least two: the score of a point comes "
            "from a fit without it."
        )


def refuse_maps(name: str, data: object) -> None:
    """Raise ValueError if a data set holds label maps, which only networks for segmentation learn."""
    if isinstance(data, Dataset) and data.dense:
        raise ValueError(
            f"{name}.y holds label maps of shape {data.y.shape}, one class a pixel; here every point needs "
            "one label. Label maps are for training.sweep and training.fit; elsewhere give one label an image, "
            "such as y.any(axis=(1, 2))."
        )


_EMPTY = {
    "real": "At least two real points are needed: everything is scored on them.",
    "synthetic": "Give at least one synthetic point, or None to use the real points alone.",
    "test": "Leave test out to go without test errors.",
}


def check_match(real: Dataset, other: Dataset, name: str, first: str = "real") -> None:
    """Raise ValueError unless another data set has the features, the kind of targets and the classes of `real`.

    Args:
        real: The data set to be matched.
        other: The one that must match it.
        name: What `other` is called.
        first: What `real` is called.
    """
    if real.x.shape[1:] != other.x.shape[1:]:
        raise ValueError(
            f"features differ: {first}.x has shape {real.x.shape} and {name}.x {other.x.shape}. "
            "All dimensions after the first must agree (same columns, same image size)."
        )
    _check_scale(real.x, other.x, name, first)
    kinds = [_kind(data) for data in (real, other)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"{first}.y holds {kinds[0]} ({real.y.dtype}) and {name}.y holds {kinds[1]} "
            f"({other.y.dtype}). Integers are class labels (one a pixel: label maps), floats are regression "
            "targets: convert one of them."
        )
    if kinds[0] == "targets" and real.y.shape[1:] != other.y.shape[1:]:
        raise ValueError(
            f"target shapes differ: {first}.y {real.y.shape}, {name}.y {other.y.shape}. "
            "Both need the same number of outputs."
        )
    if None not in (real.class_names, other.class_names) and real.class_names != other.class_names:
        raise ValueError(
            f"class names differ: {first} has {_short(real.class_names)}, {name} has "
            f"{_short(other.class_names)}. Use the same classes in the same order."
        )


def _kind(data: Dataset) -> str:
    if data.num_classes is None:
        return "targets"
    return "label maps" if data.dense else "labels"


def _check_scale(a: Array, b: Array, name: str, first: str) -> None:
    """uint8 images count as x / 255; floats that still run to 255 beside them would be nonsense."""
    for image, other in ((a, b), (b, a)):
        if image.dtype == np.uint8 and other.dtype != np.uint8:
            largest = float(np.max(np.abs(np.asarray(other, np.float64))))
            if largest > 2.0:
                raise ValueError(
                    f"one of {first}.x and {name}.x is uint8 (read as x / 255, so 0..1) and the other is "
                    f"{other.dtype} with values up to {largest:g}. Divide that one by 255."
                )


def check_scale(x: Array, other: Array, name: str) -> None:
    """Raise ValueError where real inputs are uint8, read as x / 255, and others still run to 255."""
    _check_scale(x, other, name, "real")


def _short(names: object) -> str:
    text = repr(list(names))  # type: ignore[call-overload]
    return text if len(text) < 120 else text[:117] + "..."


def num_classes(*data: Dataset | None) -> int | None:
    """Number of classes over all data sets, or None for regression."""
    known = [d.num_classes for d in data if d is not None and d.num_classes is not None]
    return max(known) if known else None


def encode_targets(y: Array, classes: int | None) -> np.ndarray:
    """Targets (n, k) in float64: centred one-hot (1 - 1/k, -1/k) for labels, else y itself."""
    y = np.asarray(y)
    if classes is not None:
        return np.eye(classes)[y] - 1.0 / classes
    return y.reshape(len(y), -1).astype(np.float64)
