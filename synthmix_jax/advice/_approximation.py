"""Advice beyond memory: which method, and the one set of features that all sweeps of an advice share.

Orders and folds are averaged, and fits are bagged, so all of them must be regressions on the same features: the
landmarks (or the key of the random frequencies) are drawn once. Half of the landmarks are real points, all of them
where there are no more. Uniform ones would nearly all be synthetic where the pool is large, and real-only
regression, which everything is compared with, would have to make do with landmarks in the wrong places: the gain
of synthetic data would be flattered. With all n real points among the landmarks real-only regression is exact,
left-out points included, because its fits lie in the span of k(., x_i). Derived here.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from synthmix_jax import _checks, _numerics, krr
from synthmix_jax._typing import KernelFunction, Key
from synthmix_jax.dataset import Dataset
from synthmix_jax.krr import _memory, _nystrom

METHODS = ("auto", "exact", "nystrom", "random_features")
NUM_FEATURES = 2048
# Counts tried where none are named: each costs a D x D matrix.
NUM_COUNTS = 20
# Orders averaged over where no number is given, and from how many synthetic points on one is enough.
NUM_ORDERS, _LARGE_POOL = 3, 50_000
# Rows of a pool that are put in order at a time.
_BLOCK = 4096
# Error of a leverage, in units of 1 - h, above which it is warned of.
_LEVERAGE_ERROR = 2e-3
# How far above the exact one the real-only error on features may lie before it is warned of.
_FLATTERS = 0.05
# Real points on which these two are compared.
_LOOKED_AT = 2000
# What to do about too few features, from the command line and from Python.
MORE = "Take more features (--num-features, num_features=...) or the exact method (--method exact, method='exact')."


class Approximation(NamedTuple):
    """The features that stand for the kernel.

    Attributes:
        method: "nystrom" or "random_features".
        num_features: D.
        landmarks: Inputs (D, ...) for "nystrom", else None.
        key: PRNG key of the frequencies.
    """

    method: str
    num_features: int
    landmarks: np.ndarray | None
    key: Key

    def options(self) -> dict[str, Any]:
        """Arguments of `krr.sweep`."""
        given = {"landmarks": self.landmarks} if self.landmarks is not None else {}
        return {"method": self.method, "num_features": self.num_features, "key": self.key, **given}


def check(method: str, num_features: int) -> None:
    """Refuse options that are wrong whatever the data.

    Raises:
        ValueError: an unknown method, or a number of features that is no whole number, too small, or odd for
            random_features.
    """
    _checks.one_of("method", method, METHODS)
    least = 2 if method == "random_features" else 1
    whole = isinstance(num_features, int | np.integer) and not isinstance(num_features, bool)
    if not whole or num_features < least:
        raise ValueError(
            f"num_features must be a whole number of at least {least}, got {num_features!r}."
        )
    if method == "random_features" and num_features % 2:
        raise ValueError(
            f"num_features must be even for random_features, got {num_features}: each frequency gives a cosine "
            f"and a sine. Take {num_features + 1}."
        )


def decide(
    method: str,
    num_features: int,
    real: Dataset,
    pool: Dataset,
    counts: np.ndarray,
    num_ridges: int,
    num_weights: int,
    limit: float | int | None,
) -> tuple[str, int]:
    """Method and number of features: "auto" is exact where that fits into memory, else "nystrom".

    Args:
        method: As asked for.
        num_features: As asked for; "auto" takes no more than there are rows.
        real: n real points.
        pool: m synthetic points.
        counts: Counts that the exact method would try.
        num_ridges: Ridges.
        num_weights: Weights.
        limit: Bytes allowed; None for nine tenths of what is free.

    Raises:
        ValueError: more landmarks asked for than there are rows; for "auto", neither method fits into memory.
    """
    rows = len(real) + int(counts[-1])
    if method == "auto":
        needed = krr.estimate_memory(
            len(real),
            int(counts[-1]),
            features=int(np.prod(real.x.shape[1:])),
            outputs=real.num_classes or int(np.prod(real.y.shape[1:])),
            counts=len(counts),
            ridges=num_ridges,
            residuals=True,
        )
        if _memory.fits(needed, limit):
            return "exact", num_features
        taken = min(int(num_features), rows)
        _check_features(taken, real, rows, counts, num_ridges, num_weights, limit, needed)
        return "nystrom", taken
    if method == "nystrom" and num_features > rows:
        raise ValueError(
            f"num_features asks for {num_features} landmarks and there are {rows} rows ({len(real)} real, "
            f"{rows - len(real)} synthetic). Take at most {rows}, or the exact method "
            "(--method exact, method='exact'), which is cheaper here."
        )
    return method, int(num_features)


def _check_features(
    number: int,
    real: Dataset,
    rows: int,
    counts: np.ndarray,
    num_ridges: int,
    num_weights: int,
    limit: float | int | None,
    exact: int,
) -> None:
    """Refuse, where the exact method does not fit, features that do not fit either; the message names both."""
    tried = min(len(counts), NUM_COUNTS)
    needed = _nystrom.estimate(
        num_features=number,
        dimension=int(np.prod(real.x.shape[1:])),
        outputs=real.num_classes or int(np.prod(real.y.shape[1:])),
        counts=tried,
        cells=tried * num_ridges * num_weights,
        real=len(real),
        block=min(_BLOCK, rows),
        residuals=True,
    )
    _memory.check(
        needed,
        limit,
        rows=f"{number:,d} features of nystrom, which auto takes because exact regression on {rows:,d} rows does "
        f"not fit either (it needs {exact / 1e9:.2f} GB),",
        remedy="Take fewer features (--num-features, num_features=...), fewer real points, fewer counts, ",
    )


def make(
    method: str, num_features: int, real: Dataset, pool: Dataset, *, key: Key
) -> Approximation | None:
    """The features of an advice, drawn once; None for "exact"."""
    if method == "exact":
        return None
    landmarks = draw_landmarks(real, pool, num_features, key=key) if method == "nystrom" else None
    return Approximation(method, num_features, landmarks, key)


def draw_landmarks(real: Dataset, pool: Dataset, number: int, *, key: Key) -> np.ndarray:
    """Inputs (number, ...): half real, half synthetic, more of one side where the other has too few.

    Args:
        real: n real points.
        pool: m synthetic points; n + m >= number.
        number: D.
        key: PRNG key.
    """
    mine = min(len(real), max(number // 2, number - len(pool)))
    rng = _numerics.host_generator(key)
    parts = []
    for data, size in ((real, mine), (pool, number - mine)):
        # Sorted: a memory map is read in the order of the file.
        rows = np.sort(rng.choice(len(data), size, replace=False))
        x = np.ascontiguousarray(np.asarray(data.x)[rows])
        parts.append(np.asarray(_numerics.as_float(x)))
    return np.concatenate(parts)


def in_order(pool: Dataset, order: np.ndarray) -> krr.Stream:
    """The pool in an order, a block at a time: a whole copy of a memory-mapped pool may not fit."""

    def blocks():
        for start in range(0, len(order), _BLOCK):
            yield pool[order[start : start + _BLOCK]]

    return krr.Stream(blocks, len(order))


def num_counts(method: str) -> int:
    """Counts tried where none are named."""
    return 60 if method == "exact" else NUM_COUNTS


def orders_for(given: int | None, method: str, pool: int) -> int:
    """Orders to average over: those given, else three, or one of a large pool on features."""
    if given is not None:
        return given
    return 1 if method != "exact" and pool > _LARGE_POOL else NUM_ORDERS


def words(settings: Mapping[str, Any]) -> str | None:
    """How the kernel was approximated, from an advice's settings; None where it was not."""
    name = {"nystrom": "Nyström", "random_features": "random Fourier"}.get(
        settings.get("method", "exact")
    )
    if name is None:
        return None
    return f"{settings['num_features']:,d} {name} features; left-out errors are those of regression on them"


