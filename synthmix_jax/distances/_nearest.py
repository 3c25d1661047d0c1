"""Did a generator copy its training points? The nearest-neighbour test with real points that it has not seen.

For a point take d1 and d2, the distances to the nearest and the second nearest training point. Held-out real points
show which values are normal. Three questions are asked of the synthetic points:

- are they nearer? P(d1 of a synthetic point < d1 of a held-out one), 1/2 for fresh real points, 1 for copies
  [meehan2020, there as a z-score and in cells]. Alone it is no sign of copies: samples that vary too little are
  nearer to everything;
- are they next to one point? A point counts as close where both d1 and the ratio d1 / d2 are less than nearly all
  held-out points show. A ratio knows no scale: samples that vary too little have those of real points, or larger
  ones. This decides. Derived here;
- are they equal to one? More often than real points are to each other.

Of fresh real points a share of at most k / (h + 1) is close in expectation, whatever their law: the thresholds are
the k-th smallest values of h held-out points, and the number of m exchangeable points below one is beta-binomial.

References:
    Meehan, Chaudhuri and Dasgupta (2020), A non-parametric test to detect data-copying in generative models.
    [meehan2020]
    Newcombe (2006), Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2.
    [newcombe2006]
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy import optimize, special, stats

from synthmix_jax._typing import Array
from synthmix_jax.distances import _samples
from synthmix_jax.distances._neighbours import Nearest, Originals, nearest

_LEAST_HELD_OUT = 10
_TAIL = 0.05
# Heuristics, measured on digits: of the samples of an honest Gaussian fitted on five points a class, which lie in
# the plane of these five, up to 10 % are close with ratios below 0.4, and 15 % with ratios below one half.
_RATIO, _TOO_CLOSE, _TOO_MANY_IDENTICAL = 0.4, 0.12, 0.01
_SIGNIFICANT = 0.01
# In fewer features squares in float64 cost little, and points of one feature lie within the rounding of float32.
_FEW_FEATURES = 64


@dataclass(frozen=True, eq=False)
class NearestNeighbours:
    """What the test found; shares lie in [0, 1], intervals at `level`.

    Attributes:
        nearer: Share of pairs (synthetic, held-out) in which the synthetic point is nearer to its nearest training
            point, ties counted half: 1/2 where both are as near, 1 for copies.
        nearer_interval: Its interval.
        near: Share of synthetic points nearer to the training points than nearly all held-out ones.
        near_interval: Its interval, given the held-out points.
        close: Share of synthetic points that are near, and also less than 0.4 times as far from one training point
            as from the next (less where real points often are).
        close_interval: Its interval, given the held-out points.
        expected: What `near` is in expectation for fresh real points, and `close` at most; about 0.05.
        p_value: Probability, at most, that of as many fresh real points at least as many are close.
        identical: Share of synthetic points equal to a training point, but for the rounding of float32.
        identical_real: Share of held-out and training points that are equal to another training point.
        copies: Whether the synthetic points hold copies of training points.
        level: Level of the intervals.
        num_training: Number of training points.
        num_held_out: Number of held-out points.
        num_synthetic: Number of synthetic points.
        index: Number of the training point nearest to each synthetic one (m,).
        distance: Distance to it (m,).
        ratio: That distance over the one to the next training point that is another (m,).
    """

    nearer: float
    nearer_interval: tuple[float, float]
    near: float
    near_interval: tuple[float, float]
    close: float
    close_interval: tuple[float, float]
    expected: float
    p_value: float
    identical: float
    identical_real: float
    copies: bool
    level: float
    num_training: int
    num_held_out: int
    num_synthetic: int
    index: Int[np.ndarray, " m"] = field(repr=False)
    distance: Float[np.ndarray, " m"] = field(repr=False)
    ratio: Float[np.ndarray, " m"] = field(repr=False)

    def __str__(self) -> str:
        """What was found, in two or three sentences."""
        found = (
            f"{_percent(self.identical)} of the synthetic points equal a training point and {_percent(self.close)} "
            f"lie next to one, where of real points {_percent(self.identical_real)} and at most "
            f"{_percent(self.expected)} do."
        )
        if self.copies:
            exactly = self.identical >= 0.5 * self.close
            return f"The generator {'copies' if exactly else 'nearly copies'}: {found}"
        low, high = self.nearer_interval
        where = "about as near to the training points as held-out real points are"
        if low > 0.5:
            where = (
                "nearer to the training points than held-out real points are, though not next to single ones, as "
                "happens where samples vary too little"
            )
        if high < 0.5:
            where = "farther from the training points than held-out real points are"
        return f"No sign of copies: {found} They lie {where} ({_percent(self.nearer)} of pairs are nearer)."


def nearest_neighbours(
    training: Shaped[Array, "n ..."],
    held_out: Shaped[Array, "h ..."],
    synthetic: Shaped[Array, "m ..."],
    *,
    level: float | int = 0.95,
) -> NearestNeighbours:
    """Look for copies of training points among synthetic points, beside real points held out from the generator.

    A synthetic point is close where it lies nearer to the training points than nearly all held-out points do and,
    compared with the second nearest, next to a single one. Nearness alone decides nothing: samples that vary too
    little are nearer to everything.

    The verdict is a heuristic. It is `copies` where significantly (1 %) more points are close than fresh real ones
    would be and the share is surely more than 12 %, or where more than 1 % are identical, beyond chance. So it
    finds copies with and without noise that make up a fifth of the samples, not every way in which a generator may
    depend on its training points. Samples on the lines between two training points, as those of SMOTE or of a
    Gaussian fitted on two or three points a class, often count as copies: many of them lie next to one.

    All pairs are compared, in blocks: (m + h) n d operations, and memory for the data and a few blocks. Labels take
    no part: a copy with another label is one, too. Distances are of the features as given; bring columns of
    different units to one scale first.

    Args:
        training: The real points that the generator was fitted on (n, ...), at least two that differ.
        held_out: Real points of the same source that it has not seen (h, ...), at least 10; better some hundreds.
        synthetic: Its samples (m, ...).
        level: Level of the intervals, in (0, 1).

    Returns:
        Shares, intervals, the verdict, and the nearest training point of each synthetic one.

    Raises:
        ValueError: the samples do not fit, are empty or not finite; too few held-out or different training points.

    References:
        Meehan, Chaudhuri and Dasgupta (2020). [meehan2020]
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}.")
    rows, fresh, one = _samples.uncast(training, held_out, names=("training", "held_out"))
    _, samples, other = _samples.uncast(rows, synthetic, names=("training", "synthetic"))
    if len(fresh) < _LEAST_HELD_OUT:
        raise ValueError(
            f"held_out has {len(fresh)} points; give at least {_LEAST_HELD_OUT}: fewer do not show what is normal."
        )
    few = rows.shape[1] < _FEW_FEATURES
    originals = Originals.of(rows, np.dtype(np.float64) if few else max(one, other))
    if len(originals.kept) < 2:
        raise ValueError(
            f"training holds {len(rows)} points and no two that differ: there is no second nearest one. Give more."
        )
    return _judge(nearest(samples, originals), nearest(fresh, originals), originals, level)


