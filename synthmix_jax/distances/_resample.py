"""Random halves of the real points, and as many of the synthetic ones: what `compare` averages over.

A distance between samples depends on their sizes, so value and floor must come from the same ones. From n real
points there are no two disjoint samples of n; there are two of n / 2. Each resample draws them without
replacement:

    value  = d(first half of real, part of synthetic)
    floor  = d(first half of real, part of the second half)

Halving has two more virtues. Ties, which a bootstrap with replacement makes and which every distance notices,
do not occur. And the spread of a mean over random halves, s^2 / (n / 2) (1 - 1/2) = s^2 / n, is the sampling
error of the mean of all n points (delete-half jackknife), so percentiles over halves are an interval for the
value at this size; where less than half of the synthetic points are drawn, it is wider than need be. The floors
of random halves have the law of a permutation test: two independent real samples of this size.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Int


@dataclasses.dataclass(frozen=True, eq=False)
class Draw:
    """B parts of the pooled points: rows (B, s). Compared by identity, so that self terms are computed once."""

    rows: Int[np.ndarray, "b s"]

    @property
    def size(self) -> int:
        """Points in each part."""
        return self.rows.shape[1]


class Parts(NamedTuple):
    """Draws from the real points, and two from each generator's; the last four are used by debiasing only."""

    real: tuple[Draw, ...]
    synthetic: tuple[tuple[Draw, ...], ...]


def halves(
    real: Int[np.ndarray, " n"],
    synthetic: list[Int[np.ndarray, " _"]],
    *,
    count: int,
    rngs: list[np.random.Generator],
) -> Parts:
    """Two disjoint parts of the real points, and one of each generator's, `count` times.

    The first real part holds half of the points; the second and the synthetic ones m' = min(m / 2, n / 2), the
    least over the generators, so that all share one floor. Every sample has its own random
    numbers, so that the rows of a generator do not depend on which others it is listed with.
    """
    first = len(real) // 2
    other = min([len(real) - first, *(len(rows) // 2 for rows in synthetic)])
    return Parts(
        _disjoint(real, (first, other), count, rngs[0]),
        tuple(_disjoint(v, (other,), count, r) for v, r in zip(synthetic, rngs[1:], strict=True)),
    )


def quarters(
    real: Int[np.ndarray, " n"],
    synthetic: list[Int[np.ndarray, " _"]],
    *,
    count: int,
    rngs: list[np.random.Generator],
) -> Parts:
    """Four disjoint parts of the real points and two of each generator's, all of one size, `count` times."""
    size = min([len(real) // 4, *(len(rows) // 2 for rows in synthetic)])
    return Parts(
        _disjoint(real, (size,) * 4, count, rngs[0]),
        tuple(
            _disjoint(v, (size, size), count, r) for v, r in zip(synthetic, rngs[1:], strict=True)
        ),
    )


def _disjoint(
    rows: np.ndarray, sizes: tuple[int, ...], count: int, rng: np.random.Generator
) -> tuple[Draw, ...]:
    orders = np.stack([rng.permutation(rows) for _ in range(count)])
    ends = np.cumsum(sizes)
    return tuple(Draw(orders[:, end - size : end]) for end, size in zip(ends, sizes, strict=True))
