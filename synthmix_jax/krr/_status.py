"""What became of each cell of a sweep, as a small code and a text that helps."""

import numpy as np

OK, IMPRECISE, FAILED, EMPTY = 0, 1, 2, 3

_TEXT = {
    OK: "ok",
    IMPRECISE: (
        "imprecise: ridge {ridge:.3g} (over weight {weight:g}) is below 1e-11 of the largest eigenvalue of "
        "the kernel matrix (at most {largest:.3g}), so fewer than about six digits are right. Raise the "
        "ridge to {remedy:.1g} or more."
    ),
    FAILED: (
        "failed: the kernel matrix plus ridge {ridge:.3g} (over weight {weight:g}) is not positive definite "
        "at {count} {what}. Points that are (nearly) the same need a ridge of {remedy:.1g} or more; "
        "a kernel that is not positive semi-definite fails at any."
    ),
    EMPTY: "empty: there are too few points here to fit, or to leave one out of.",
}


def codes(
    errors: np.ndarray, ridges: np.ndarray, weights: np.ndarray, largest: float
) -> np.ndarray:
    """Status of each cell (w, l, c), from its error and the conditioning of its matrix.

    The relative error of a leave-one-out residual is about a tenth of the unit round-off times
    largest eigenvalue / smallest noise, measured; 1e-11 of the largest eigenvalue keeps six digits.

    Args:
        errors: Any error curve (w, l, c); NaN where the factorisation failed.
        ridges: Absolute ridges (l,).
        weights: Weights (w,).
        largest: An upper bound of the largest eigenvalue of the kernel matrix.
    """
    smallest = np.minimum(ridges[None, :], ridges[None, :] / weights[:, None])
    status = np.where(smallest < 1e-11 * largest, IMPRECISE, OK)[:, :, None]
    return np.where(np.isfinite(errors), status, FAILED).astype(np.int8)


def explain(
    code: int,
    *,
    ridge: float,
    weight: float,
    count: int,
    largest: float,
    what: str = "synthetic points",
) -> str:
    """The text of a status code for one cell."""
    remedy = 1e-10 * largest * max(1.0, weight)
    return _TEXT[int(code)].format(
        ridge=ridge, weight=weight, count=count, largest=largest, remedy=remedy, what=what
    )
