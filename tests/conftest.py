"""Shared set-up of the suite: float64, two virtual devices, shapes checked, data found."""

import os

# Before JAX is imported: several CPU devices in one process, and a quiet log.
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")

from jaxtyping import install_import_hook

# Signatures are checked under the suite only; users pay nothing for them.
_hook = install_import_hook("synthmix_jax", "beartype.beartype")

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(20251008)


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
