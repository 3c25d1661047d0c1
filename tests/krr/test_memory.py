"""The memory a sweep says it needs is what the compiler then asks for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.krr import _exact, _problem

# What the compiler asks for is what it asks users for.
pytestmark = pytest.mark.usefixtures("full_compilation")
D = 3


@pytest.mark.parametrize(
    ("n", "m", "t", "outputs", "counts", "residuals"),
    [
        (100, 900, 300, 1, 20, True),  # back-substitution
        (100, 900, 300, 1, 20, False),
        (60, 800, 0, 10, 801, True),  # scan, leave-one-out only
        (200, 300, 2000, 30, 60, True),  # prefix sums as large as the matrices
        (500, 200, 0, 30, 120, False),
        (200, 200, 800, 10, 201, False),  # scan with test points
    ],
)
def test_memory_estimate_is_what_the_compiler_asks_for(n, m, t, outputs, counts, residuals):
    places = tuple(np.linspace(0, m, counts).astype(int).tolist())
    with jax.enable_x64(True):
        shape = lambda *s: jax.ShapeDtypeStruct(s, jnp.float64)
        labels = jax.ShapeDtypeStruct((n,), jnp.int32)
        problem = _problem.Problem(shape(n + m, n + m), shape(n + m, outputs), labels)
        if t:
            problem = problem._replace(cross=shape(n + m, t), test_targets=shape(t, outputs))
        rows = jax.ShapeDtypeStruct((1,), jnp.int64)
        compiled = _exact.grid.lower(
            problem, shape(1), shape(1), rows, n=n, counts=places, residuals=residuals
        ).compile()
    used = compiled.memory_analysis()
    taken = used.temp_size_in_bytes + used.argument_size_in_bytes + used.output_size_in_bytes
    estimate = smx.krr.estimate_memory(
        n, m, outputs=outputs, tests=t, counts=counts, residuals=residuals
    )
    assert 0.85 * taken < estimate < 1.6 * taken


def test_too_much_memory_is_refused_with_numbers(rng):
    real, synthetic = (smx.Dataset(rng.normal(size=(k, D)), rng.normal(size=k)) for k in (9, 14))
    with pytest.raises(ValueError, match=r"needs about 0\.00 GB for 23 rows .* memory_limit"):
        smx.krr.sweep(real, synthetic, kernel=smx.kernels.RBF(1.5), ridges=[0.1], memory_limit=100)
    # A pool whose kernel matrix would take 80 TB is refused before anything of that size is touched.
    large = smx.Dataset(np.broadcast_to(np.zeros(D), (10**6, D)), np.broadcast_to(0.0, (10**6,)))
    with pytest.raises(ValueError, match="Take fewer synthetic points"):
        smx.krr.sweep(real, large, kernel=smx.kernels.RBF(1.5), ridges=[0.1], counts=[0, 10**6])
