"""From data sets to the arrays of one regression problem, checked once at the door.

Rows are ordered [real; synthetic], so that a synthetic count is a prefix of the rows.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _checks, _numerics, kernels
from synthmix_jax._typing import Array, KernelFunction
from synthmix_jax.dataset import Dataset


class Problem(NamedTuple):
    """Arrays of one regression problem, float64, N = n + m rows.

    Attributes:
        gram: Kernel matrix of all rows (N, N).
        targets: Targets of all rows (N, k).
        labels: Class labels of the real rows (n,), or None for regression.
        cross: Kernel matrix of all rows against the test rows (N, t), or None.
        test_targets: (t, k), or None.
        test_labels: (t,), or None.
    """

    gram: Float[Array, "N N"]
    targets: Float[Array, "N k"]
    labels: Int[Array, " n"] | None = None
    cross: Float[Array, "N t"] | None = None
    test_targets: Float[Array, "t k"] | None = None
    test_labels: Int[Array, " t"] | None = None


def check_data(
    real: Dataset, synthetic: Dataset | None, test: Dataset | None = None, *, least: int = 2
) -> None:
    """Raise ValueError unless the data sets can be regressed together.

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
        if name != "real":
            _check_match(real, data, name)
    if len(real) < least:
        raise ValueError(
            "real holds one point, and leave-one-out needs at least two: the score of a point comes "
            "from a fit without it."
        )


_EMPTY = {
    "real": "At least two real points are needed: everything is scored on them.",
    "synthetic": "Give at least one synthetic point, or None to use the real points alone.",
    "test": "Leave test out to go without test errors.",
}


def _check_match(real: Dataset, other: Dataset, name: str) -> None:
    if real.x.shape[1:] != other.x.shape[1:]:
        raise ValueError(
            f"features differ: real.x has shape {real.x.shape} and {name}.x {other.x.shape}. "
            "All dimensions after the first must agree (same columns, same image size)."
        )
    _check_scale(real.x, other.x, name)
    kinds = ["labels" if data.num_classes is not None else "targets" for data in (real, other)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"real.y holds {kinds[0]} ({real.y.dtype}) and {name}.y holds {kinds[1]} "
            f"({other.y.dtype}). Integers are class labels, floats are regression targets: "
            "convert one of them."
        )
    if kinds[0] == "targets" and real.y.shape[1:] != other.y.shape[1:]:
        raise ValueError(
            f"target shapes differ: real.y {real.y.shape}, {name}.y {other.y.shape}. "
            "Both need the same number of outputs."
        )
    if None not in (real.class_names, other.class_names) and real.class_names != other.class_names:
        raise ValueError(
            f"class names differ: real has {_short(real.class_names)}, {name} has "
            f"{_short(other.class_names)}. Use the same classes in the same order."
        )


def _check_scale(a: Array, b: Array, name: str) -> None:
    """uint8 images count as x / 255; floats that still run to 255 beside them would be nonsense."""
    for image, other in ((a, b), (b, a)):
        if image.dtype == np.uint8 and other.dtype != np.uint8:
            largest = float(np.max(np.abs(np.asarray(other, np.float64))))
            if largest > 2.0:
                raise ValueError(
                    f"one of real.x and {name}.x is uint8 (read as x / 255, so 0..1) and the other is "
                    f"{other.dtype} with values up to {largest:g}. Divide that one by 255."
                )


def _short(names: object) -> str:
    text = repr(list(names))  # type: ignore[call-overload]
    return text if len(text) < 120 else text[:117] + "..."


def check_query(x: Array, fitted: np.ndarray, *, pixels: bool = False) -> Array:
    """Inputs to predict at, as an array of finite numbers with the features of those fitted on.

    Args:
        x: The inputs.
        fitted: Those fitted on, in float64.
        pixels: Whether they came as uint8 and were read as x / 255.

    Raises:
        ValueError: features that do not match, non-finite values, or pixels left on the scale 0..255.
    """
    x = _checks.numeric_array("x", x)
    _checks.finite("x", x)
    if pixels and x.dtype != np.uint8 and np.max(np.abs(np.asarray(x, np.float64)), initial=0) > 2:
        raise ValueError(
            f"x is {x.dtype} with values up to {float(np.max(x)):g}, and the fit read uint8 images as x / 255. "
            "Give uint8, or divide by 255."
        )
    if x.ndim == 0 or x.shape[1:] != fitted.shape[1:]:
        raise ValueError(
            f"x has shape {x.shape}; the fit expects (t, {', '.join(map(str, fitted.shape[1:]))})."
        )
    return x


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


def stack_inputs(real: Dataset, synthetic: Dataset | None) -> np.ndarray:
    """Inputs of all rows (N, ...) in float64."""
    parts = [d.x for d in (real, synthetic) if d is not None]
    return np.concatenate([np.asarray(_numerics.as_float(np.asarray(x))) for x in parts])


def build(
    real: Dataset,
    synthetic: Dataset | None,
    kernel: KernelFunction,
    test: Dataset | None = None,
    *,
    classes: int | None,
) -> Problem:
    """Evaluate the kernel and encode the targets; call within `_numerics.x64()`.

    Raises:
        ValueError: the kernel returns the wrong shape, or non-finite values.
    """
    x = stack_inputs(real, synthetic)
    targets = np.concatenate(
        [encode_targets(d.y, classes) for d in (real, synthetic) if d is not None]
    )
    gram = evaluate(kernel, x)
    labels = None if classes is None else jnp.asarray(np.asarray(real.y), jnp.int32)
    problem = Problem(gram, jnp.asarray(targets), labels)
    if test is None:
        return problem
    return problem._replace(
        cross=evaluate(kernel, x, np.asarray(_numerics.as_float(np.asarray(test.x)))),
        test_targets=jnp.asarray(encode_targets(test.y, classes)),
        test_labels=None if classes is None else jnp.asarray(np.asarray(test.y), jnp.int32),
    )


def evaluate(kernel: KernelFunction, x1: np.ndarray, x2: np.ndarray | None = None) -> jax.Array:
    """Kernel matrix in float64, with its values checked."""
    matrix: jax.Array
    if isinstance(kernel, kernels.Kernel):
        for x in (x1, x2):
            if x is not None:
                kernel.check(_numerics.as_rows(x))  # compiled code cannot look at values
        matrix = _compiled_gram(kernel, x1, x2)
    else:
        matrix = jnp.asarray(kernels.gram(kernel, x1, x2), jnp.float64)
    if not bool(jnp.isfinite(jnp.sum(matrix))):
        raise ValueError(
            f"kernel {kernels.describe(kernel)} gave non-finite values. Check its parameters against "
            "the scale of the inputs."
        )
    return matrix


# One fused pass: evaluated step by step, a kernel would hold several matrices of this size.
_compiled_gram = jax.jit(kernels.gram)
