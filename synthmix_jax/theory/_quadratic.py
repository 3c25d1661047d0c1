"""Quadratic surrogates of the risk: squared discrepancy B against two variances.

    weighted   share^2 B + (1 - share)^2 Vr/n + share^2 Vs/m
    pooled     x^2 B + (1 - x)^2 Vr/n + x (1 - x) Vs/n            x = m/(n + m), weight one

The second is the first at share x, since x^2/m = x (1 - x)/n. Estimating one mean from two samples, the second of
them off by sqrt(B), has exactly this risk; for other fits it is a model (conditional on B, Vr, Vs).
Classical (bias against variance).
"""

import jax.numpy as jnp

from synthmix_jax._typing import Array, Numbers

from . import _arguments


def quadratic_risk(
    share: Numbers,
    *,
    n: Numbers,
    m: Numbers | None,
    discrepancy: Numbers,
    real_variance: Numbers,
    synthetic_variance: Numbers,
) -> Array:
    """share^2 B + (1 - share)^2 Vr/n + share^2 Vs/m, for a weight that is free; convex in the share.

    Args:
        share: Part of the loss that is synthetic, in [0, 1].
        n: Real points.
        m: Synthetic points; None or infinity for unlimited many.
        discrepancy: B, the excess risk of unlimited synthetic data alone, in units of the risk.
        real_variance: Vr, n times the excess risk of real data alone, in the same unit.
        synthetic_variance: Vs, the same for synthetic data, less B.

    Returns:
        The risk; broadcasts.

    Raises:
        ValueError: an argument out of its range.
    """
    share, n, m = _arguments.share(share), _arguments.real_count(n), _arguments.synthetic_count(m)
    constants = _constants(discrepancy, real_variance, synthetic_variance)
    return _arguments.evaluate(_weighted, share, n, m, *constants)


def optimal_quadratic_share(
    *,
    n: Numbers,
    m: Numbers | None = None,
    discrepancy: Numbers,
    real_variance: Numbers,
    synthetic_variance: Numbers,
) -> Array:
    """Minimiser of `quadratic_risk`, (Vr/n)/(Vr/n + Vs/m + B): the inverse-variance weight; strictly above 0.

    At this share the risk is the harmonic combination 1/(n/Vr + 1/(Vs/m + B)), which never rises with m and never
    exceeds the risk of any count at weight one.

    Args:
        n: Real points.
        m: Synthetic points; None or infinity for unlimited many.
        discrepancy: B of `quadratic_risk`.
        real_variance: Vr of `quadratic_risk`.
        synthetic_variance: Vs of `quadratic_risk`.

    Returns:
        The share; broadcasts.

    Raises:
        ValueError: an argument out of its range.
    """
    n, m = _arguments.real_count(n), _arguments.synthetic_count(m)
    constants = _constants(discrepancy, real_variance, synthetic_variance)
    return _arguments.evaluate(_weighted_optimum, n, m, *constants)


def pooled_risk(
    share: Numbers,
    *,
    n: Numbers,
    discrepancy: Numbers,
    real_variance: Numbers,
    synthetic_variance: Numbers | None = None,
) -> Array:
    """x^2 B + (1 - x)^2 Vr/n + x (1 - x) Vs/n: `quadratic_risk` at weight one, where x = m/(n + m) sets the count.

    Args:
        share: x in [0, 1]; 1 is the limit of unlimited many synthetic points.
        n: Real points.
        discrepancy: B of `quadratic_risk`.
        real_variance: Vr of `quadratic_risk`.
        synthetic_variance: Vs of `quadratic_risk`; None for Vr.

    Returns:
        The risk; broadcasts.

    Raises:
        ValueError: an argument out of its range.
    """
    share, n = _arguments.share(share), _arguments.real_count(n)
    constants = _constants(discrepancy, real_variance, synthetic_variance)
    return _arguments.evaluate(_pooled, share, n, *constants)


def optimal_pooled_share(
    *,
    n: Numbers,
    m: Numbers | None = None,
    discrepancy: Numbers,
    real_variance: Numbers,
    synthetic_variance: Numbers | None = None,
) -> Array:
    """Minimiser of `pooled_risk` over the counts 0 to m.

    Equal variances: V/(2 n B), "use all" where that exceeds m/(n + m). Unequal:
    (2 Vr - Vs)/(2 (n B + Vr - Vs)), clipped to [0, m/(n + m)], as long as n B + Vr > Vs. Otherwise the risk is
    concave in x, that formula gives its *maximum*, and the better end is returned (0 on a tie).

    Args:
        n: Real points.
        m: Synthetic points at hand; None or infinity for unlimited many.
        discrepancy: B of `pooled_risk`.
        real_variance: Vr of `pooled_risk`.
        synthetic_variance: Vs of `pooled_risk`; None for Vr.

    Returns:
        The share x; the count is n x/(1 - x). Broadcasts.

    Raises:
        ValueError: an argument out of its range.
    """
    n, m = _arguments.real_count(n), _arguments.synthetic_count(m)
    constants = _constants(discrepancy, real_variance, synthetic_variance)
    return _arguments.evaluate(_pooled_optimum, n, m, *constants)


def _weighted(share, n, m, B, Vr, Vs):
    return share**2 * (B + Vs / m) + (1 - share) ** 2 * Vr / n


def _weighted_optimum(n, m, B, Vr, Vs):
    return Vr / (Vr + n * (Vs / m + B))


def _pooled(x, n, B, Vr, Vs):
    return x**2 * B + (1 - x) * ((1 - x) * Vr + x * Vs) / n


def _pooled_optimum(n, m, B, Vr, Vs):
    most = 1 / (1 + n / m)
    # n times the risk is Vr - slope x + bend x^2.
    slope, bend = 2 * Vr - Vs, n * B + Vr - Vs
    inside = jnp.clip(slope / (2 * jnp.where(bend > 0, bend, 1.0)), 0.0, most)
    end = jnp.where(bend * most < slope, most, 0.0)
    return jnp.where(bend > 0, inside, end)


def _constants(discrepancy, real_variance, synthetic_variance):
    """B, Vr, Vs as arrays; Vs is Vr where not given."""
    Vr = _arguments.positive("real_variance", real_variance)
    same = synthetic_variance is None
    Vs = Vr if same else _arguments.not_negative("synthetic_variance", synthetic_variance)
    return _arguments.not_negative("discrepancy", discrepancy), Vr, Vs
