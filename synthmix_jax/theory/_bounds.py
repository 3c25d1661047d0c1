"""Bounds on the risk as functions of the synthetic share, and the shares that minimise them.

    paper       lam^(2 - 1/(4r)) D + (D + s2)/(N lam^2)                 up to a constant   [shidani2026]
    stability   2 share xi W + S ((1 - share)^2/n + share^2/m)                            derived here
    tuned       2 share xi W + C sqrt((1 - share)^2/n + share^2/m)                        derived here

All are **conditional**: no data identify the constants xi, S, C, nor the constant that the first one lacks, so that
a minimiser is advice only for constants that the caller stands for. Orderings hold for all constants: a larger
distance W, or more real points, never raise the best share. Each derivation is on the page "Theory".

The first is given as it is summarised elsewhere [shidani2026]; its constants are unknown. The form "distance
times share plus stability" is that paper's too, in the same sense; the constants of the other two are derived here
from the stability of weighted, regularised, convex risk minimisation (classical: [bousquet2002]).
"""

import jax.numpy as jnp

from synthmix_jax._typing import Array, Numbers

from . import _arguments

_R = (
    "Eigenvalues of the kernel fall as j^(-2r): r exceeds 1/2 for every bounded kernel, and up to 1/8 the bound "
    "has no minimum."
)


def paper_bound(
    lam: Numbers, *, discrepancy: Numbers, noise_variance: Numbers, n: Numbers, r: Numbers
) -> Array:
    """Bound of regression toward a generator, up to a constant: lam^(2 - 1/(4r)) D + (D + s2)/(n lam^2).

    As summarised from the paper's Theorem 2.2 [shidani2026]; the constant in front is unknown (conditional).
    Convex in log(lam), so it has one minimum.

    Args:
        lam: Weight of the generator against the data, lt/(1 - lt) for the paper's mixing weight lt; positive.
        discrepancy: D = sum_j (theta_j - omega_j)^2/mu_j^2, for the coefficients theta of the truth and omega of
            the generator, and eigenvalues mu of the kernel; zero or more.
        noise_variance: Variance s2 of the noise of the targets, in their unit squared.
        n: Points of the fit.
        r: Half the exponent at which the eigenvalues fall, mu_j ~ j^(-2r); above 1/8.

    Returns:
        The bound, in the unit of the targets squared, times the unknown constant; broadcasts.

    Raises:
        ValueError: an argument out of its range.
    """
    lam = _arguments.positive("lam", lam, "It is lt/(1 - lt), with lt strictly between 0 and 1.")
    rest = _paper_arguments(discrepancy, noise_variance, n, r)
    return _arguments.evaluate(_paper, lam, *rest)


def paper_optimal_lambda(
    *, discrepancy: Numbers, noise_variance: Numbers, n: Numbers, r: Numbers
) -> Array:
    """Minimiser of `paper_bound`, (8r (D + s2)/((8r - 1) n D))^(4r/(16r - 1)).

    Derived here. The unknown constant drops out as long as both terms have the same one (conditional). Infinite for
    D = 0: toward a perfect generator without end.

    Args:
        discrepancy: D of `paper_bound`.
        noise_variance: s2 of `paper_bound`.
        n: Points of the fit.
        r: Half the exponent of the eigenvalues, above 1/8.

    Returns:
        lam; lam/(1 + lam) is the paper's mixing weight.

    Raises:
        ValueError: an argument out of its range.
    """
    given = _paper_arguments(discrepancy, noise_variance, n, r)
    return _arguments.evaluate(_paper_optimum, *given)


def stability_bound(
    share: Numbers,
    *,
    n: Numbers,
    m: Numbers | None,
    wasserstein: Numbers,
    lipschitz: Numbers,
    stability: Numbers,
    penalty: Numbers = 0.0,
) -> Array:
    """Bound on the excess risk, 2 share xi W + S ((1 - share)^2/n + share^2/m) + penalty.

    For a convex loss that is L-Lipschitz in the prediction, penalised by (gamma/2)|f|^2 in a space whose kernel is
    at most kappa^2. The form is the paper's [shidani2026], as summarised; the constants are derived here.
    Conditional on xi and S. Convex in the share.

    Args:
        share: Part of the loss that is synthetic, in [0, 1].
        n: Real points.
        m: Synthetic points; None or infinity for unlimited many.
        wasserstein: W1 between the laws of real and synthetic points (x, y), in their unit; at most W2.
        lipschitz: xi, the Lipschitz constant of (x, y) -> loss(f(x), y): loss per unit of W.
        stability: S = 2 L^2 kappa^2/gamma, in units of the loss.
        penalty: (gamma/2)|f0|^2 of the function f0 that is compared with, in units of the loss.

    Returns:
        The bound, in units of the loss; broadcasts.

    Raises:
        ValueError: an argument out of its range.
    """
    share, n, m = _arguments.share(share), _arguments.real_count(n), _arguments.synthetic_count(m)
    S = _arguments.positive("stability", stability)
    penalty = _arguments.not_negative("penalty", penalty)
    pull = _pull(wasserstein, lipschitz)
    return _arguments.evaluate(_stability, share, n, m, *pull, S, penalty)


