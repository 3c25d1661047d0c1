"""Which rows become landmarks of a Nystrom approximation: any, or those that the others do not explain.

Uniform landmarks suit most data. Ridge leverage scores l_i(mu) = (K (K + mu I)^-1)_ii find rows in thinly
populated places: with them D of the order of the effective dimension sum_i l_i suffices. They are estimated from a
uniform pilot P of p rows that stands for all N,

    l_i ~ (k_ii - k_iP (K_PP + mu p / N I)^-1 k_Pi) / mu,

which is exact where P holds all rows (p = N), and landmarks are drawn without replacement in proportion to them.

References:
    Alaoui and Mahoney (2015), Fast randomized kernel ridge regression with statistical guarantees. [alaoui2015]
    Musco and Musco (2017), Recursive sampling for the Nystrom method. [musco2017]
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _numerics, kernels
from synthmix_jax._typing import Array, KernelFunction, Key
from synthmix_jax.dataset import Dataset

from ._rows import Stream

# Candidates for each landmark drawn by leverage.
_CANDIDATES = 8
_BLOCK = 1024


def choose(
    kernel: KernelFunction,
    real: Dataset,
    synthetic: Dataset | Stream | None,
    *,
    count: int,
    number: int,
    how: str,
    ridge: float,
    key: Key,
) -> np.ndarray:
    """Inputs (number, ...) of landmarks among the real and the first `count` synthetic points.

    Of a stream only the first block is looked at.

    Args:
        kernel: The kernel.
        real: n real points.
        synthetic: The pool, or None.
        count: Synthetic points that are used.
        number: Landmarks.
        how: "uniform" or "leverage".
        ridge: mu of the leverage scores.
        key: PRNG key.

    Raises:
        ValueError: more landmarks than rows.
    """
    total = len(real) + count
    if number > total:
        raise ValueError(
            f"num_features asks for {number} landmarks and there are {total} rows ({len(real)} real, {count} "
            f"synthetic). Take at most {total}, or method='exact', which is cheaper here."
        )
    rng = _numerics.host_generator(key)
    wanted = number if how == "uniform" else min(total, _CANDIDATES * number)
    if isinstance(synthetic, Stream):  # of which only the first block can be drawn from
        wanted = max(number, min(wanted, len(real) + min(len(synthetic.head()), count)))
    candidates = _draw(real, synthetic, count, wanted, rng)
    if how == "uniform" or len(candidates) <= number:
        return candidates[:number]
    with _numerics.x64():
        pilot = candidates[:number]
        scores = ridge_leverage(kernel, candidates, pilot, ridge=ridge, rows=total)
    # The largest of log l + Gumbel noise: a draw without replacement in proportion to l.
    noise = rng.gumbel(size=len(scores))
    chosen = np.argsort(-(np.log(np.maximum(scores, 1e-300)) + noise))[:number]
    return candidates[np.sort(chosen)]


def ridge_leverage(
    kernel: KernelFunction,
    x: Shaped[Array, "n ..."],
    pilot: Shaped[Array, "p ..."],
    *,
    ridge: float,
    rows: int,
) -> Float[np.ndarray, " n"]:
    """Ridge leverage scores (n,), estimated from a uniform pilot (p, ...) of `rows` rows; call within x64."""
    share = len(pilot) / rows
    gram = kernels.gram(kernel, pilot)
    jitter = 1e-14 * float(jnp.trace(gram))  # twins, where the ridge is below rounding
    lower = jnp.linalg.cholesky(gram + (ridge * share + jitter) * jnp.eye(len(pilot)))
    if not bool(jnp.isfinite(lower[-1, -1])):
        raise ValueError(
            "leverage scores of the landmarks cannot be computed: their kernel matrix is not positive "
            "definite at this "
            "ridge. Raise the ridges, or take landmarks='uniform'."
        )
    parts = []
    for start in range(0, len(x), _BLOCK):
        block = x[start : start + _BLOCK]
        solved = _solve(lower, kernels.gram(kernel, pilot, block))
        parts.append(np.asarray(_diagonal(kernel, block) - jnp.sum(solved**2, axis=0)) / ridge)
    return np.clip(np.concatenate(parts), 0.0, 1.0)


def _diagonal(kernel: KernelFunction, x: Array) -> Array:
    if isinstance(kernel, kernels.Kernel):
        return kernel.diagonal(x)
    return jnp.diagonal(kernels.gram(kernel, x))


_solve = jax.jit(partial(jax.lax.linalg.triangular_solve, left_side=True, lower=True))


def _draw(
    real: Dataset,
    synthetic: Dataset | Stream | None,
    count: int,
    number: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Inputs of rows drawn without replacement from real and synthetic points, in random order."""
    n = len(real)
    rows = rng.choice(n + count, number, replace=False)
    parts = [_take(real, rows[rows < n])]
    later = rows[rows >= n] - n
    if isinstance(synthetic, Stream):
        head = synthetic.head()
        held = min(len(head), count)
        if len(later) > held:  # the first block is short: the others come from the real points
            lacking = len(later) - held
            rest = np.setdiff1d(np.arange(n), rows[rows < n])
            if lacking > len(rest):
                raise ValueError(
                    f"the stream's first block holds {len(head)} points, too few for {number} landmarks. Give "
                    "larger blocks, fewer num_features, or the landmarks themselves."
                )
            parts.append(_take(real, rng.choice(rest, lacking, replace=False)))
        later = rng.choice(held, min(len(later), held), replace=False)
        parts.append(_take(head, later))
    elif synthetic is not None and len(later):
        parts.append(_take(synthetic, later))
    x = np.concatenate([part for part in parts if len(part)])
    return x[rng.permutation(len(x))]


def _take(data: Dataset, rows: np.ndarray) -> np.ndarray:
    """Inputs of some rows, in float64; in the order of the file, which a memory map reads faster."""
    x = np.asarray(data.x)
    return np.asarray(_numerics.as_float(np.ascontiguousarray(x[np.sort(rows)])))
