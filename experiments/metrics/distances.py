"""Every discrepancy between the real points at hand and each source's, made dimensionless.

Two views of a sample. "inputs": inputs divided by the root of the real points' total variance. "joint": beside them
the targets (or centred one-hot labels), divided likewise, so that inputs and targets matter alike: the law of the
pair (x, y), which is what a bound on the error is about. `labelled_wasserstein` sees labels in the first view.
"""

from collections.abc import Sequence

import numpy as np

import synthmix_jax as smx

from .config import Config
from .data import Material

TRANSFER_POINTS = 400


def distances(
    real: smx.Dataset,
    pools: dict[str, smx.Dataset],
    config: Config,
    key,
    *,
    max_points: int | None = None,
    forms: Sequence[bool] = (False, True),
) -> dict[str, dict[str, list[float]]]:
    """By metric and source: value, excess over the floor, and (if asked for) the debiased value.

    Args:
        real: The real points a user would have.
        pools: Synthetic points of each source.
        config: Metrics, bootstrap halves, points.
        key: PRNG key.
        max_points: Other than `config.max_points`.
        forms: Without and with debiasing, or one of them.
    """
    scale, unit = spread(real.x), spread(targets(real))
    found: dict[str, dict[str, list[float]]] = {}
    for view in ("inputs", "joint"):
        if view == "inputs":
            see = lambda d: inputs(d, scale)
            with_labels = real.num_classes is not None and "wasserstein" in config.metrics
            labelled = ("labelled_wasserstein",) if with_labels else ()
        else:
            see = lambda d: np.hstack([rows(d.x) / scale, targets(d) / unit])
            labelled = ()
        tables = [
            smx.distances.compare(
                see(real),
                {name: see(pool) for name, pool in pools.items()},
                key=key,
                metrics=(*config.metrics, *labelled),
                features=rows,
                num_bootstrap=config.num_bootstrap,
                max_points=max_points or config.max_points,
                per_class=False,
                debias=debias,
            )
            for debias in forms
        ]
        for plain, *debiased in zip(*(table.rows for table in tables), strict=True):
            numbers = [plain.value, plain.excess, *(row.value for row in debiased)]
            found.setdefault(f"{view}: {plain.metric}", {})[plain.synthetic] = numbers
    return found


def transfer(
    real: smx.Dataset, pool: smx.Dataset, material: Material, ridge: float, loo: float
) -> list[float]:
    """Distance between functions rather than points: how far a regression on synthetic points is off on real ones.

    Theorems on regression are stated in such a distance. The squared error is in units of the targets' variance,
    the result its root.

    Args:
        real: The real points a user would have.
        pool: Synthetic points; the first of them are used.
        material: The kernel.
        ridge: Of the regression.
        loo: Leave-one-out error of the real points alone.

    Returns:
        Of the error, and of what it is above `loo` (zero if it is below).
    """
    fitted = smx.krr.fit(pool[:TRANSFER_POINTS], kernel=material.kernel, ridge=ridge)
    y = targets(real)
    error = ((np.reshape(fitted.predict(real.x), y.shape) - y) ** 2).sum(axis=1).mean()
    squares = np.array([error, max(0.0, error - loo)])
    return np.sqrt(squares / spread(y) ** 2).tolist()


def inputs(data: smx.Dataset, scale: float) -> smx.Dataset | np.ndarray:
    """Inputs in units of the real points' spread, with labels where there are classes."""
    x = rows(data.x) / scale
    if data.num_classes is None:
        return x
    return smx.Dataset(x, data.y, num_classes=data.num_classes)


def rows(x) -> np.ndarray:
    """Points as vectors."""
    return np.asarray(x, np.float32).reshape(len(x), -1)


def targets(data: smx.Dataset) -> np.ndarray:
    """Targets (n, k); labels as centred one-hot ones."""
    if data.num_classes is None:
        return rows(data.y)
    one_hot = np.eye(data.num_classes, dtype=np.float32)[np.asarray(data.y)]
    return one_hot - 1.0 / data.num_classes


def spread(values) -> float:
    """Root of the total variance."""
    return float(np.sqrt(rows(values).var(axis=0).sum()))
