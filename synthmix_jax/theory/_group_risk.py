"""Test error on each of several groups that are fitted together and differ in everything: their inputs' law too.

Group k has N_k points of weight w_k, features (of the space the kernel spans) with the second moment Sig_k,
targets theta_k . features plus noise s_k. With Lam = diag(mu_j) and the absolute ridge d, tau_k solves

    tau_k = tr(Sig_k Q),    Q = (sum_k a_k Sig_k + d Lam^-1)^-1,    a_k = N_k w_k / (1 + w_k tau_k)

and the average fit, its error on group k, and what the draw of points and noise adds, are

    theta_bar = Q sum_k a_k Sig_k theta_k,      e_k = (theta_k - theta_bar)^T Sig_k (theta_k - theta_bar),
    v = (I - M)^-1 M (e + s),    M_kl = rho_l tr(Sig_k Q Sig_l Q),    rho_l = N_l w_l^2 / (1 + w_l tau_l)^2;

the error on group k is e_k + v_k, and its expected squared leave-one-out residual e_k + s_k + v_k [derived here].

tau is solved for by Newton's method. The map tau -> tr(Sig_k Q) is increasing and concave (parallel sums of
matrices are) and M is its Jacobian; tr(Sig_k Lam) / d, where Q is replaced by its bound Lam / d, lies above the
solution. From there the steps decrease to it, always: where T(tau) <= tau, concavity keeps the spectral radius of M
below one, and a step leads to such a point again. The derivative is that of the implicit function theorem.

All inverses are taken on the joint range of the covariances: outside it 1 / d would swamp the traces.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from synthmix_jax import _numerics
from synthmix_jax._typing import Array, Numbers

from . import _arrays


def _product(a: Array, b: Array) -> Array:
    """Over the last axis of a and the first of b.

    Not by `jnp.matmul`, which asks for float64 by name: in a backward pass outside `_numerics.x64()` that is
    refused.
    """
    numbers = (((a.ndim - 1,), (0,)), ((), ()))
    return jax.lax.dot_general(a, b, numbers, precision=_numerics.HIGHEST)


def _each(matrices: Array, vectors: Array) -> Array:
    """Each group's matrix with its vector: (k, i, j), (k, j) -> (k, i)."""
    numbers = (((2,), (1,)), ((0,), (0,)))
    return jax.lax.dot_general(matrices, vectors, numbers, precision=_numerics.HIGHEST)


# Newton's steps double the digits at the end and at least halve a far start. Rounding can keep them from standing
# still: the limit ends that.
_LIMIT = 100
# Grids are padded to this many cells, or 16 times, 256 times as many.
_ROWS = 64
_TOLERANCE = 1e-14
# Directions with less than this part of the largest joint variance, times their number, are rounding.
_ROUNDING = 2.3e-16