def optimal_share(
    *,
    n: Numbers,
    m: Numbers | None = None,
    wasserstein: Numbers,
    lipschitz: Numbers,
    stability: Numbers,
) -> Array:
    """Minimiser of `stability_bound`, m/(n + m) max(0, 1 - n xi W/S).

    Derived here; conditional on xi/S. Positive if and only if n xi W < S. Never above m/(n + m), the share at
    weight one: the best weight is (1 - q)/(1 + q m/n) with q = n xi W/S.

    Args:
        n: Real points.
        m: Synthetic points; None or infinity for unlimited many.
        wasserstein: W of `stability_bound`.
        lipschitz: xi of `stability_bound`.
        stability: S of `stability_bound`.

    Returns:
        The share; broadcasts.

    Raises:
        ValueError: an argument out of its range.
    """
    n, m = _arguments.real_count(n), _arguments.synthetic_count(m)
    S = _arguments.positive("stability", stability)
    return _arguments.evaluate(_stability_optimum, n, m, *_pull(wasserstein, lipschitz), S)


def tuned_bound(
    share: Numbers,
    *,
    n: Numbers,
    m: Numbers | None,
    wasserstein: Numbers,
    lipschitz: Numbers,
    complexity: Numbers,
) -> Array:
    """`stability_bound` at the best penalty for each share, 2 share xi W + C sqrt((1 - share)^2/n + share^2/m).

    Derived here; conditional on xi and C, and on xi being the same at every penalty. Convex in the share.

    Args:
        share: Part of the loss that is synthetic, in [0, 1].
        n: Real points.
        m: Synthetic points; None or infinity for unlimited many.
        wasserstein: W of `stability_bound`.
        lipschitz: xi of `stability_bound`.
        complexity: C = 2 L kappa |f0|, in units of the loss.

    Returns:
        The bound, in units of the loss; broadcasts.

    Raises:
        ValueError: an argument out of its range.
    """
    share, n, m = _arguments.share(share), _arguments.real_count(n), _arguments.synthetic_count(m)
    C = _arguments.positive("complexity", complexity)
    return _arguments.evaluate(_tuned, share, n, m, *_pull(wasserstein, lipschitz), C)


def optimal_tuned_share(
    *,
    n: Numbers,
    m: Numbers | None = None,
    wasserstein: Numbers,
    lipschitz: Numbers,
    complexity: Numbers,
) -> Array:
    """Minimiser of `tuned_bound`; positive if and only if 2 sqrt(n) xi W < C.

    With h = 1/n + 1/m it is max(0, m/(n + m) - 2 xi W/sqrt((n + m) h (C^2 h - 4 xi^2 W^2))), and 0 where the inner
    bracket is not positive. For unlimited m it jumps: all or nothing. Derived here; conditional on xi/C.

    Args:
        n: Real points.
        m: Synthetic points; None or infinity for unlimited many.
        wasserstein: W of `tuned_bound`.
        lipschitz: xi of `tuned_bound`.
        complexity: C of `tuned_bound`.

    Returns:
        The share; broadcasts.

    Raises:
        ValueError: an argument out of its range.
    """
    n, m = _arguments.real_count(n), _arguments.synthetic_count(m)
    C = _arguments.positive("complexity", complexity)
    return _arguments.evaluate(_tuned_optimum, n, m, *_pull(wasserstein, lipschitz), C)


def spread(share: Array, n: Array, m: Array) -> Array:
    """(1 - share)^2/n + share^2/m: the sum of the squared weights of all points."""
    return (1 - share) ** 2 / n + share**2 / m


def _paper(lam, D, s2, n, r):
    return lam ** (2 - 1 / (4 * r)) * D + (D + s2) / (n * lam**2)


def _paper_optimum(D, s2, n, r):
    some = jnp.where(D > 0, D, 1.0)
    best = (8 * r * (some + s2) / ((8 * r - 1) * n * some)) ** (4 * r / (16 * r - 1))
    return jnp.where(D > 0, best, jnp.inf)


def _stability(share, n, m, W, xi, S, penalty):
    return 2 * share * xi * W + S * spread(share, n, m) + penalty


def _stability_optimum(n, m, W, xi, S):
    return jnp.maximum(1 - n * xi * W / S, 0.0) / (1 + n / m)


def _tuned(share, n, m, W, xi, C):
    # Zero at share 1 of unlimited many points only; the root has no derivative there.
    squared = spread(share, n, m)
    root = jnp.sqrt(jnp.where(squared > 0, squared, 1.0))
    return 2 * share * xi * W + C * jnp.where(squared > 0, root, 0.0)


def _tuned_optimum(n, m, W, xi, C):
    q, h = 2 * xi * W / C, 1 / n + 1 / m
    # Decided by the slope at share 0: then h > q^2 as well.
    some = n * q**2 < 1
    room = jnp.where(some, h - q**2, 1.0)
    # The root has no derivative at 1/m = 0, where it stands for nothing.
    root = jnp.sqrt(1 / (n * jnp.where(jnp.isfinite(m), m, 1.0) * room))
    back = q * jnp.where(jnp.isfinite(m), root, 0.0) / h
    return jnp.where(some, jnp.maximum(1 / (1 + n / m) - back, 0.0), 0.0)


def _paper_arguments(discrepancy, noise_variance, n, r):
    return (
        _arguments.not_negative("discrepancy", discrepancy),
        _arguments.not_negative("noise_variance", noise_variance),
        _arguments.real_count(n),
        _arguments.above("r", r, 1 / 8, _R),
    )


def _pull(wasserstein: Numbers, lipschitz: Numbers) -> tuple[Array, Array]:
    """W and xi."""
    W = _arguments.not_negative("wasserstein", wasserstein, _arguments.DISTANCE)
    return W, _arguments.positive("lipschitz", lipschitz)
