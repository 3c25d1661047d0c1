"""From a few networks at each ratio to a choice, an interval of the ratio, and an honest gain.

Every seed has its own real subset, held-out points, initialisation and order, the same at all ratios. So ratios are
compared by differences paired over seeds, and Student's t with as many degrees of freedom as there are seeds less
one stands for the normal quantile: with three seeds it is 2.92, not 1.64.

Rules derived here and calibrated by simulation (`benchmarks/network_verdicts.py`).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import stdtrit

from ._records import Verdict
from ._verdict import WORTHWHILE

# One-sided 95 %, two-sided 90 %.
LEVEL = 0.95
# Two differences have a standard error, but one degree of freedom: its quantile is 6.3.
ENOUGH = 3
# Leave-one-out scores share the seeds that choose, so they vary together and their scatter understates the error of
# their mean: with two seeds, one candidate and no true difference their correlation is 1/pi. Heuristic: the
# least factor that keeps false claims near 5 % where all ratios are equally good, for 3 to 10 seeds.
SHARED = 1.25


class Mean(NamedTuple):
    """Mean of differences over seeds.

    Attributes:
        value: The mean.
        half: Half the width of its 90 % interval; infinite below two seeds.
        num: Seeds it is over.
    """

    value: float
    half: float
    num: int

    @property
    def shown(self) -> bool:
        """Whether it is above zero with 95 % confidence."""
        return self.value > self.half

    @property
    def interval(self) -> tuple[float, float]:
        """90 % interval."""
        return self.value - self.half, self.value + self.half


class Evidence(NamedTuple):
    """What the validation errors of all networks tell, ratios in rising order and the first one zero.

    Attributes:
        error: Real-only error less the mean saving at each ratio (r,); where no network failed, the mean error.
        half: Half the 90 % interval of the paired difference to the best ratio (r,).
        eligible: Ratios with enough networks to be chosen (r,).
        inside: Ratios not significantly worse than the best (r,).
        best: Index of the least error among eligible ratios.
        frequencies: Share of seeds that, left out, saw each ratio chosen by the others (r,).
        gain: Relative gain of choosing so, scored on the seed left out, its interval widened by `SHARED`.
        num_seeds: Seeds that count: with an error at ratio zero and at another ratio.
    """

    error: Float[np.ndarray, " r"]
    half: Float[np.ndarray, " r"]
    eligible: Bool[np.ndarray, " r"]
    inside: Bool[np.ndarray, " r"]
    best: int
    frequencies: Float[np.ndarray, " r"]
    gain: Mean
    num_seeds: int


class Choice(NamedTuple):
    """The verdict and the ratio it points to.

    Attributes:
        verdict: In words.
        place: Index of the recommended ratio.
        interval: First and last index of the ratios that cannot be told from the best.
    """

    verdict: Verdict
    place: int
    interval: tuple[int, int]


def quantile(num: int) -> float:
    """Student's t, one-sided 95 %, for the mean of so many differences; infinite below two."""
    return float(stdtrit(num - 1, LEVEL)) if num > 1 else np.inf


def mean(differences: Float[np.ndarray, " s"], points: int | None = None) -> Mean:
    """Mean over the seeds that did not fail, with its t interval.

    Shares of few held-out points are coarse, and three seeds can agree to the last digit by chance: a standard
    deviation of zero, and a t of infinity. But a difference of two shares is a mean over the held-out points of
    -1, 0 or 1. With mean D its variance is at least |D| (1 - |D|) / points, whatever the networks do, and that is
    the least variance used here.

    Args:
        differences: One a seed, NaN where a network failed (s,).
        points: Held-out points of a seed, if the differences are of shares of them; None for squared errors.
    """
    kept = differences[np.isfinite(differences)]
    if not kept.size:
        return Mean(np.nan, np.inf, 0)
    value = float(kept.mean())
    if kept.size == 1:
        return Mean(value, np.inf, 1)
    variance = float(kept.var(ddof=1))
    if points is not None:
        size = min(abs(value), 1.0)
        variance = max(variance, size * (1.0 - size) / points)
    return Mean(value, quantile(kept.size) * float(np.sqrt(variance / kept.size)), int(kept.size))


