"""Rows of the table: a metric on all resamples, summed up beside its floor."""

import dataclasses
import functools
import math
from typing import Any

import numpy as np

from ._metrics import METRICS, Metric
from ._resample import Draw, Parts
from ._table import Row


def row_of(
    metric: Metric,
    name: str,
    label: int | None,
    parts: Parts | None,
    generator: str,
    level: float,
    debias: bool,
    floors: dict[Any, np.ndarray],
) -> Row:
    """The row of one generator; floors at the same sizes are computed once for all (`floors`)."""
    common: dict[str, Any] = {"metric": name, "label": label, "unit": METRICS[name].unit}
    if parts is None:
        numbers = [field.name for field in dataclasses.fields(Row) if field.type is float]
        status = "too few points in this class to halve them"
        blank: dict[str, Any] = dict.fromkeys(numbers, math.nan)
        blank.update(common, sizes=(0, 0), status=status)
        return Row(synthetic=generator, **blank)
    metric.begin(np.unique(np.concatenate([draw.rows.ravel() for draw in parts.real])))
    measure = _debiased if debias else _plain
    power = METRICS[name].power
    centre = functools.partial(_mean, power=power if debias else 1)
    halves = (name, label, *(draw.rows.tobytes() for draw in parts.real))
    if halves not in floors:
        floors[halves] = measure(metric, parts, None, power)
    floor = floors[halves]
    value = measure(metric, parts, parts.synthetic, power)
    lost = int((~np.isfinite(value) | ~np.isfinite(floor)).sum())
    return Row(
        **common,
        value=centre(value),
        **_ends("", value, level),
        floor=centre(floor),
        **_ends("floor_", floor, level),
        excess=centre(value) - centre(floor),
        **_ends("excess_", value - floor, level),
        sizes=(parts.real[0].size, parts.synthetic[0].size),
        synthetic=generator,
        status="ok" if not lost else f"{lost} of {len(value)} resamples did not converge",
    )


def _plain(metric: Metric, parts: Parts, synthetic: tuple[Draw, ...] | None, power: int):
    """Distances of each resample: to the synthetic part, or to the other real one."""
    other = parts.real[1] if synthetic is None else synthetic[0]
    values, ok = metric.between(parts.real[0], other)
    return np.where(ok, np.maximum(values, 0.0), np.nan)


def _debiased(metric: Metric, parts: Parts, synthetic: tuple[Draw, ...] | None, power: int):
    """Half of S(x1, y1) + S(x2, y2) - S(x1, x2) - S(y1, y2), and its signed root."""
    x1, x2, *rest = parts.real
    y1, y2 = rest if synthetic is None else synthetic

    def between(a: Draw, b: Draw) -> np.ndarray:
        values, ok = metric.between(a, b)
        return np.where(ok, np.sign(values) * np.abs(values) ** power, np.nan)

    total = (between(x1, y1) + between(x2, y2) - between(x1, x2) - between(y1, y2)) / 2
    return np.sign(total) * np.abs(total) ** (1.0 / power)


def _mean(values: np.ndarray, power: int) -> float:
    """Mean over resamples; debiased ones average in the power that is unbiased, where signs cancel."""
    if not np.isfinite(values).any():
        return math.nan
    mean = np.nanmean(np.sign(values) * np.abs(values) ** power)
    return float(np.sign(mean) * np.abs(mean) ** (1.0 / power))


def _ends(prefix: str, values: np.ndarray, level: float) -> dict[str, Any]:
    if not np.isfinite(values).any():
        return {f"{prefix}low": math.nan, f"{prefix}high": math.nan}
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return {f"{prefix}low": float(low), f"{prefix}high": float(high)}
