"""Advice as strict JSON: plain types, null for what is not a number, keys in a stable order."""

import dataclasses
import json
import math
import re
from typing import Any

import numpy as np

from synthmix_jax import kernels

from . import _distance_tables, _network_tables, _tables, _words
from ._records import Advice

# Raised whenever a field changes its meaning or goes; new fields may come without.
FORMAT = 1


def text(advice: Advice) -> str:
    """The content of advice.json: everything needed to read the answer and to redo the run."""
    return dumps(content(advice))


def content(advice: Advice) -> dict[str, Any]:
    """Verdict, curve, a summary of the sweep, and settings, in NumPy and Python types."""
    fields = (
        "verdict",
        "count",
        "ratio",
        "weight",
        "ridge",
        "interval",
        "gain",
        "gain_interval",
        "real_only_error",
        "error",
        "num_real",
        "pool",
        "copies",
        "warnings",
        "names",
        "curve",
        "settings",
    )
    table, nets = advice.distances, advice.networks
    if nets is not None:
        fields += ("networks", "tested")
    if advice.adaptation is not None:
        fields += ("adaptation",)
    return {
        "format": FORMAT,
        "summary": _words.sentence(advice),
        "share": _tables.share(advice),
        "kernel": None if advice.kernel is None else kernels.describe(advice.kernel),
        "distances": None if table is None else _distance_tables.content(table),
        "sweep": _sweep(advice) if nets is None else _network_tables.sweep(advice.sweep),
        **{name: getattr(advice, name) for name in fields},
    }


def dumps(value: Any) -> str:
    """Strict JSON, indented, keys sorted, ASCII: the same bytes for the same content on every machine."""
    spread = json.dumps(plain(value), indent=2, sort_keys=True, allow_nan=False)
    # Lists of numbers take one line. No string can match: line breaks within strings are escaped.
    return re.sub(r"\[\n[^\[\]{}\"]*\]", _on_one_line, spread) + "\n"


def plain(value: Any) -> Any:
    """Python's own types only: arrays as lists, records as dictionaries, NaN and infinity as None."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, np.generic) or hasattr(value, "__array__"):
        return _from_array(np.asarray(value))
    return str(value)


def _on_one_line(found: re.Match[str]) -> str:
    return f"[{' '.join(found[0][1:-1].split())}]"


def _from_array(array: np.ndarray) -> Any:
    if array.dtype.kind not in "biufSU":
        # bfloat16 and its like have no JSON of their own.
        array = array.astype(np.float64) if array.dtype.kind == "V" else array.astype(str)
    return plain(array.tolist())


def _sweep(advice: Advice) -> dict[str, Any]:
    """Grid, and for each weight and ridge its least error and where: the errors of every cell are many."""
    if advice.sweep is None:
        return {}
    sweep, errors = advice.sweep, advice.sweep.loo_error
    rows = []
    for w, l in np.ndindex(len(sweep.weights), len(sweep.ridges)):
        row: dict[str, Any] = {"weight": sweep.weights[w], "ridge": sweep.ridges[l]}
        row["failed"] = int((sweep.status[w, l] == 2).sum())
        if errors is not None and np.isfinite(errors[w, l]).any():
            best = int(np.nanargmin(errors[w, l]))
            row |= {"best_count": sweep.counts[best], "least_loo_error": errors[w, l, best]}
            row |= {"loo_error_real_only": errors[w, l, 0], "loo_error_all": errors[w, l, -1]}
        rows.append(row)
    grid = {"counts": sweep.counts, "ridges": sweep.ridges, "weights": sweep.weights}
    return {**grid, "cells": rows}
