"""The door to sweeps on features: what is asked for is checked, features are made, records are filled."""

import math
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from synthmix_jax import _checks, _devices, _matching, _numerics, kernels
from synthmix_jax._typing import Array, KernelFunction, Key
from synthmix_jax.dataset import Dataset

from . import _features, _landmarks, _memory, _nystrom, _saved, _status
from ._features import FeatureMap
from ._rows import Stream

METHODS = ("exact", "nystrom", "random_features", "auto")
# Counts that are taken where none are named: each costs a D x D matrix and a factor for every ridge and weight.
MOST_COUNTS = 33
_BLOCK = 4096
# Rows of inputs that tell data sets apart.
_LOOKED_AT = 20_000


def counts_of(counts: Any, pool: int) -> np.ndarray:
    """Counts asked for, or evenly spaced ones from none to all."""
    if counts is None:
        counts = np.unique(np.linspace(0, pool, min(pool + 1, MOST_COUNTS)).round().astype(int))
    return _checks.count_values("counts", counts, largest=pool)


def features(
    real: Dataset,
    synthetic: Dataset | Stream | None,
    *,
    kernel: KernelFunction,
    method: str,
    num_features: int,
    landmarks: str | Array,
    count: int,
    ridge: float,
    key: Key | None,
) -> FeatureMap:
    """The feature map of a method, in float64.

    Args:
        real: n real points.
        synthetic: The pool, or None.
        kernel: The kernel.
        method: "nystrom" or "random_features".
        num_features: D.
        landmarks: "uniform", "leverage", or inputs (D, ...).
        count: Synthetic points that landmarks are drawn from.
        ridge: Of the leverage scores.
        key: PRNG key; None only with landmarks that are given.

    Raises:
        ValueError: as `krr.sweep`.
    """
    _checked_number(num_features)
    given = not isinstance(landmarks, str)
    if key is None and not (method == "nystrom" and given):
        raise ValueError(
            f"method={method!r} draws its features at random: give key, such as jax.random.key(0)."
        )
    if method == "random_features":
        if given or landmarks != "uniform":
            raise ValueError(
                "landmarks are for method='nystrom'; random features have frequencies instead. Leave landmarks out."
            )
        if not isinstance(kernel, kernels.Kernel):
            raise ValueError(
                "random Fourier features need a kernel of smx.kernels whose spectral density is known, got "
                f"{kernels.describe(kernel)}. Take method='nystrom', which suits any kernel."
            )
        assert key is not None
        dimension = math.prod(real.x.shape[1:])
        return _features.fourier_features(kernel, int(num_features), dimension=dimension, key=key)
    if given:
        return _features.nystrom_features(kernel, _given(landmarks, real))
    _checks.one_of("landmarks", str(landmarks), ("uniform", "leverage"))
    assert key is not None
    chosen = _landmarks.choose(
        kernel,
        real,
        synthetic,
        count=count,
        number=int(num_features),
        how=str(landmarks),
        ridge=ridge,
        key=key,
    )
    return _features.nystrom_features(kernel, chosen)


def _checked_number(num_features: Any) -> None:
    whole = isinstance(num_features, int | np.integer) and not isinstance(num_features, bool)
    if not whole or num_features < 1:
        raise ValueError(
            f"num_features must be a whole number of at least 1, got {num_features!r}."
        )


def _given(landmarks: Any, real: Dataset) -> Array:
    landmarks = _checks.numeric_array("landmarks", landmarks)
    _checks.finite("landmarks", landmarks)
    _matching.check_scale(real.x, landmarks, "landmarks")
    if landmarks.ndim == 0 or not len(landmarks) or landmarks.shape[1:] != real.x.shape[1:]:
        raise ValueError(
            f"landmarks has shape {landmarks.shape}; real.x has {real.x.shape}. Give inputs (D, "
            f"{', '.join(map(str, real.x.shape[1:]))}), or 'uniform' or 'leverage'."
        )
    return landmarks


