import jax
import numpy as np
import pytest


@pytest.fixture
def double():
    """References are computed in float64; what happens without it has its own tests."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def problem():
    """Eigenvalues and coefficients of truth and generator, of a power law."""
    j = np.arange(1, 41)
    truth = j**-1.2
    generator = truth * (1.0 + 0.5 * np.cos(j))
    return j**-2.0, truth, generator