def lost(alone: Mapping[str, float] | None) -> float:
    """Share of the real-only error on features that the kernel itself does not have; zero where it is no less."""
    if alone is None or not alone["features"] > 0:
        return 0.0
    return max(1.0 - alone["exact"] / alone["features"], 0.0)


def cautions(settings: Mapping[str, Any]) -> list[str]:
    """Warnings where there are too few features, or left-out errors on them are themselves inexact."""
    found = []
    alone = settings.get("real_only")
    claim = settings.get("withheld")
    if claim is not None or lost(alone) > _FLATTERS / (1.0 + _FLATTERS):
        assert alone is not None
        said = "" if claim is None else f', so "{claim}" is not said'
        found.append(
            f"Too few features: on them real data alone have a left-out error of {alone['features']:.3g}, with the "
            f"kernel itself {alone['exact']:.3g} ({alone['points']:,d} real points). That flatters synthetic data"
            f"{said}. {MORE}"
        )
    error = settings.get("leverage_error", 0.0)
    if error > _LEVERAGE_ERROR:
        found.append(
            f"Left-out errors were interpolated between ridges and weights, and single ones may be off by "
            f"{200 * error:.1f} %: name fewer ridges, weights or counts."
        )
    return found


def described(
    asked: str,
    approximation: Approximation | None,
    sweep: krr.Sweep,
    real: Dataset,
    kernel: KernelFunction,
) -> dict[str, Any]:
    """What an advice's settings say of the method: as asked for, as used, and how well it did.

    Args:
        asked: The method that was asked for.
        approximation: The features, or None.
        sweep: What they gave.
        real: Real points, targets centred.
        kernel: The kernel.
    """
    if approximation is None:
        return {"method": "exact", "method_asked": asked}
    return {
        "method": approximation.method,
        "method_asked": asked,
        "num_features": approximation.num_features,
        "leverage_error": float(sweep.leverage_error),
        "real_only": _real_only(approximation, real, kernel, sweep.ridges),
    }


def _real_only(
    approximation: Approximation, real: Dataset, kernel: KernelFunction, ridges: np.ndarray
) -> dict[str, float] | None:
    """Least left-out errors of real data alone, exact and on the features; None where they are the same.

    Of more than 2,000 points a random part, which is a little kind to the features: more points can use more.
    """
    if approximation.landmarks is not None and 2 * len(real) <= approximation.num_features:
        return None
    if len(real) > _LOOKED_AT:
        rows = _numerics.host_generator(approximation.key).permutation(len(real))[:_LOOKED_AT]
        real = real[np.sort(rows)]
    least = {}
    for name, options in (("exact", {}), ("features", approximation.options())):
        errors = krr.sweep(
            real, None, kernel=kernel, ridges=ridges, counts=[0], **options
        ).loo_error
        if errors is None or not np.isfinite(errors).any():
            return None
        least[name] = float(np.nanmin(errors))
    return {**least, "points": len(real)}
