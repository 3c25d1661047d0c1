"""`Dataset`: inputs and what is to be predicted from them, as a pytree of arrays."""

from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array, Key


@jax.tree_util.register_pytree_with_keys_class
class Dataset:
    """Inputs with labels or targets, one row a point.

    A pytree whose leaves are `x` and `y`: it passes through `jit`, `vmap` and `tree.map`. Arrays
    stay where they are (NumPy, memory map or device) and keep their dtype; numerics cast on use.

    Attributes:
        x: Inputs (n, ...): vectors (n, d) or images (n, height, width[, channels]). Images of dtype
            uint8 hold 0..255 and count as x / 255 wherever numbers are computed from them.
        y: Integers (n,) are class labels 0..num_classes - 1; floats (n,) or (n, k) are regression
            targets. Integers of the images' own shape (n, height, width) are label maps, a class a pixel; of
            volumes x (n, height, width, depth, channels) they are (n, height, width, depth). Booleans
            count as labels 0 and 1.
        num_classes: The number of classes; None for regression.
        class_names: The name of each class, or None.
    """

    __slots__ = ("_class_names", "_num_classes", "_x", "_y")

    def __init__(
        self,
        x: Any,
        y: Any,
        *,
        num_classes: int | None = None,
        class_names: tuple[str, ...] | None = None,
    ):
        """Check and hold the arrays.

        Args:
            x: Inputs (n, ...).
            y: Labels (n,), targets (n,) or (n, k), or label maps (n, height, width[, depth]).
            num_classes: For labels; default the largest label plus one, or len(class_names).
            class_names: For labels; their names in order.

        Raises:
            ValueError: x or y is no array of finite numbers, their lengths differ, a label is
                negative or not below `num_classes`, or classes are given for regression.
        """
        x, y = _checks.numeric_array("x", x), _checks.numeric_array("y", y)
        if x.ndim < 1 or y.ndim < 1 or len(x) != len(y):
            raise ValueError(
                f"x and y must have one row a point, got shapes {x.shape} and {y.shape}. "
                "Their first dimensions must agree."
            )
        _checks.finite("x", x)
        _checks.finite("y", y)
        if y.dtype == bool:
            y = y.astype(np.int32)
        if np.dtype(y.dtype).kind in "iu":
            _check_labels_shape(x, y)
            num_classes = _count_classes(y, num_classes, class_names)
        elif num_classes is not None or class_names is not None:
            raise ValueError(
                f"y has dtype {y.dtype}, which means regression, yet classes were named. "
                "Give labels as integers: y.astype(int)."
            )
        elif y.ndim > 2:
            raise ValueError(f"y must be (n,) or (n, k), got shape {y.shape}.")
        self._set(x, y, num_classes, None if class_names is None else tuple(class_names))

    def _set(self, x: Any, y: Any, num_classes: Any, class_names: Any) -> None:
        self._x, self._y, self._num_classes, self._class_names = x, y, num_classes, class_names

    @property
    def x(self) -> Array:
        """Inputs (n, ...)."""
        return self._x

    @property
    def y(self) -> Array:
        """Labels (n,), targets (n,) or (n, k), or label maps (n, height, width[, depth])."""
        return self._y

    @property
    def dense(self) -> bool:
        """Whether y holds label maps: a class for every pixel or voxel."""
        return self._num_classes is not None and getattr(self._y, "ndim", 1) > 1

    @property
    def num_classes(self) -> int | None:
        """The number of classes, or None for regression."""
        return self._num_classes

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The name of each class, or None."""
        return self._class_names

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, index: Any) -> "Dataset":
        """Rows by slice, index array or mask; one integer gives a data set of one row."""
        if not isinstance(index, slice | Tracer):
            index = _row_numbers(index, len(self))
        if not isinstance(index, slice) and index.ndim == 0:
            index = index.reshape(1)  # one row, traced or not, is still a data set
        return self._with(self._x[index], self._y[index])

    def _with(self, x: Any, y: Any) -> "Dataset":
        other = object.__new__(Dataset)
        other._set(x, y, self._num_classes, self._class_names)
        return other

    def split(self, fraction: float, *, key: Key) -> tuple["Dataset", "Dataset"]:
        """Split at random into a part of `fraction` and the rest; labels (not maps) are split class by class.

        Args:
            fraction: Share of the rows in the first part, in (0, 1).
            key: PRNG key.

        Returns:
            The part with about `fraction` of every class (within one point), and the rest.

        Raises:
            ValueError: `fraction` outside (0, 1), or one of the parts would be empty.
        """
        if not 0.0 < fraction < 1.0:
            raise ValueError(f"fraction must lie between 0 and 1, got {fraction}.")
        rng = _numerics.host_generator(key)
        if self._num_classes is None or self.dense:
            rank = rng.permutation(len(self)) + 0.5
            first = rank < fraction * len(self)
        else:
            first = _stratified(np.asarray(self._y), fraction, rng)
        if not 0 < first.sum() < len(self):
            raise ValueError(
                f"fraction {fraction} of {len(self)} rows leaves one part empty; "
                "take another fraction."
            )
        order = rng.permutation(len(self))
        first = first[order]
        return self[order[first]], self[order[~first]]

    def __repr__(self) -> str:
        kind = "regression" if self._num_classes is None else f"{self._num_classes} classes"
        kind += ", label maps" if self.dense else ""
        x = getattr(self._x, "shape", self._x), getattr(self._x, "dtype", "")
        return f"Dataset(x: {x[1]}{list(x[0]) if isinstance(x[0], tuple) else x[0]}, {kind})"

    def tree_flatten_with_keys(self):
        """Leaves x and y for JAX; the classes are static."""
        key = jax.tree_util.GetAttrKey
        children = ((key("x"), self._x), (key("y"), self._y))
        return children, (self._num_classes, self._class_names)

    @classmethod
    def tree_unflatten(cls, aux: Any, children: Any) -> "Dataset":
        """Rebuild without checks: leaves may be tracers."""
        new = object.__new__(cls)
        new._set(*children, *aux)
        return new


def _check_labels_shape(x: Array, y: Array) -> None:
    """One label a point, or one a pixel: (n, h, w) of images, (n, h, w, d) of volumes with channels."""
    pixels = x.shape[:-1] if x.ndim >= 4 else x.shape
    if y.ndim == 1 or (x.ndim in (3, 4, 5) and y.shape == pixels):
        return
    shape = ", ".join(map(str, ("n", *pixels[1:])))
    maps = f", or ({shape}) as label maps" if x.ndim in (3, 4, 5) else ""
    raise ValueError(
        f"integer y are class labels and must be (n,){maps}, got shape {y.shape}. For regression "
        "targets give floats: y.astype(float)."
    )


def _count_classes(y: Array, num_classes: int | None, class_names: tuple[str, ...] | None) -> int:
    if class_names is not None:
        if num_classes is not None and num_classes != len(class_names):
            raise ValueError(
                f"num_classes is {num_classes} but class_names has {len(class_names)}."
            )
        num_classes = len(class_names)
    labels = np.asarray(y)
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, -1)
    if low < 0:
        raise ValueError(f"y holds the label {low}; labels count from 0. Drop or renumber it.")
    if num_classes is None:
        num_classes = high + 1
    if high >= num_classes:
        raise ValueError(f"y holds the label {high} but num_classes is {num_classes}.")
    return num_classes


def _row_numbers(index: Any, n: int) -> np.ndarray:
    """Row numbers or a mask as an array, checked here because JAX clamps what is out of range."""
    rows = np.asarray(index, dtype=np.int64 if np.size(index) == 0 else None)
    mask = rows.dtype == bool
    if isinstance(index, tuple) or rows.ndim > 1 or rows.dtype.kind not in "iub":
        raise IndexError(
            f"rows are chosen by number, slice, list of numbers or mask, got {index!r}"
        )
    if mask and rows.shape != (n,):
        raise IndexError(f"a mask of shape {rows.shape} for a data set of {n}")
    if not mask and rows.size and not (-n <= rows.min() and rows.max() < n):
        raise IndexError(f"rows {rows.min()} to {rows.max()} of a data set of {n}")
    return rows


def _stratified(labels: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Mark about `fraction` of every class; rounding is carried over so that the total is right."""
    first = np.zeros(len(labels), bool)
    carry = 0.0
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        wanted = fraction * len(rows) + carry
        take = int(np.clip(np.floor(wanted + 0.5), 0, len(rows)))
        carry = wanted - take
        first[rows[:take]] = True
    return first
