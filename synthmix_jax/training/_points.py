"""Data sets as arrays for the device, and all that must be right about them."""

import hashlib
import math
from typing import Any

import numpy as np
from jaxtyping import Float

from synthmix_jax import _checks, _matching
from synthmix_jax._typing import Array
from synthmix_jax.dataset import Dataset

from ._config import Config
from ._step import Points

_BLOCK = 1024


def check(
    real: Dataset,
    synthetic: Dataset | None,
    test: Dataset | None,
    config: Config,
    validation: Dataset | None = None,
    target: Dataset | None = None,
) -> None:
    """Raise ValueError unless the data sets can be trained on together, as `config` says.

    Raises:
        ValueError: data that do not match, non-finite numbers, labels outside the real classes, or augmentation
            of what is no image.
    """
    _matching.check_data(real, synthetic, test, least=1, maps=True)
    if target is not None:
        _check_target(real, target)
    if validation is not None:
        _check_validation(real, validation, config)
    classes = real.num_classes
    others = (
        ("synthetic", synthetic),
        ("test", test),
        ("validation", validation),
        ("target", target),
    )
    for name, data in others:
        if data is not None and classes is not None and (data.num_classes or 0) > classes:
            largest = int(np.max(np.asarray(data.y)))
            if largest >= classes:
                raise ValueError(
                    f"{name}.y holds the label {largest}, but real has {classes} classes (0 to {classes - 1}): "
                    "drop those points, or give real its num_classes."
                )
    for name, data in (("real", real), *others):
        if data is not None:
            _checks.finite(f"{name}.x", data.x)
            _checks.finite(f"{name}.y", data.y)
    if config.flip or config.shift:
        shape = real.x.shape[1:]
        if len(shape) not in (2, 3, 4):
            raise ValueError(
                "flip and shift are for images (n, h, w[, c]) and volumes (n, h, w, d, c), but x has shape "
                f"{real.x.shape}: leave them out."
            )
        if config.shift >= min(shape[:2]):
            raise ValueError(
                f"shift is {config.shift} pixels, but the images are {shape[0]} x {shape[1]}: shift less."
            )


def _check_target(real: Dataset, target: Dataset) -> None:
    if not isinstance(target, Dataset) or len(target) == 0:
        raise ValueError(
            f"target must be a Dataset of at least one labelled real point, got {target!r}; leave it out to train "
            "on the source and synthetic points alone."
        )
    _matching.check_match(real, target, "target")


def _check_validation(real: Dataset, validation: Dataset, config: Config) -> None:
    if not isinstance(validation, Dataset) or len(validation) == 0:
        raise ValueError(
            f"validation must be a Dataset of at least one point, got {validation!r}; leave it out to hold out "
            "real points."
        )
    if config.num_validation is not None:
        raise ValueError(
            f"num_validation is {config.num_validation}, but validation points are given: leave one of them out."
        )
    _matching.check_match(real, validation, "validation")


def both(real: Dataset, target: Dataset | None) -> Dataset:
    """The real points that standardise: of source and target together."""
    if target is None:
        return real
    y = np.concatenate([np.asarray(data.y) for data in (real, target)])
    return Dataset(_inputs([real, target]), y, num_classes=real.num_classes)


def pooled(
    real: Dataset,
    synthetic: Dataset | None,
    config: Config,
    validation: Dataset | None = None,
    target: Dataset | None = None,
) -> Points:
    """Real points first, then synthetic, target and validation ones; standardised by real and target points."""
    parts = [data for data in (real, synthetic, target, validation) if data is not None]
    real = both(real, target)
    mean, scale = _moments(real, config)
    if real.num_classes is not None:
        y, y_scale = _labels(parts), target_moments(real, config)[1]
    else:
        y_mean, y_scale = target_moments(real, config)
        y = np.concatenate([_standard_targets(d.y, y_mean, y_scale) for d in parts])
    return Points(_inputs(parts), y, mean, scale, y_scale)


def like(points: Points, data: Dataset, real: Dataset, config: Config) -> Points:
    """Other data, standardised as `points` are."""
    if real.num_classes is not None:
        y = _labels([data])
    else:
        y = _standard_targets(data.y, *target_moments(real, config))
    return points._replace(x=_inputs([data]), y=y)


def target_moments(
    real: Dataset, config: Config
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Mean and deviation of regression targets."""
    if real.num_classes is not None:
        return np.zeros(1, np.float32), np.ones(1, np.float32)
    y = np.asarray(real.y, np.float64).reshape(len(real), -1)
    if not config.normalize:
        return np.zeros(y.shape[1], np.float32), np.ones(y.shape[1], np.float32)
    return y.mean(axis=0).astype(np.float32), _positive(y.std(axis=0))


def fingerprint(data: Dataset | None) -> dict[str, Any] | None:
    """What tells a data set from another one in a record: shapes, types and a checksum of all numbers."""
    if data is None:
        return None
    digest = hashlib.sha256()
    for array in (data.x, data.y):
        digest.update(np.ascontiguousarray(np.asarray(array)).view(np.uint8).data)
    x, y = np.asarray(data.x), np.asarray(data.y)
    return {
        "x": f"{x.dtype}{list(x.shape)}",
        "y": f"{y.dtype}{list(y.shape)}",
        "num_classes": data.num_classes,
        "sha256": digest.hexdigest()[:16],
    }


def _inputs(parts: list[Dataset]) -> np.ndarray:
    arrays = [np.asarray(data.x) for data in parts]
    if all(x.dtype == np.uint8 for x in arrays):
        return np.concatenate(arrays)
    return np.concatenate([_float(x) for x in arrays])


def _float(x: Array) -> Float[np.ndarray, "n ..."]:
    wide = np.asarray(x).astype(np.float32)
    return wide / np.float32(255.0) if x.dtype == np.uint8 else wide


def _labels(parts: list[Dataset]) -> np.ndarray:
    y = np.concatenate([np.asarray(data.y) for data in parts])
    # A label a pixel: bytes hold a quarter of what int32 takes on the device.
    return y.astype(np.uint8 if y.ndim > 1 and y.max() < 256 else np.int32)


def _standard_targets(y: Array, mean: np.ndarray, scale: np.ndarray) -> Float[np.ndarray, "n k"]:
    wide = np.asarray(y, np.float64).reshape(len(y), -1)
    return ((wide - mean) / scale).astype(np.float32)


def _moments(real: Dataset, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of images and volumes channel by channel, of vectors feature by feature."""
    x = np.asarray(real.x)
    keep = () if x.ndim == 3 else (x.ndim - 1,) if x.ndim in (2, 4, 5) else ()
    shape = tuple(x.shape[a] for a in keep)
    if not config.normalize:
        return np.zeros(shape, np.float32), np.ones(shape, np.float32)
    axes = tuple(a for a in range(x.ndim) if a not in keep)
    unit = 255.0 if x.dtype == np.uint8 else 1.0
    # Block by block: a float64 copy of all images would be eight times their size.
    blocks = [x[i : i + _BLOCK] for i in range(0, len(x), _BLOCK)]
    number = x.size / math.prod(shape)
    mean = sum(np.sum(b, axis=axes, dtype=np.float64) for b in blocks) / number
    square = sum(np.sum((b - mean) ** 2, axis=axes, dtype=np.float64) for b in blocks) / number
    return np.asarray(mean / unit, np.float32), _positive(np.asarray(np.sqrt(square) / unit))


def _positive(scale: np.ndarray) -> np.ndarray:
    """A feature that never varies is left as it is."""
    return np.asarray(np.where(scale > 1e-6, scale, 1.0), np.float32)
