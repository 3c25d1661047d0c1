"""What a set of runs can say about the scaling law: which parameters rest on nothing, and why."""

import numpy as np

from ._law_fit import Fit
from ._runs import Runs

_NAMES = {
    "irreducible_error": "the irreducible error",
    "exponent": "the exponent",
    "real_scale": "the scale of real data",
    "synthetic_scale": "the scale of synthetic data",
    "synthetic_floor": "the floor of synthetic data",
}
# Scatter of log errors around the law beyond which the law is doubtful.
_SCATTER = 0.25
# Runs beyond the fitted parameters from which intervals are believed.
_SPARE = 5


def free_parameters(irreducible: float | None, exponent: float | None) -> int:
    """How many parameters are fitted."""
    return 3 + (irreducible is None) + (exponent is None)


def check(runs: Runs, irreducible: float | None, exponent: float | None) -> None:
    """Refuse runs that no law can be fitted to.

    Raises:
        ValueError: too few settings, or no real or no synthetic data in any of them.
    """
    need = free_parameters(irreducible, exponent) + 1
    settings = len(set(zip(runs.n, runs.m, runs.share, strict=True)))
    if settings < need:
        raise ValueError(
            f"the runs hold {settings} different settings of n, m and share, but {need - 1} parameters and a check "
            f"need at least {need}. Add runs, or give irreducible_error= or exponent=."
        )
    for end, kind, other in ((0.0, "synthetic", "real"), (1.0, "real", "synthetic")):
        if (runs.share == end).all():
            raise ValueError(
                f"share is {end:g} in all runs: none has {kind} data in its loss. Add runs with a share between 0 "
                f"and 1, and some of {kind} data alone beside those of {other} data alone."
            )


def _rises(counts: np.ndarray, errors: np.ndarray) -> bool:
    """Whether the mean error at the largest count is at least that at the smallest."""
    if len(set(counts)) < 2:
        return False
    first, last = (np.mean(errors[counts == end]) for end in (counts.min(), counts.max()))
    return bool(last >= first)


def remarks(
    runs: Runs, found: Fit, irreducible: float | None, exponent: float | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the parameters that the runs do not identify, and sentences that say why."""
    given = {"irreducible_error": irreducible, "exponent": exponent}
    names: list[str] = []
    said: list[str] = []

    def doubt(reason: str, *parameters: str) -> None:
        known = [name for name, value in given.items() if value is not None]
        new = [p for p in parameters if p not in names and p not in known]
        if new:
            listed = " and ".join(_NAMES[p] for p in new)
            said.append(f"{reason}: {listed} cannot be told from the runs.")
            names.extend(new)

    real, synthetic = runs.share < 1, runs.share > 0
    counts_n, counts_m = len(set(runs.n[real])), len(set(runs.m[synthetic]))
    if counts_n == 1:
        doubt("All runs have one number of real points", "irreducible_error", "real_scale")
    if counts_m == 1:
        reason = "All runs have one number of synthetic points"
        doubt(reason, "synthetic_floor", "synthetic_scale")
    # A power law is told by two counts where its limit is known, else by three.
    need, word = (3, "three") if irreducible is None else (2, "two")
    if exponent is None and max(counts_n, counts_m) < need:
        doubt(f"No count takes {word} values", "exponent", "irreducible_error")
    if not (runs.share == 1).any():
        doubt("No run is of synthetic data alone", "synthetic_floor", "synthetic_scale")
    if not (runs.share == 0).any():
        doubt("No run is of real data alone", "real_scale")
    for end, counts, kind in ((0.0, runs.n, "real"), (1.0, runs.m, "synthetic")):
        if _rises(counts[runs.share == end], runs.error[runs.share == end]):
            doubt(
                f"Errors of {kind} data alone do not fall with their number (is the column an accuracy?)",
                f"{kind}_scale",
                "exponent",
                "irreducible_error",
            )
    low, b, high = found.low[3], found.theta[3], found.high[3]
    if low < high and not low + 1e-6 < b < high - 1e-6:
        # Nothing else of the curve in the counts is known then.
        doubt(f"The exponent ended at its bound {b:g}", *_NAMES)
    spare = len(runs.n) - found.free
    if spare < _SPARE:
        said.append(
            f"Only {spare} more runs than fitted parameters: the law hardly shows how far runs scatter, and its "
            "intervals are too narrow."
        )
    if found.scatter > _SCATTER:
        said.append(
            f"Errors scatter by {100 * found.scatter:.0f} % around the law: it may not describe these runs."
        )
    return tuple(names), tuple(said)