def sweep(
    real: Dataset,
    synthetic: Dataset | Stream | None,
    *,
    kernel: KernelFunction,
    ridges: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
    test: Dataset | None,
    residuals: bool,
    loo: bool,
    memory_limit: float | int | None,
    method: str,
    num_features: int,
    landmarks: str | Array,
    key: Key | None,
    mesh: Any,
    progress: Callable[[int, int, str], None] | None,
    workdir: str | os.PathLike[str] | None,
) -> dict[str, Any]:
    """The fields of a `Sweep`; arguments checked as far as the exact method needs them.

    Raises:
        ValueError: as `krr.sweep`.
    """
    if isinstance(kernel, kernels.Kernel):  # compiled code cannot look at values
        kernel.check(_numerics.as_rows(np.asarray(real.x[:1])))
    given = not isinstance(landmarks, str)
    size = len(landmarks) if given and method == "nystrom" and np.ndim(landmarks) else num_features
    _checked_number(size)
    block = block_size(max(len(real), int(counts[-1])), mesh)
    pool = synthetic.head() if isinstance(synthetic, Stream) else synthetic
    classes = _matching.num_classes(real, pool, test)
    _memory.check(
        _needed(
            size, real, classes, len(counts), len(ridges) * len(weights), residuals, block, mesh
        ),
        memory_limit,
        rows=f"{size} features, {len(counts)} counts and {len(counts) * len(ridges) * len(weights)} cells",
        remedy="Take fewer features (memory grows with their square times the counts), fewer counts, ",
    )
    if progress is not None:
        progress(0, 1, "making features")
    made = features(
        real,
        synthetic,
        kernel=kernel,
        method=method,
        num_features=num_features,
        landmarks=landmarks,
        count=int(counts[-1]),
        ridge=float(np.exp(np.log(ridges).mean())),
        key=key,
    )
    saved = None
    with _numerics.x64():
        made = _devices.from_first(made)
        if workdir is not None:
            saved = _saved.Saved(workdir, settings_of(real, pool, made, len(synthetic or ())))
            made = saved.adopt(made)
    task = _nystrom.Task(
        real,
        synthetic,
        test,
        made,
        counts,
        ridges,
        weights,
        loo,
        residuals,
        mesh,
        block,
        classes,
        saved,
        progress,
    )
    with _numerics.x64():
        solved = _nystrom.solve(task)
    errors = solved.curves.loo_error if loo else solved.curves.test_error
    return dict(
        counts=counts,
        ratios=counts / len(real),
        ridges=ridges,
        weights=weights,
        status=_status.codes(np.asarray(errors), ridges, weights, solved.largest),
        largest_eigenvalue=solved.largest,
        method=method,
        features=made,
        leverage_error=solved.leverage_error,
        **solved.curves._asdict(),
    )


def settings_of(real: Dataset, pool: Dataset | None, made: FeatureMap, size: int) -> dict[str, Any]:
    """What the sums depend on. Of inputs some thousand rows are looked at: reading all would be the pass itself."""
    kernel = getattr(made, "kernel", None)
    return {
        "kind of features": type(made).__name__,
        "kernel": None if kernel is None else kernels.describe(kernel),
        "num_features": made.num_features,
        "landmarks or frequencies (key, kernel)": _saved.digest(*jax.tree.leaves(_drawn(made))),
        "real points": [len(real), _look(real)],
        "synthetic points": None if pool is None else [size, _look(pool)],
    }


def _drawn(made: FeatureMap) -> Any:
    """What features come from: the same on any host, which what LAPACK makes of it is not."""
    if isinstance(made, _features.NystromFeatures):
        kernel = made.kernel if isinstance(made.kernel, kernels.Kernel) else None
        return kernel, made.landmarks
    return made


def _look(data: Dataset) -> str:
    """Inputs of rows spread over the data, and all targets, in sixteen letters."""
    spread = np.linspace(0, len(data) - 1, min(len(data), _LOOKED_AT)).astype(int)
    return _saved.digest(np.asarray(data.x)[spread], data.y)


def block_size(rows: int, mesh: Mesh) -> int:
    """Rows at a time: a power of two, so that data of similar size share a program."""
    size = min(_BLOCK, 1 << max(5, (rows - 1).bit_length()))
    devices = mesh.shape[_devices.ROWS]
    return -(-size // devices) * devices


def _needed(
    size: int,
    real: Dataset,
    classes: int | None,
    counts: int,
    pairs: int,
    residuals: bool,
    block: int,
    mesh: Mesh,
) -> int:
    """Bytes of one device, or of all virtual ones of this process, which share one memory."""
    shared = len(mesh.local_devices) if mesh.devices.flat[0].platform == "cpu" else 1
    return shared * _nystrom.estimate(
        num_features=size,
        dimension=math.prod(real.x.shape[1:]),
        outputs=classes or math.prod(real.y.shape[1:]),
        counts=counts,
        cells=counts * pairs,
        real=len(real),
        block=block,
        residuals=residuals,
    )
