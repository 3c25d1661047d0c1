import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax.theory._roots import decreasing_root

pytestmark = pytest.mark.usefixtures("double")

FUNCTIONS = {
    "line": lambda x: 0.3 - x,
    "flat": lambda x: -((x - 0.3) ** 3),  # Newton alone needs steps without end
    "overshooting": lambda x: -jnp.arctan(50.0 * (x - 0.3)),  # and diverges here
    "cliff": lambda x: -jnp.tanh(1e8 * (x - 0.3)),
    "step": lambda x: jnp.where(x < 0.3, 1.0, -1.0),  # no derivative to go by
    "exponential": lambda x: jnp.exp(-40.0 * x) - jnp.exp(-12.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("ends", [(-700.0, 800.0), (0.3, 5.0), (-1.0, 0.3)])
def test_root_is_found(name, ends):
    root = jax.jit(lambda low, high: decreasing_root(FUNCTIONS[name], low, high))(*ends)
    # The cube is zero to rounding within 1e-5 of its root only where its value underflows: nowhere here.
    assert root == pytest.approx(0.3, abs=1e-13)


def test_no_root_between_gives_an_end():
    assert decreasing_root(lambda x: 5.0 - x, 0.0, 1.0) == pytest.approx(1.0)
    assert decreasing_root(lambda x: -5.0 - x, 0.0, 1.0) == pytest.approx(0.0)


def test_derivatives_of_every_order_are_those_of_the_implicit_function():
    # x = log a solves a e^-x = 1.
    root = lambda a: decreasing_root(lambda x: a * jnp.exp(-x) - 1.0, -20.0, 20.0)
    for derivative in (jax.grad, jax.jacfwd):
        assert derivative(root)(3.0) == pytest.approx(1 / 3, rel=1e-12)
    assert jax.grad(jax.grad(root))(3.0) == pytest.approx(-1 / 9, rel=1e-12)


def test_many_at_once_are_as_one_by_one():
    @jax.jit
    def solve(a):
        return decreasing_root(lambda x: a - x - jnp.tanh(30.0 * x), -10.0, 10.0)

    slope, values = jax.jit(jax.grad(solve)), jnp.linspace(-4.0, 4.0, 9)
    np.testing.assert_allclose(jax.vmap(solve)(values), [solve(a) for a in values], atol=1e-14)
    np.testing.assert_allclose(
        jax.vmap(jax.grad(solve))(values), [slope(a) for a in values], rtol=1e-10
    )
