"""One fit on features, or an average of fits over counts, ridges and weights, as a function that predicts."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Float

from synthmix_jax import _checks, _devices, _matching, _numerics
from synthmix_jax._typing import Array, Numbers
from synthmix_jax.dataset import Dataset

from . import _approximate, _cells, _problem, _saved, _status, _sums
from ._features import FeatureMap, FourierFeatures, NystromFeatures
from ._rows import Stream


@dataclass(frozen=True, eq=False)
class FeatureFit:
    """f(x) = phi(x) beta.

    Attributes:
        features: phi.
        coefficients: beta (D, k), float64.
        flat: Whether predictions are (t,) (one regression target given as (n,)) or (t, k).
        example: One input, whose shape others must have.
        pixels: Whether the real inputs came as uint8 images, read as x / 255.
    """

    features: FeatureMap
    coefficients: Float[np.ndarray, "D k"]
    flat: bool
    example: np.ndarray
    pixels: bool = False

    def predict(self, x: Array, *, block_size: int = 4096) -> np.ndarray:
        """Predict targets, or class scores (argmax over the last axis is the class).

        Args:
            x: Inputs (t, ...), as those fitted on.
            block_size: Test rows handled at a time, which bounds memory.

        Returns:
            Targets (t,) or (t, k), or class scores (t, k), float64.

        Raises:
            ValueError: features that do not match, non-finite values, or a block size below one.
        """
        return _problem.predict_in_blocks(
            lambda block: _predict(self.features, block, self.coefficients),
            x,
            example=self.example,
            outputs=self.coefficients.shape[1],
            flat=self.flat,
            pixels=self.pixels,
            block_size=block_size,
        )


def fit_features(
    real: Dataset,
    synthetic: Dataset | Stream | None = None,
    *,
    features: FeatureMap,
    ridges: Numbers,
    counts: Numbers | None = None,
    weights: Numbers = (1.0,),
    frequencies: Array | None = None,
    mesh: Any = None,
    workdir: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> FeatureFit:
    """Ridge regression on features; of several ridges, counts and weights the average, from one pass over the rows.

    Args:
        real: n >= 1 real points.
        synthetic: The pool, in the order that the counts refer to, or None.
        features: phi, such as `sweep.features`, or of `nystrom_features` or `fourier_features`.
        ridges: Absolute ridges (l,), positive.
        counts: Strictly increasing synthetic counts (c,); None for the whole pool.
        weights: Weights (w,) of one synthetic point, positive.
        frequencies: What each cell (w, l, c) contributes; normally they sum to one. None where there is one cell.
        mesh: Devices, as for `sweep`.
        workdir: Folder of the sums, as for `sweep`; after a sweep at the same counts no row is read again.
        progress: Told (done, total, what) of rows.

    Returns:
        The `FeatureFit` whose predictions are the sum of frequency times those of each cell.

    Raises:
        ValueError: data that do not match, several cells without frequencies, frequencies of another shape, or a
            matrix that is not positive definite.
    """
    if not isinstance(features, NystromFeatures | FourierFeatures):
        raise ValueError(
            "features must be a feature map such as sweep.features or krr.nystrom_features(kernel, "
            "landmarks), got "
            f"{type(features).__name__}. (A sweep by the exact method has none: use krr.fit.)"
        )
    pool = synthetic.head() if isinstance(synthetic, Stream) else synthetic
    _matching.check_data(real, pool, least=1)
    given = (
        features.landmarks.shape[1:]
        if isinstance(features, NystromFeatures)
        else features.frequencies.shape[:1]
    )
    if math.prod(given) != math.prod(real.x.shape[1:]):
        raise ValueError(
            f"features take points of shape {tuple(given)}, and real.x has {real.x.shape}. Make them from "
            "points like these."
        )
    ridges = _checks.positive_values("ridges", ridges)
    weights = _checks.positive_values("weights", weights)
    size = 0 if synthetic is None else len(synthetic)
    counts = _checks.count_values("counts", [size] if counts is None else counts, largest=size)
    share = _frequencies(frequencies, (len(weights), len(ridges), len(counts)))
    on = _devices.one_device() if mesh is None else _devices.check_mesh(mesh)
    classes = _matching.num_classes(real, pool)
    outputs = classes or math.prod(real.y.shape[1:])
    saved, passed = None, [0]
    if workdir is not None:
        saved = _saved.Saved(workdir, _approximate.settings_of(real, pool, features, size))
        with _numerics.x64():
            features = saved.adopt(features)

    def tick(rows: int) -> None:
        passed[0] += rows
        if progress is not None:
            progress(passed[0], len(real) + int(counts[-1]), "reading rows")

    with _numerics.x64():
        placed = jax.tree.map(lambda a: _devices.place(a, on, PartitionSpec()), features)
        sums = _sums.accumulate(
            real,
            synthetic,
            placed,
            counts,
            outputs=outputs,
            classes=classes,
            block=_approximate.block_size(max(len(real), int(counts[-1])), on),
            mesh=on,
            tick=tick,
            saved=saved,
        )
        used = np.flatnonzero(share)
        grid = _cells.grid(len(counts), ridges, weights)
        cells = _cells.Cells(*(np.asarray(a)[used] for a in grid))
        nothing = _devices.place(np.zeros((0, features.num_features)), on, PartitionSpec())
        coefficients, _ = _cells.solve_all(sums, nothing, cells, mesh=on)
    total = np.einsum("z,zdk->dk", share[used], coefficients)
    if not np.isfinite(total).all():
        bad = int(np.flatnonzero(~np.isfinite(coefficients).all(axis=(1, 2)))[0])
        raise ValueError(
            _status.explain(
                _status.FAILED,
                ridge=float(cells.ridge[bad]),
                weight=float(cells.weight[bad]),
                count=int(counts[int(cells.place[bad])]),
                largest=float(np.trace(np.asarray(sums.real_gram + sums.gram[-1]))),
            )
        )
    flat = real.num_classes is None and real.y.ndim == 1
    example = np.asarray(_numerics.as_float(np.asarray(real.x[:1])))
    return FeatureFit(features, total, flat, example, real.x.dtype == np.uint8)


def _frequencies(given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """What each cell contributes, flat."""
    if given is None:
        if math.prod(shape) != 1:
            raise ValueError(
                f"{math.prod(shape)} cells (weights x ridges x counts) need frequencies, an array {shape} of what "
                "each contributes; or give one ridge, one weight and one count."
            )
        return np.ones(1)
    array = np.asarray(given, np.float64)
    if array.shape != shape or not np.isfinite(array).all() or not array.any():
        raise ValueError(
            f"frequencies must be finite numbers of shape {shape} (weights, ridges, counts), not all zero; got "
            f"shape {array.shape}."
        )
    return array.ravel()


@jax.jit
def _predict(features: FeatureMap, x: Array, coefficients: Array) -> jax.Array:
    return jax.numpy.matmul(features(x), coefficients, precision=_numerics.HIGHEST)
