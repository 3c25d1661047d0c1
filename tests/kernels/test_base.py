"""Sums, products and scalings; kernels as pytrees; what a subclass gets for its `pair`."""

import dataclasses
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax import kernels
from synthmix_jax.kernels import _parameters


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


RBF, LINEAR = kernels.RBF(1.3), kernels.Polynomial(1)


def test_sums_products_and_multiples(rng):
    x, z = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    a, b = np.asarray(RBF(x, z)), np.asarray(LINEAR(x, z))
    np.testing.assert_allclose((RBF + LINEAR)(x, z), a + b, rtol=1e-14)
    np.testing.assert_allclose((RBF * LINEAR)(x, z), a * b, rtol=1e-14)
    np.testing.assert_allclose((2.0 * RBF + LINEAR * RBF)(x, z), 2 * a + a * b, rtol=1e-14)


@pytest.mark.parametrize("two", [2, 2.0, np.float64(2), np.float32(2), np.array(2.0), jnp.array(2)])
def test_multiples_by_numbers_of_all_kinds(two, rng):
    x = rng.normal(size=(5, 3))
    for kernel in (two * RBF, RBF * two):
        assert isinstance(kernel, kernels.Scaled)
        np.testing.assert_allclose(kernel(x, x), 2.0 * np.asarray(RBF(x, x)), rtol=1e-14)


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        (0.0, "scale of a kernel must be positive and finite, got 0.*leave the kernel out"),
        (-2, "got -2.*negative multiple is no kernel"),
        (np.nan, "got nan"),
        (np.ones(3), r"must be one number; got shape \(3,\)"),
    ],
)
def test_bad_multiples(scale, said):
    with pytest.raises(ValueError, match=said):
        scale * RBF
    with pytest.raises(ValueError, match=said):
        RBF * scale


def test_what_is_no_kernel_does_not_add_up():
    with pytest.raises(TypeError, match="unsupported operand"):
        RBF + 1.0
    with pytest.raises(TypeError, match=r"unsupported operand|can't multiply"):
        RBF * "2"


def test_readable():
    assert repr(RBF + 2.0 * LINEAR) == ("RBF(lengthscale=1.3) + 2 * Polynomial(degree=1, offset=1)")
    assert repr(0.5 * (RBF + LINEAR)).startswith("0.5 * (RBF(lengthscale=1.3) + ")
    assert repr((RBF + LINEAR) * RBF).endswith(") * RBF(lengthscale=1.3)")


def test_leaves_are_hyperparameters_and_nothing_else():
    kernel = 2.0 * kernels.Matern(1.3, nu=2.5) + kernels.Polynomial(3, offset=0.7) * kernels.NTK()
    paths = [jax.tree_util.keystr(p) for p, _ in jax.tree_util.tree_leaves_with_path(kernel)]
    assert jax.tree.leaves(kernel) == [2.0, 1.3, 0.7]
    assert paths == [".first.scale", ".first.kernel.lengthscale", ".second.first.offset"]


def test_frozen_and_hashable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RBF.lengthscale = 2.0
    assert len({RBF, LINEAR, RBF}) == 2


def test_another_lengthscale_is_no_other_program(rng):
    x, traces = rng.normal(size=(4, 2)), []

    @jax.jit
    def run(kernel):
        traces.append(1)
        return kernel(x, x)

    for lengthscale in (1.0, 2.0, 3.0):
        run(kernels.Matern(lengthscale))
    assert len(traces) == 1
    run(kernels.Matern(1.0, nu=2.5))
    assert len(traces) == 2


def test_a_kernel_of_ones_own_needs_only_a_pair(rng):
    @kernels.register
    @dataclasses.dataclass(frozen=True, eq=False, repr=False)
    class Cosine(kernels.Kernel):
        frequency: float

        def pair(self, a, b):
            return jnp.sum(jnp.cos(self.frequency * (a - b)))

    x, z = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    expected = np.cos(2.0 * (x[:, None] - z)).sum(-1)
    np.testing.assert_allclose(Cosine(2.0)(x, z), expected, rtol=1e-12)
    np.testing.assert_allclose((Cosine(2.0) + RBF)(x, z), expected + RBF(x, z), rtol=1e-12)
    np.testing.assert_allclose(Cosine(2.0).diagonal(x), 3.0)
    assert repr(Cosine(2.0)) == "Cosine(frequency=2)"


def test_points_of_one_feature(rng):
    x = rng.normal(size=6)
    np.testing.assert_array_equal(RBF(x, x[:2]), RBF(x[:, None], x[:2, None]))


def test_integers_are_numbers():
    np.testing.assert_array_equal(
        RBF(np.arange(6).reshape(3, 2), np.ones((1, 2), np.int8)),
        RBF(np.arange(6.0).reshape(3, 2), np.ones((1, 2))),
    )


@pytest.mark.parametrize("value", [2.5, np.nan, "two", None, np.ones(2)])
def test_whole_numbers(value):
    with pytest.raises(ValueError, match="depth must be a whole number known before tracing, got"):
        _parameters.whole("depth", value, remedy="")


def test_whole_numbers_of_other_types():
    assert _parameters.whole("depth", np.int64(2), remedy="") == 2
    assert isinstance(_parameters.whole("depth", 2.0, remedy=""), int)
    with pytest.raises(ValueError, match="known before tracing"):
        jax.jit(lambda depth: _parameters.whole("depth", depth, remedy=""))(2)


def test_importing_kernels_is_light():
    heavy = "sklearn", "flax", "ott", "matplotlib", "tensorflow_datasets", "optax"
    code = f"import sys, synthmix_jax.kernels; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
