"""Random halves of the real points, and as many of the synthetic ones: what `compare` averages over.

A distance between samples depends on their sizes, so value and floor must come from the same ones. From n real
points there are no two disjoint samples of n; there are two of n / 2. Each resample draws them without
replacement:

    value  = d(first half of real, part of synthetic)
    floor  = d(first half of real, part of the second half)

Halving has two more virtues. Ties, which a bootstrap with replacement makes and which every distance notices,
do not occur. And the spread of a mean over random halves, s^2 / (n / 2) (1 - 1/2) = s^2 / n, is the sampling
error of the mean of all n points (delete-half jackknife), so percentiles over halves are an interval for the
value at this size; where less than half of the synthetic points are drawn, it is wider than need be, and for fewer
synthetic than real points somewhat too narrow (82 to 87 % instead of 90 at 100 and 30 points).

Whether a generator is told apart is decided by the paired differences value - floor, not by where the value lies
among the floors: halves of one sample share its scatter (complementary halves have opposite means but like norms),
so the floors alone miss how much another sample's would differ.
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
    """Draws from the real points and from a generator's: two and one, for debiasing four and two."""

    real: tuple[Draw, ...]
    synthetic: tuple[Draw, ...]


def halves(
    real: Int[np.ndarray, " n"], synthetic: Int[np.ndarray, " m"], *, count: int, seed: list[int]
) -> Parts:
    """Two disjoint parts of the real points, and one of a generator's, `count` times.

    The first real part holds half of the points; the second and the synthetic one m' = min(m / 2, n / 2). By one
    seed the halves of the real points are the same for all generators, and the draws from those of one size.
    """
    first = len(real) // 2
    other = min(len(real) - first, len(synthetic) // 2)
    return Parts(
        _disjoint(real, (first, other), count, [*seed, 0]),
        _disjoint(synthetic, (other,), count, [*seed, 1]),
    )


def quarters(
    real: Int[np.ndarray, " n"], synthetic: Int[np.ndarray, " m"], *, count: int, seed: list[int]
) -> Parts:
    """Four disjoint parts of the real points and two of a generator's, all of one size, `count` times."""
    size = min(len(real) // 4, len(synthetic) // 2)
    return Parts(
        _disjoint(real, (size,) * 4, count, [*seed, 0]),
        _disjoint(synthetic, (size, size), count, [*seed, 1]),
    )


def _disjoint(
    rows: np.ndarray, sizes: tuple[int, ...], count: int, seed: list[int]
) -> tuple[Draw, ...]:
    rng = np.random.default_rng(seed)
    orders = rows[np.stack([rng.permutation(len(rows)) for _ in range(count)])]
    ends = np.cumsum(sizes)
    return tuple(Draw(orders[:, end - size : end]) for end, size in zip(ends, sizes, strict=True))
