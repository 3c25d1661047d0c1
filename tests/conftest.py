"""Shared set-up of the suite: float64, two virtual devices, shapes checked, data found."""

import os
from importlib.metadata import version

# Before JAX is imported: several CPU devices in one process, and a quiet log. Loops are emitted as LLVM at once, in
# a fourth of the time that the way through MLIR takes, which is what users have: the same numbers but for rounding.
_XLA_FLAGS = ["--xla_force_host_platform_device_count=2"]
if version("jaxlib").startswith("0.10."):  # a flag that XLA does not know ends the process
    _XLA_FLAGS += [
        "--xla_cpu_use_fusion_emitters=false",
        "--xla_cpu_parallel_codegen_split_count=1",
    ]
os.environ.setdefault("XLA_FLAGS", " ".join(_XLA_FLAGS))
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Every core has a worker of its own: threads of NumPy's linear algebra beside them only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Most of the suite's time is XLA's: programs that run for a moment are compiled with little effort, in a third of
# the time. `full_compilation` is for what users' compilation is tested by. Programs started by tests inherit this.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")
# The command line keeps compiled programs in the user's cache folder; the suite leaves that alone.
os.environ.setdefault("SYNTHMIX_CACHE", "off")

from jaxtyping import install_import_hook

# Signatures are checked under the suite only; users pay nothing for them.
_hook = install_import_hook("synthmix_jax", "beartype.beartype")

import dataclasses
import gc
from pathlib import Path

import jax
import numpy as np
import pytest

MOST_MAPPINGS = 10_000


@pytest.fixture
def rng():
    return np.random.default_rng(20251008)


@pytest.fixture(scope="module")
def full_compilation():
    """XLA optimises as it does for users: for tests of what it makes, and for those that compute for long.

    It still emits loops without MLIR, which takes the same memory.
    """
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="module", autouse=True)
def _compiled_programs_are_dropped():
    """Programs are mappings of memory, of which a process may have 65,530; the whole suite would need more."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MOST_MAPPINGS:
        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def data_dir():
    """The folder of SYNTHMIX_DATA_DIR; not set: a skip, or with SYNTHMIX_REQUIRE_DATA a failure."""
    folder = os.environ.get("SYNTHMIX_DATA_DIR")
    if not folder:
        if os.environ.get("SYNTHMIX_REQUIRE_DATA"):
            pytest.fail("SYNTHMIX_REQUIRE_DATA is set but SYNTHMIX_DATA_DIR is not")
        pytest.skip("SYNTHMIX_DATA_DIR is not set")
    assert Path(folder).is_dir(), f"SYNTHMIX_DATA_DIR={folder} is no folder"
    return Path(folder)


@pytest.fixture
def make_table():
    """A function that makes a plausible table of distances; `changes` replace its fields."""
    return table


@pytest.fixture
def make_row():
    """A function that makes a row of such a table."""
    return row


def table(
    names=("synthetic",), *, classes=3, metrics=("energy", "mmd", "sliced_wasserstein"), **changes
):
    """Generator g at place i has values 2 + i + g times the floor's end, the last metric half of it."""
    from synthmix_jax.distances import Table

    rows = [
        row(metric, 0.5 if i == len(metrics) - 1 else 2.0 + i + g, synthetic=name)
        for i, metric in enumerate(metrics)
        for g, name in enumerate(names)
    ]
    rows += [
        row(metrics[0], 0.5 + label, synthetic=name, label=label)
        for label in range(classes)
        for name in names
    ]
    far = 1.0 - 0.9 * np.eye(classes)
    record = Table(
        rows=tuple(rows),
        features="the features as given",
        level=0.9,
        num_resamples=100,
        num_real=1000,
        num_synthetic={name: 2000 for name in names},
        class_distances={name: far + 0.1 * g for g, name in enumerate(names)} if classes else {},
        class_names=tuple("abcdefghijklmnopqrstuvwxyz"[:classes]) if 0 < classes <= 26 else None,
        settings={"num_bootstrap": 100},
    )
    return dataclasses.replace(record, **changes)


def row(metric="energy", times=2.0, **changes):
    """A row whose value is `times` 0.25, the upper end of its floor."""
    from synthmix_jax.distances import Row

    value = 0.25 * times
    numbers = dict(
        value=value, low=0.9 * value, high=1.1 * value, floor=0.2, floor_low=0.15, floor_high=0.25,
        excess=value - 0.2, excess_low=0.9 * value - 0.2, excess_high=1.1 * value - 0.2,
    )  # fmt: skip
    return Row(metric, **{**numbers, "sizes": (500, 400), "unit": "data", **changes})
