"""What the first synthetic point is worth: the slope of the test error at a weight of zero, given the real sample.

A synthetic point (x', y') of small weight w moves the fit by (w / mu) P(., x') (y' - fhat(x')), with the posterior
kernel P(x, x') = k(x, x') - k(x, X) (K + mu I)^-1 k(X, x') [classical: rasmussen2006, one more observation with
noise mu / w]. With e = fhat - f* and b = g - f*, and x' drawn from the law of inputs, the error |e|^2 has the
slope

    dE / d(w m) at 0 = (2 / mu) (<e, P b> - <e, P e>)                                   [derived here],

exact for the sample at hand. The second term is what a perfect generator gains, and is never positive; the first
is what the generator's own error costs. So a small enough weight helps unless that error is aligned with the
fit's.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _checks, _numerics, kernels
from synthmix_jax._typing import Array, KernelFunction

from . import _arrays

_matmul = partial(jnp.matmul, precision=_numerics.HIGHEST)


class FirstPoint(NamedTuple):
    """Slopes of the test error for the total weight w m of synthetic points, at zero.

    Attributes:
        slope: gain + cost; negative where a little synthetic data helps.
        gain: -(2 / mu) <e, P e>, the slope for a perfect generator; never positive but for the scatter of few test
            points.
        cost: (2 / mu) <e, P b>, what the generator's error adds; negative where it offsets the fit's.
    """

    slope: Float[Array, ""]
    gain: Float[Array, ""]
    cost: Float[Array, ""]


def value_of_first_point(
    kernel: KernelFunction,
    x: Shaped[Array, "n ..."],
    test: Shaped[Array, "t ..."],
    *,
    fit_error: Float[Array, "..."],
    generator_error: Float[Array, "..."],
    ridge: float | Array,
) -> FirstPoint:
    """How the test error changes with the first bit of synthetic data, from a sample of test points.

    The expectations over new inputs and over synthetic inputs are averages over all pairs of two different test
    points: a point is no sample of what a synthetic point elsewhere does.

    Args:
        kernel: A kernel or a callable.
        x: Real inputs (n, ...) the fit was made from.
        test: Inputs (t, ...) from the law of inputs, t >= 2, in which both errors are known.
        fit_error: e = fhat - f* there (t,), or (t, k) for k outputs, whose squared errors are summed. A fit made
            from x with the same kernel and ridge.
        generator_error: b = g - f* there, of the same shape.
        ridge: Absolute ridge mu of the fit, positive.

    Returns:
        A `FirstPoint`.

    Raises:
        ValueError: shapes that do not fit, non-finite values, or a ridge that is not positive.

    References:
        Derived here. For the posterior kernel: Rasmussen and Williams (2006). [rasmussen2006]
    """
    ridge = _arrays.numbers(
        "ridge", ridge, positive=True, remedy="The fit's own ridge, added to the kernel's diagonal."
    )
    if np.ndim(ridge):
        raise ValueError(f"ridge must be one number, got shape {np.shape(ridge)}. Use jax.vmap.")
    x, test = _checks.numeric_array("x", x), _checks.numeric_array("test", test)
    if test.shape[0] < 2:
        raise ValueError(
            f"test holds {test.shape[0]} points. Give a sample: averages are over pairs."
        )
    errors = []
    for name, value in (("fit_error", fit_error), ("generator_error", generator_error)):
        value = _arrays.numbers(name, value, remedy="signed")
        if value.ndim not in (1, 2) or value.shape[0] != test.shape[0]:
            raise ValueError(
                f"{name} has shape {value.shape} for {test.shape[0]} test points: give one value, or one row, "
                "a point."
            )
        errors.append(value)
    if errors[0].shape != errors[1].shape:
        raise ValueError(
            f"fit_error has shape {errors[0].shape} and generator_error {errors[1].shape}; both must have the same."
        )
    for name, value in (("x", x), ("test", test)):
        if not _arrays.traced(value):
            _checks.finite(name, value)
    with _numerics.x64():
        x, test = _numerics.as_float(x), _numerics.as_float(test)
        matrices = [kernels.gram(kernel, *pair) for pair in ((x, x), (x, test), (test, test))]
        columns = [jnp.asarray(v, jnp.float64).reshape(v.shape[0], -1) for v in errors]
        result = _slopes(*_arrays.wide(matrices), *columns, jnp.asarray(ridge, jnp.float64))
    result = _arrays.handed_out(result, x, test, errors, ridge)
    if not _arrays.traced(result) and not np.isfinite(result.slope):
        raise ValueError(
            f"ridge = {float(ridge):g} is too small: the kernel matrix of x has no Cholesky factor. Give "
            "a larger one, or drop repeated points."
        )
    return result


@jax.jit
def _slopes(gram: Array, cross: Array, new: Array, e: Array, b: Array, ridge: Array) -> FirstPoint:
    factor = jnp.linalg.cholesky(gram + ridge * jnp.eye(gram.shape[0]))
    seen = jax.scipy.linalg.solve_triangular(factor, cross, lower=True)
    t = new.shape[0]
    # P e without the diagonal of the posterior kernel.
    own = jnp.diag(new) - jnp.sum(seen**2, axis=0)
    smoothed = _matmul(new, e) - _matmul(seen.T, _matmul(seen, e)) - own[:, None] * e
    scale = 2.0 / (ridge * t * (t - 1))
    gain, cost = -scale * jnp.sum(e * smoothed), scale * jnp.sum(b * smoothed)
    return FirstPoint(gain + cost, gain, cost)
