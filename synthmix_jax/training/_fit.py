"""`fit`: one network, the population of one."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh
from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array
from synthmix_jax.dataset import Dataset

from ._config import Config
from ._predictor import Predictor
from ._result import Result
from ._sweep import Progress, sweep

_BLOCK = 512


class Fit(NamedTuple):
    """One trained network.

    Attributes:
        model: The trained Flax NNX module; it takes data as they are and standardises them itself.
        result: The sweep of one cell: errors, history, status.
    """

    model: Predictor
    result: Result

    def predict(self, x: Shaped[Array, "t ..."]) -> Float[np.ndarray, "t k"]:
        """Class scores (t, classes), whose argmax is the class, or targets (t, k); in blocks."""
        starts = range(0, max(len(x), 1), _BLOCK)
        return np.concatenate([np.asarray(_scores(self.model, x[i : i + _BLOCK])) for i in starts])


@nnx.jit
def _scores(model: Predictor, x: Array) -> Any:
    return model(x)


def fit(
    model: Callable[[Any], Any],
    real: Dataset,
    synthetic: Dataset | None = None,
    *,
    ratio: float = 0.0,
    test: Dataset | None = None,
    seed: int = 0,
    config: Config | None = None,
    workdir: str | os.PathLike[str] | None = None,
    mesh: Mesh | None = None,
    memory_limit: float | int | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Train one network; the same numbers as the same cell of a sweep.

    Args:
        model: From `flax.nnx.Rngs` to a Flax NNX module.
        real: Real points; some are held out to choose the epoch (`Config.num_validation`).
        synthetic: Synthetic points, or None.
        ratio: Ratio of synthetic to real training points.
        test: Real points to score it on, or None.
        seed: Of data, parameters and order.
        config: How to train.
        workdir: Folder that records the run.
        mesh: Devices; None for the first one.
        memory_limit: Bytes it may take.
        progress: Called as progress(done, total, what).

    Raises:
        ValueError: as `sweep`.
    """
    if mesh is None and jax.process_count() == 1:
        mesh = Mesh(np.array(jax.devices()[:1]), ("models",))
    result = sweep(
        model,
        real,
        synthetic,
        test=test,
        ratios=[ratio],
        seeds=[seed],
        config=config,
        workdir=workdir,
        mesh=mesh,
        keep_models=True,
        memory_limit=memory_limit,
        progress=progress,
    )
    return Fit(result.model(0, 0), result)
