"""`fit`: one network, the population of one."""

import os
from collections.abc import Callable, Sequence
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

    def predict(self, x: Shaped[Array, "t ..."]) -> Float[np.ndarray, "t ... k"]:
        """Class scores (t, classes), whose argmax is the class, or targets (t, k); in blocks.

        Of label maps, scores of every pixel (t, height, width[, depth], classes).
        """
        if len(x) == 0:  # networks need not take so few
            return self.predict(np.zeros((1, *x.shape[1:]), x.dtype))[:0]
        parts = [_scores(self.model, x[i : i + _BLOCK]) for i in range(0, len(x), _BLOCK)]
        return np.concatenate([np.asarray(part) for part in parts])


@nnx.jit
def _scores(model: Predictor, x: Array) -> Any:
    return model(x)


def fit(
    model: Callable[[Any], Any],
    real: Dataset,
    synthetic: Dataset | None = None,
    *,
    ratio: float | None = None,
    shares: Sequence[float] | None = None,
    test: Dataset | None = None,
    seed: int = 0,
    config: Config | None = None,
    target: Dataset | None = None,
    validation: Dataset | None = None,
    workdir: str | os.PathLike[str] | None = None,
    mesh: Mesh | None = None,
    memory_limit: float | int | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Train one network; the same numbers as the same cell of a sweep.

    Args:
        model: From `flax.nnx.Rngs` to a Flax NNX module.
        real: Real points; some are held out to choose the epoch (`Config.num_validation`), or of `target`.
        synthetic: Synthetic points, or None.
        ratio: Ratio of synthetic to real training points; needed where there are synthetic points and no shares.
        shares: Of the loss, of source (`real`), target and synthetic points: three numbers instead of a ratio.
        test: Real points to score it on, or None.
        seed: Of data, parameters and order.
        config: How to train.
        target: Labelled real points of the domain it is for, as in `sweep`.
        validation: Real points to choose the epoch by, instead of held-out ones of `real` or `target`.
        workdir: Folder that records the run.
        mesh: Devices; None for the first one.
        memory_limit: Bytes it may take.
        progress: Called as progress(done, total, what).

    Returns:
        The trained network and the record of its training.

    Raises:
        ValueError: synthetic points without a ratio, and as `sweep`.
    """
    if ratio is None and shares is None and synthetic is not None:
        raise ValueError(
            "ratio is missing: say how many synthetic points a real one to train with, such as ratio=1.0."
        )
    if mesh is None and jax.process_count() == 1:
        mesh = Mesh(np.array(jax.devices()[:1]), ("models",))
    result = sweep(
        model,
        real,
        synthetic,
        test=test,
        ratios=[ratio or 0.0] if shares is None or ratio is not None else None,
        shares=None if shares is None else [shares],
        seeds=[seed],
        config=config,
        target=target,
        validation=validation,
        workdir=workdir,
        mesh=mesh,
        keep_models=True,
        memory_limit=memory_limit,
        progress=progress,
    )
    return Fit(result.model(0, 0), result)
