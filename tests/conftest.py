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
    """The folder of SYNTHMIX_DATA_DIR, or a skip where it is not set."""
    folder = os.environ.get("SYNTHMIX_DATA_DIR")
    if not folder:
        pytest.skip("SYNTHMIX_DATA_DIR is not set")
    return Path(folder)
