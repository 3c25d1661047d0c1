"""Compilation dominates tests of networks: XLA spends little on code that runs for a moment."""

import jax
import pytest


@pytest.fixture
def quick_compilation():
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
