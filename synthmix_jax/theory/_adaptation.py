"""The stability bound for domain adaptation: real points of a source, synthetic points of the target.

    2 (1 - share) xi W(S, T) + 2 share xi W(T', T) + S ((1 - share)^2/n + share^2/m)

The risk that counts is that on the target T; the n real points come from the source S and the m synthetic ones from
T', which imitates T. Derived here, as `stability_bound`; **conditional** on the constants xi and S, which no data
identify. The ordering is not: a nearer imitation, or a farther source, never lowers the best share.
"""

import jax.numpy as jnp

from synthmix_jax._typing import Array, Numbers

from . import _arguments
from ._bounds import spread


def adaptation_bound(
    share: Numbers,
    *,
    n: Numbers,
    m: Numbers | None,
    source_distance: Numbers,
    synthetic_distance: Numbers,
    lipschitz: Numbers,
    stability: Numbers,
    penalty: Numbers = 0.0,
) -> Array:
    """Bound on the excess risk on the target; equals `stability_bound` for a source that is the target.

    Derived here; conditional on xi and S. Convex in the share.

    Args:
        share: Part of the loss that is synthetic, in [0, 1].
        n: Real points, of the source.
        m: Synthetic points; None or infinity for unlimited many.
        source_distance: W1 between source and target, in the unit of (x, y). W2 bounds it from above.
        synthetic_distance: W1 between synthetic points and target, in the same unit.
        lipschitz: xi, the Lipschitz constant of (x, y) -> loss(f(x), y): loss per unit of distance.
        stability: S = 2 L^2 kappa^2/gamma of `stability_bound`, in units of the loss.
        penalty: (gamma/2)|f0|^2 of the function f0 that is compared with, in units of the loss.

    Returns:
        The bound, in units of the loss; broadcasts.

    Raises:
        ValueError: an argument out of its range.
    """
    share, n, m = _arguments.share(share), _arguments.real_count(n), _arguments.synthetic_count(m)
    S = _arguments.positive("stability", stability)
    penalty = _arguments.not_negative("penalty", penalty)
    distances = _distances(source_distance, synthetic_distance)
    xi = _arguments.positive("lipschitz", lipschitz)
    return _arguments.evaluate(_adaptation, share, n, m, *distances, xi, S, penalty)


def optimal_adaptation_share(
    *,
    n: Numbers,
    m: Numbers | None = None,
    source_distance: Numbers,
    synthetic_distance: Numbers,
    lipschitz: Numbers,
    stability: Numbers,
) -> Array:
    """Minimiser of `adaptation_bound`, (1/n + xi (W(S, T) - W(T', T))/S)/(1/n + 1/m) clipped to [0, 1].

    Derived here; conditional on xi/S. Above m/(n + m), the share at weight one, whenever the synthetic points lie
    nearer to the target than the source does.

    Args:
        n: Real points, of the source.
        m: Synthetic points; None or infinity for unlimited many.
        source_distance: W(S, T) of `adaptation_bound`.
        synthetic_distance: W(T', T) of `adaptation_bound`.
        lipschitz: xi of `adaptation_bound`.
        stability: S of `adaptation_bound`.

    Returns:
        The share; broadcasts.

    Raises:
        ValueError: an argument out of its range.
    """
    n, m = _arguments.real_count(n), _arguments.synthetic_count(m)
    S = _arguments.positive("stability", stability)
    distances = _distances(source_distance, synthetic_distance)
    xi = _arguments.positive("lipschitz", lipschitz)
    return _arguments.evaluate(_optimum, n, m, *distances, xi, S)


def _adaptation(share, n, m, source, synthetic, xi, S, penalty):
    bias = 2 * xi * ((1 - share) * source + share * synthetic)
    return bias + S * spread(share, n, m) + penalty


def _optimum(n, m, source, synthetic, xi, S):
    return jnp.clip((1 + n * xi * (source - synthetic) / S) / (1 + n / m), 0.0, 1.0)


def _distances(source: Numbers, synthetic: Numbers) -> tuple[Array, Array]:
    return (
        _arguments.not_negative("source_distance", source, _arguments.DISTANCE),
        _arguments.not_negative("synthetic_distance", synthetic, _arguments.DISTANCE),
    )