def group_risk(
    covariances: Array,
    coefficients: Array,
    *,
    eigenvalues: Numbers,
    sizes: Numbers,
    weights: Numbers,
    noise_variances: Numbers,
    ridge: Numbers,
) -> Float[Array, "... k"]:
    """Expected test error on each of k groups after one weighted fit to all: covariate shift, domain adaptation.

    Against simulation the mean error is 1 to 2 % (48 configurations, at most 5 %), and up to 7 % close to
    interpolation. A group of size zero is one to
    be tested on only. The expected squared leave-one-out residual of group k is this error plus its noise.

    Args:
        covariances: E[features features^T] of each group (k, j, j), in features whose penalty is
            sum theta_j^2 / mu_j: the eigenfunctions of the kernel under some law, or the features of a linear
            model.
        coefficients: theta_k of each group's regression function in these features (k, j).
        eigenvalues: mu_j >= 0 (j,); one each for a linear model.
        sizes: Points of each group, not necessarily whole (..., k).
        weights: Of one point of each group (..., k); positive.
        noise_variances: Of each group's targets (k,) or (..., k).
        ridge: Absolute ridge d, positive (...).

    Returns:
        Errors without the noise of the test points (..., k). Leading axes of sizes, weights, noise_variances and
        ridge broadcast.

    Raises:
        ValueError: shapes that do not fit, covariances that are not symmetric positive semi-definite, no points,
            or numbers out of range.

    References:
        Derived here. With one group, or equal covariances, it is `random_design_risk`, `mixed_risk`.
    """
    eigenvalues = _arrays.eigenvalues_of(eigenvalues)
    covariances = _covariances_of(covariances, eigenvalues.shape[0])
    groups = covariances.shape[0]
    coefficients = _arrays.numbers("coefficients", coefficients, remedy="signed")
    if coefficients.shape != covariances.shape[:2]:
        raise ValueError(
            f"coefficients have shape {coefficients.shape}, wanted {covariances.shape[:2]}: one row a group."
        )
    sizes = _arrays.numbers("sizes", sizes, remedy="Give numbers of points.")
    weights = _arrays.numbers(
        "weights", weights, positive=True, remedy="To leave a group out give it a size of zero."
    )
    noises = _arrays.numbers("noise_variances", noise_variances, remedy="They are variances.")
    diagonal = _arrays.numbers(
        "ridge", ridge, positive=True, remedy="Give a small one for interpolation, such as 1e-9."
    )
    _check_groups(groups, sizes=sizes, weights=weights, noise_variances=noises)
    if not _arrays.traced(sizes) and np.any(np.sum(sizes, axis=-1) == 0):
        raise ValueError("sizes sum to zero: there is nothing to fit. Give at least one point.")
    given = (covariances, coefficients, eigenvalues, sizes, weights, noises, diagonal)
    with _numerics.x64():
        *problem, sizes, weights, noises, diagonal = _arrays.wide(given)
        cells = {"sizes": sizes, "weights": weights, "noise_variances": noises}
        flat, shape = _arrays.grid(**cells, ridge=diagonal[..., None])
        basis = jnp.asarray(joint_range(covariances, eigenvalues))
        cells = [v.reshape(-1, groups) for v in flat]
        solve = all_cells if _arrays.traced(cells, problem) else _padded
        risk = solve(basis, *problem, *cells).reshape(shape)
    result = _arrays.handed_out(risk, given)
    if not _arrays.traced(result) and not np.isfinite(result).all():
        raise ValueError(
            f"ridge = {float(np.min(np.asarray(given[-1]))):g} is too small for these covariances: the equations "
            "cannot be solved in float64. Give a larger one."
        )
    return result


def joint_range(covariances: Array, eigenvalues: Array) -> np.ndarray:
    """An orthonormal basis (j, r) of what the groups' features reach at all; the whole space for tracers."""
    if _arrays.traced(covariances, eigenvalues):
        return np.eye(eigenvalues.shape[0])
    root = np.sqrt(np.asarray(eigenvalues))
    values, vectors = np.linalg.eigh(root[:, None] * np.sum(covariances, axis=0) * root)
    return vectors[:, values > _ROUNDING * len(values) * max(values[-1], 0.0)]


def _covariances_of(value: Array, count: int) -> Array:
    array = _arrays.numbers("covariances", value, remedy="signed")
    if array.ndim != 3 or array.shape[1:] != (count, count):
        raise ValueError(
            f"covariances have shape {array.shape} for {count} eigenvalues, wanted (k, {count}, {count}): one "
            "matrix a group."
        )
    if _arrays.traced(array):
        return array
    size = float(np.max(np.abs(array)))
    if not np.allclose(array, np.swapaxes(array, 1, 2), rtol=0.0, atol=1e-8 * size):
        raise ValueError(
            "covariances are not symmetric. Give E[features features^T] of each group."
        )
    least = float(np.min(np.linalg.eigvalsh(array)))
    if least < -1e-8 * size:
        raise ValueError(
            f"covariances have an eigenvalue of {least:.3g}, and none may be negative: give E[features features^T]."
        )
    return array


def _check_groups(groups: int, **values: Array) -> None:
    for name, value in values.items():
        if value.ndim == 0 or value.shape[-1] != groups:
            raise ValueError(
                f"{name} has shape {value.shape} for {groups} covariances. Its last axis is that of the groups."
            )


@jax.jit
def all_cells(
    basis, covariances, coefficients, eigenvalues, sizes, weights, noises, ridge
) -> Array:
    """Errors (c, k) of cells whose sizes, weights, noises and ridge are (c, k); open to derivatives."""
    one = _one_cell(basis, covariances, coefficients, eigenvalues)
    return jax.lax.map(one, (sizes, weights, noises, ridge))