def _judge(
    found: Nearest, normal: Nearest, originals: Originals, level: float
) -> NearestNeighbours:
    m, h, n = len(found.distance), len(normal.distance), len(originals.rows)
    place = max(1, int(_TAIL * (h + 1)))
    ratio = found.ratio
    near = found.distance < np.partition(normal.distance, place - 1)[place - 1]
    alone = ratio < min(_RATIO, np.partition(normal.ratio, place - 1)[place - 1])
    close = int((near & alone).sum())
    # At most as many are close as have a ratio below the k-th smallest of the held-out points. That number is
    # beta-binomial for exchangeable points without ties; ties make it smaller.
    p_value = float(stats.betabinom.sf(close - 1, m, place, h + 1 - place))
    equal = int((found.distance == 0.0).sum())
    equal_real = int((normal.distance == 0.0).sum()) + originals.repeated
    close_interval = share_interval(close, m, level)
    too_close = p_value < _SIGNIFICANT and close_interval[0] > _TOO_CLOSE
    nearer = _share_of_pairs(found.distance, normal.distance)
    return NearestNeighbours(
        nearer=nearer,
        nearer_interval=pairs_interval(nearer, m, h, level),
        near=float(near.mean()),
        near_interval=share_interval(int(near.sum()), m, level),
        close=close / m,
        close_interval=close_interval,
        expected=place / (h + 1),
        p_value=p_value,
        identical=equal / m,
        identical_real=equal_real / (h + n),
        copies=too_close or _too_many(equal, m, *_by_chance(normal, equal_real, h + n)),
        level=level,
        num_training=n,
        num_held_out=h,
        num_synthetic=m,
        index=found.index,
        distance=found.distance,
        ratio=ratio,
    )


