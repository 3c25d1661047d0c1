"""From data sets to the arrays of one regression problem, checked once at the door.

Rows are ordered [real; synthetic], so that a synthetic count is a prefix of the rows.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _checks, _matching, _numerics, kernels
from synthmix_jax._typing import Array, KernelFunction
from synthmix_jax.dataset import Dataset


class Problem(NamedTuple):
    """Arrays of one regression problem, float64, N = n + m rows.

    Attributes:
        gram: Kernel matrix of all rows (N, N).
        targets: Targets of all rows (N, k).
        labels: Class labels of the rows that are left out in turn (n,), the real ones; None for regression.
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


def predict_in_blocks(
    scores_of: Callable[[np.ndarray], Any],
    x: Array,
    *,
    example: np.ndarray,
    outputs: int,
    flat: bool,
    pixels: bool,
    block_size: int,
) -> np.ndarray:
    """What a fit predicts, some inputs at a time.

    Args:
        scores_of: Scores (b, k) of inputs (b, ...) in float64; called within `_numerics.x64()`.
        x: Inputs (t, ...).
        example: Inputs fitted on, in float64, whose shape x must have.
        outputs: Targets k.
        flat: Whether the targets were (n,): predictions are (t,) then.
        pixels: Whether the inputs came as uint8.
        block_size: Inputs handled at a time.

    Raises:
        ValueError: as `check_query`, or a block size below one.
    """
    if block_size < 1:
        raise ValueError(f"block_size must be at least 1, got {block_size}.")
    x = check_query(x, example, pixels=pixels)
    blocks = [np.zeros((0, outputs))]
    with _numerics.x64():
        for start in range(0, len(x), block_size):
            block = np.asarray(_numerics.as_float(np.asarray(x[start : start + block_size])))
            blocks.append(np.asarray(scores_of(block)))
    scores = np.concatenate(blocks)
    return scores[:, 0] if flat else scores


def stack_inputs(*parts: Dataset) -> np.ndarray:
    """Inputs of all rows (N, ...) in float64."""
    return np.concatenate([np.asarray(_numerics.as_float(np.asarray(d.x))) for d in parts])


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
    parts = [real] if synthetic is None else [real, synthetic]
    return stacked(parts, kernel, test, classes=classes, labelled=1)


def stacked(
    parts: Sequence[Dataset],
    kernel: KernelFunction,
    test: Dataset | None = None,
    *,
    classes: int | None,
    labelled: int,
) -> Problem:
    """The rows of several data sets, one after the other; the first `labelled` ones' labels are kept to score."""
    x = stack_inputs(*parts)
    targets = np.concatenate([_matching.encode_targets(d.y, classes) for d in parts])
    labels = None
    if classes is not None and labelled:
        labels = jnp.asarray(np.concatenate([np.asarray(d.y) for d in parts[:labelled]]), jnp.int32)
    problem = Problem(evaluate(kernel, x), jnp.asarray(targets), labels)
    if test is None:
        return problem
    return problem._replace(
        cross=evaluate(kernel, x, np.asarray(_numerics.as_float(np.asarray(test.x)))),
        test_targets=jnp.asarray(_matching.encode_targets(test.y, classes)),
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
    refuse_non_finite(kernel, bool(jnp.isfinite(jnp.sum(matrix))))
    return matrix


def refuse_non_finite(kernel: KernelFunction, finite: bool) -> None:
    """Raise ValueError unless a kernel's values are finite."""
    if not finite:
        raise ValueError(
            f"kernel {kernels.describe(kernel)} gave non-finite values. Check its parameters against "
            "the scale of the inputs."
        )


# One fused pass: evaluated step by step, a kernel would hold several matrices of this size.
_compiled_gram = jax.jit(kernels.gram)