def _padded(basis, covariances, coefficients, eigenvalues, *cells) -> Array:
    """`all_cells` without derivatives: grids of many lengths share one compiled program, and pay for their own."""
    count = cells[0].shape[0]
    length = next(size for size in (_ROWS * 16**i for i in range(20)) if size >= count)
    rows = [jnp.pad(v, ((0, length - count), (0, 0)), mode="edge") for v in cells]
    return _first_cells(basis, covariances, coefficients, eigenvalues, rows, count)[:count]


@jax.jit
def _first_cells(basis, covariances, coefficients, eigenvalues, rows, count) -> Array:
    one = _one_cell(basis, covariances, coefficients, eigenvalues)
    return jax.lax.fori_loop(
        0, count, lambda i, out: out.at[i].set(one([v[i] for v in rows])), jnp.zeros_like(rows[0])
    )


def _one_cell(basis, covariances, coefficients, eigenvalues):
    # In the features sqrt(mu_j) phi_j the penalty is the identity, and eigenvalues of zero need no inverse.
    root = jnp.sqrt(eigenvalues)
    scaled = covariances * root[:, None] * root
    inner = jax.vmap(lambda matrix: _product(basis.T, _product(matrix, basis)))(scaled)
    pull = _product(root * _each(covariances, coefficients), basis)

    def of(cell):
        sizes, weights, noises, ridge = cell
        tau = _taus(inner, sizes, weights, ridge[0])
        a = sizes * weights / (1.0 + weights * tau)
        inverse = _resolvent(inner, a, ridge[0])
        fit = root * _product(basis, _product(inverse, _product(a, pull)))
        miss = coefficients - fit
        bias = jnp.sum(miss * _each(covariances, miss), axis=1)
        spread = _jacobian(_product(inner, inverse), sizes, weights, tau)
        matrix = jnp.eye(len(bias)) - spread
        return bias + jnp.linalg.solve(matrix, _product(spread, bias + noises))

    return of


def _resolvent(scaled: Array, a: Array, ridge: Array) -> Array:
    """(sum a_k S_k + d I)^-1 with S_k = Lam^(1/2) Sig_k Lam^(1/2)."""
    identity = jnp.eye(scaled.shape[-1])
    matrix = _product(a, scaled) + ridge * identity
    return jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(matrix, lower=True), identity)


def _jacobian(products: Array, sizes: Array, weights: Array, tau: Array) -> Array:
    """M: the derivative of tr(S_k B^-1) for tau_l; `products` are S_k B^-1."""
    rho = sizes * (weights / (1.0 + weights * tau)) ** 2
    groups = products.shape[0]
    flipped = jnp.swapaxes(products, 1, 2).reshape(groups, -1)
    return _product(products.reshape(groups, -1), flipped.T) * rho


def _taus(scaled: Array, sizes: Array, weights: Array, ridge: Array) -> Array:
    def gap(tau):
        a = sizes * weights / (1.0 + weights * tau)
        return tau - jnp.sum(scaled * _resolvent(scaled, a, ridge), axis=(1, 2))

    def search(_, start):
        def improve(state):
            tau, _, count = state
            a = sizes * weights / (1.0 + weights * tau)
            products = _product(scaled, _resolvent(scaled, a, ridge))
            missing = tau - jnp.trace(products, axis1=1, axis2=2)
            matrix = jnp.eye(len(tau)) - _jacobian(products, sizes, weights, tau)
            # Rounding aside each step is down and stays above the solution, which is positive.
            new = jnp.maximum(tau - jnp.linalg.solve(matrix, missing), 0.0)
            return new, jnp.max(jnp.abs(new - tau) / jnp.maximum(tau, 1e-300)), count + 1

        def unfinished(state):
            return (state[1] > _TOLERANCE) & (state[2] < _LIMIT)

        return jax.lax.while_loop(unfinished, improve, (start, jnp.inf, 0))[0]

    start = jax.lax.stop_gradient(jnp.trace(scaled, axis1=1, axis2=2) / ridge)
    return jax.lax.custom_root(gap, start, search, _linear_solve)


def _linear_solve(linear, right):
    return jnp.linalg.solve(jax.jacfwd(linear)(right), right)