def _share_of_pairs(found: np.ndarray, normal: np.ndarray) -> float:
    """P(found < normal) + P(found = normal) / 2 over all pairs: Mann and Whitney's U over m h."""
    ordered = np.sort(normal)
    sides = [np.searchsorted(ordered, found, side=side) for side in ("left", "right")]
    return float(1.0 - np.mean(sides) / len(normal))


def _by_chance(normal: Nearest, equal_real: int, real: int) -> tuple[int, int]:
    """How many real points, of how many, are equal to a training point: the sample that shows the larger share.

    Held-out points are equal within rounding, repeated training points in every bit: far from zero, where rounding
    is coarse, the latter would hide how often the former happens.
    """
    h, equal = len(normal.distance), int((normal.distance == 0.0).sum())
    return (equal, h) if equal * real > equal_real * h else (equal_real, real)


def _too_many(equal: int, m: int, equal_real: int, real: int) -> bool:
    """Whether more are identical than chance explains: by Fisher's exact test, and by an amount that matters.

    Values from a short list coincide by chance, and more so in samples that vary too little: the part beyond chance
    must exceed chance itself. Heuristic.
    """
    p_value = stats.hypergeom.sf(equal - 1, m + real, equal + equal_real, m)
    chance = equal_real / real
    beyond = (equal / m - chance) / max(1.0 - chance, np.finfo(float).tiny)
    return bool(p_value < _SIGNIFICANT and beyond > max(_TOO_MANY_IDENTICAL, chance))


def share_interval(count: int, total: int, level: float) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share."""
    tail = (1.0 - level) / 2.0
    low = 0.0 if count == 0 else special.betaincinv(count, total - count + 1, tail)
    high = 1.0 if count == total else special.betaincinv(count + 1, total - count, 1.0 - tail)
    return float(low), float(high)


def pairs_interval(share: float, m: int, h: int, level: float) -> tuple[float, float]:
    """Newcombe's method 5 for P(X < Y) [newcombe2006]: of width above zero where the share is 0 or 1."""
    z = float(stats.norm.ppf((1.0 + level) / 2.0))
    others = (m + h) / 2.0 - 1.0

    def error(t: float) -> float:
        spread = 1.0 + others * ((1.0 - t) / (2.0 - t) + t / (1.0 + t))
        return z * float(np.sqrt(t * (1.0 - t) * spread / (m * h)))

    def end(far: float) -> float:
        if share == far:
            return far
        # At a share of 0 or 1 the equation holds there, too; that is not the end looked for.
        beside = share + 1e-12 * (far - share)
        return optimize.brentq(lambda t: abs(share - t) - error(t), far, beside)  # type: ignore[return-value]

    return end(0.0), end(1.0)


def _percent(share: float) -> str:
    value = 100.0 * share
    return f"{value:.1f} %" if 0.0 < value < 10.0 else f"{value:.0f} %"