def weigh(errors: Float[np.ndarray, "r s"], points: int | None) -> Evidence:
    """Sum up validation errors (r, s) as `judge` needs them; NaN where a network failed.

    Args:
        errors: Ratios in rising order, the first one zero; at least one seed finite there.
        points: Held-out points of a seed, for shares of misclassified points; None for squared errors.
    """
    errors = np.where(np.isfinite(errors), errors, np.nan)
    saved = errors[0] - errors
    pairs = np.isfinite(saved).sum(axis=1)
    num_seeds = int(np.isfinite(saved[1:]).any(axis=0).sum())
    eligible = pairs >= max(min(ENOUGH, num_seeds), 0.5 * pairs[0] + 0.5)
    eligible[0] = True
    average = np.array([_average(row) for row in saved])
    alone = float(np.nanmean(errors[0]))
    best = _largest(np.where(eligible, average, -np.inf), alone)

    worse = [mean(errors[r] - errors[best], points) for r in range(len(errors))]
    chosen, scores = _left_out(np.where(eligible[:, None], saved, np.nan), alone)
    scale = alone if alone > 0 else 1.0
    gain = mean(scores, points) if eligible[1:].any() else Mean(np.nan, np.inf, 0)
    return Evidence(
        error=alone - average,
        half=np.array([m.half for m in worse]),
        eligible=eligible,
        inside=eligible & np.array([not m.shown for m in worse]),
        best=best,
        frequencies=chosen,
        gain=Mean(gain.value / scale, SHARED * gain.half / scale, gain.num),
        num_seeds=num_seeds,
    )


def decide(evidence: Evidence, *, reaches_pool: bool, by_weight: bool) -> Choice:
    """Apply the rule written in `judge`.

    Args:
        evidence: From `weigh`.
        reaches_pool: Whether the largest ratio uses the whole pool.
        by_weight: Whether the ratios are weights of the whole pool.
    """
    gain, best, last = evidence.gain, evidence.best, len(evidence.error) - 1
    verdict: Verdict
    if evidence.num_seeds < ENOUGH:
        verdict, place, keep = "no clear optimum", best, (0,)
    elif gain.shown and best:
        below = evidence.error[last] < evidence.error[0]
        all_of_it = bool(reaches_pool and evidence.inside[last] and below)
        verdict = "use all" if by_weight or all_of_it else "use part"
        place, keep = (last if all_of_it and not by_weight else best), ()
    elif not gain.shown and gain.interval[1] < WORTHWHILE:
        verdict, place, keep = "use none", 0, (0,)
    else:
        # A gain that is shown with a best ratio of zero would contradict itself.
        verdict, place, keep = "no clear optimum", best, (0,)
    members = [int(i) for i in np.flatnonzero(evidence.inside)] + [place, *keep]
    return Choice(verdict, place, (min(members), max(members)))


def _average(values: np.ndarray) -> float:
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if kept.size else np.nan


def _left_out(saved: Float[np.ndarray, "r s"], scale: float) -> tuple[np.ndarray, np.ndarray]:
    """How often each ratio is chosen (r,), and the saving on each seed left out of the choice (s,).

    Seed s is scored at the ratio of the largest mean saving over the other seeds, among the ratios whose network of
    seed s did not fail.
    """
    counts, scores = np.zeros(len(saved)), np.full(saved.shape[1], np.nan)
    finite = np.isfinite(saved)
    total, number = np.where(finite, saved, 0.0).sum(axis=1), finite.sum(axis=1)
    for s in np.flatnonzero(finite[0]):
        others = number - finite[:, s]
        usable = finite[:, s] & (others > 0)
        if not usable[1:].any():
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            rest = (total - np.where(finite[:, s], saved[:, s], 0.0)) / others
        pick = _largest(np.where(usable, rest, -np.inf), scale)
        counts[pick] += 1
        scores[s] = saved[pick, s]
    return counts / max(counts.sum(), 1.0), scores


def _largest(values: np.ndarray, scale: float) -> int:
    """Index of the largest value; of equally large ones, up to rounding, the first: the least synthetic data."""
    return int(np.flatnonzero(values >= values.max() - 1e-9 * scale)[0])
