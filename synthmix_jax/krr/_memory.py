"""How much memory a sweep needs, said before any of it is taken."""

from synthmix_jax._free_memory import available

from . import _nested

_FLOAT = 8


def estimate(
    n: int,
    m: int,
    *,
    features: int = 0,
    outputs: int = 1,
    tests: int = 0,
    counts: int,
    ridges: int = 1,
    weights: int = 1,
    residuals: bool = False,
) -> int:
    """Bytes a sweep takes at its peak, inputs aside.

    Three matrices of all rows (kernel matrix, shifted copy, factor), the kernel matrix against the test
    points and its solve, the solve for the real columns, prefix sums at the counts, and the results.

    Args:
        n: Real points.
        m: Synthetic points.
        features: Numbers per input, for the float64 copies of the inputs.
        outputs: Targets per point (classes for labels).
        tests: Test points.
        counts: Number of synthetic counts.
        ridges: Number of ridges.
        weights: Number of weights.
        residuals: Whether leave-one-out errors are kept point by point.
    """
    total, real_columns = n + m, n
    matrices = 3 * total**2
    columns = real_columns + tests
    solves = 2 * total * columns
    if counts <= _nested.SEGMENTS:
        # Prefix sums at every count, before and after they are added up, and the scores made of them.
        at_counts = 3 * counts * columns * outputs
        if tests and _nested.back_substitutes(total, outputs, tests, counts):
            at_counts = counts * outputs * (2 * total + 3 * real_columns + 2 * tests)
    else:
        # A scan copies its rows, and puts out what it scores at every row.
        at_counts = (
            total * columns + 2 * total * (2 * n if residuals else 4) + 4 * columns * outputs
        )
    results = ridges * weights * counts * (4 + (2 * n if residuals else 0))
    inputs = 2 * (total + tests) * features
    return _FLOAT * (matrices + solves + at_counts + results + inputs)


def check(
    needed: int,
    limit: float | int | None,
    *,
    rows: int | str,
    remedy: str = "Take fewer synthetic points (memory grows with the square of the rows; an approximate method "
    "such as method='nystrom' does not), fewer test points, ",
) -> None:
    """Raise before allocating what does not fit.

    Args:
        needed: Bytes of `estimate`.
        limit: Bytes allowed; None for nine tenths of what is free.
        rows: Number of rows, or what else is so large, for the message.
        remedy: What to take less of.

    Raises:
        ValueError: `needed` is above the limit; the message gives both and what to do.
    """
    limit = _allowed(limit)
    if limit is not None and needed > limit:
        what = rows if isinstance(rows, str) else f"{rows} rows"
        raise ValueError(
            f"this sweep needs about {needed / 1e9:.2f} GB for {what} and {limit / 1e9:.2f} GB are free for it. "
            f"{remedy}or no point-by-point residuals; or raise memory_limit (in bytes)."
        )


def fits(needed: int, limit: float | int | None) -> bool:
    """Whether so many bytes are allowed; None for nine tenths of what is free."""
    limit = _allowed(limit)
    return limit is None or needed <= limit


def _allowed(limit: float | int | None) -> float | int | None:
    if limit is not None:
        return limit
    free = available()
    return None if free is None else 0.9 * free
