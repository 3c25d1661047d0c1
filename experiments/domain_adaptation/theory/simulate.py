"""Ridge regression on points drawn anew: what the formulas are held against."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .problems import Groups

_AT_ONCE = 50


def simulate(
    groups: Groups, *, sizes, weights: np.ndarray, ridges: np.ndarray, target: int, draws: int, key
):
    """Fits to the same draws at all weights.

    Args:
        groups: The laws.
        sizes: Points of each group (k,).
        weights: Of one point of each group (w, k); zero leaves a group out.
        ridges: Absolute ridges (w,).
        target: Place of the group that is tested on.
        draws: How many.
        key: Of the draws.

    Returns:
        Errors on the target group (draws, w), exact given the fit, and mean squared leave-one-out residuals of its
        points (draws, w); None without any.
    """
    with jax.enable_x64(True):
        law = (
            groups.means,
            np.linalg.cholesky(groups.spreads),
            groups.coefficients,
            np.sqrt(groups.noises),
        )
        law = jax.tree.map(jnp.asarray, law)
        moment = jnp.asarray(groups.moments[target])
        root = jnp.sqrt(jnp.asarray(groups.eigenvalues))
        given = law, moment, root, jnp.asarray(weights), jnp.asarray(ridges)
        keys = jax.random.split(key, draws)
        errors, residuals = _fits(given, keys, sizes=tuple(sizes), target=target)
        return np.asarray(errors), np.asarray(residuals) if sizes[target] else None


@partial(jax.jit, static_argnames=("sizes", "target"))
def _fits(given, keys, *, sizes, target):
    one = partial(_fit, *given, sizes=sizes, target=target)
    return jax.lax.map(one, keys, batch_size=_AT_ONCE)


def _fit(law, moment, root, weights, ridges, key, *, sizes, target):
    points = [_points(law, k, size, jax.random.fold_in(key, k)) for k, size in enumerate(sizes)]
    # In features times roots of their eigenvalues the penalty is the identity.
    points = [(x * root, y) for x, y in points]
    grams = jnp.stack([x.T @ x for x, _ in points])
    pulls = jnp.stack([x.T @ y for x, y in points])
    x, y = points[target]
    identity = jnp.eye(len(root))

    def at(weight, ridge):
        matrix = jnp.tensordot(weight, grams, 1) + ridge * identity
        factor = jax.scipy.linalg.cho_factor(matrix)
        right = jnp.concatenate([(weight @ pulls)[:, None], x.T], axis=1)
        solved = jax.scipy.linalg.cho_solve(factor, right)
        fit = solved[:, 0]
        hat = weight[target] * jnp.sum(x.T * solved[:, 1:], axis=0)
        miss = law[2][target] - root * fit
        return miss @ moment @ miss, jnp.mean(((y - x @ fit) / (1.0 - hat)) ** 2)

    return jax.vmap(at)(weights, ridges)


def _points(law, k: int, size: int, key):
    means, factors, coefficients, deviations = law
    inputs, noise = jax.random.split(key)
    z = jax.random.normal(inputs, (size, means.shape[1]))
    x = means[k] + z @ factors[k].T
    return x, x @ coefficients[k] + deviations[k] * jax.random.normal(noise, (size,))
