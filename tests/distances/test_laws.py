"""Laws every distance keeps. A new distance is tested by adding one line to METRICS."""

import dataclasses
import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax import distances, kernels


@dataclasses.dataclass(frozen=True)
class Law:
    """What is true of one distance, and how exactly.

    Attributes:
        function: (x, y) -> scalar.
        power: a in d(s x, s y) = s^a d(x, y); None where there is no such law.
        rotations: Whether turning both samples changes nothing (False: only on average over directions).
        copies: Whether doubling every point changes nothing (False for unbiased estimates).
        least: Points it needs on each side.
        rooted: It is the root of a difference that cancels, so near zero half of the digits are left.
        rtol: Relative error of one evaluation in float64: rounding, or where a solver stops.
        rtol32: The same in float32.
        slope: What to differentiate, where a part of `function` is held fixed under `grad`.
    """

    function: Callable
    power: float | None = 1.0
    rotations: bool = True
    copies: bool = True
    least: int = 1
    rooted: bool = False
    rtol: float = 1e-12
    rtol32: float = 1e-5
    slope: Callable | None = None

    def zero(self, dtype):
        """The largest value that counts as zero, for data of size one."""
        error = self.rtol if dtype == np.float64 else self.rtol32
        return math.sqrt(error) if self.rooted else error


def sliced(p):
    key = jax.random.key(5)
    return functools.partial(distances.sliced_wasserstein, key=key, num_projections=20, p=p)


def entropic(p):
    """Stopped at 1e-4, of which S has an error of second order; tighter where differences are taken."""
    function = functools.partial(distances.wasserstein, p=p, epsilon=0.1, threshold=1e-4)
    slope = functools.partial(distances.wasserstein, p=p, epsilon=0.1, threshold=1e-9)
    return Law(function, rtol=1e-7, rtol32=1e-5, slope=slope)


FIXED = functools.partial(distances.mmd, kernel=kernels.RBF(1.5))
METRICS = {
    "sliced, p = 1": Law(sliced(1), rotations=False),
    "sliced, p = 2": Law(sliced(2), rotations=False),
    "sliced, p = 3.5": Law(sliced(3.5), rotations=False),
    "gaussian": Law(distances.gaussian_wasserstein),
    "wasserstein, p = 1": entropic(1),
    "wasserstein, p = 2": entropic(2),
    "energy": Law(distances.energy, power=0.5, rooted=True),
    "mmd, fixed kernel": Law(FIXED, power=None, copies=False, least=2, rooted=True),
    "mmd, Matérn": Law(
        functools.partial(distances.mmd, kernel=kernels.Matern(1.5)),
        power=None, copies=False, least=2, rooted=True,
    ),
    "mmd, median": Law(distances.mmd, power=0.0, copies=False, least=2, rooted=True, slope=FIXED),
    "mmd, mixture": Law(
        functools.partial(distances.mmd, kernel="mixture"),
        power=0.0, copies=False, least=2, rooted=True, slope=FIXED,
    ),
    "squared mmd, biased": Law(
        functools.partial(distances.mmd_squared, kernel=kernels.RBF(1.5), biased=True), power=None
    ),
}  # fmt: skip


@pytest.fixture(params=METRICS, name="law")
def _law(request):
    return METRICS[request.param]


@pytest.fixture(name="x")
def _x(rng):
    return rng.normal(size=(9, 4))


@pytest.fixture(name="y")
def _y(rng):
    """Further apart than chance, so that no estimate is clipped at zero."""
    return 1.4 * rng.normal(size=(7, 4)) + [1.5, 0.0, -1.0, 0.5]


@pytest.fixture(name="turn")
def _turn(rng):
    return np.linalg.qr(rng.normal(size=(4, 4)))[0]


def close(law, got, expected, times=4):
    """Equal but for a few roundings of either side."""
    np.testing.assert_allclose(got, expected, rtol=times * law.rtol)


def test_a_number_in_the_precision_of_the_data(law, x, y):
    value = law.function(x, y)
    assert (value.shape, value.dtype) == ((), np.float64)
    assert value > 0.05
    with jax.enable_x64(True):
        np.testing.assert_array_equal(law.function(x, y), value)
        single = law.function(x.astype(np.float32), jnp.asarray(y, np.float32))
    assert (single.shape, single.dtype) == ((), np.float32)
    np.testing.assert_allclose(single, value, rtol=law.rtol32)
    single = law.function(x.astype(np.float32), y.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, value, rtol=law.rtol32)
    assert law.function(x.astype(np.float32), y).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_zero_on_itself_in_any_order(law, x, dtype):
    x = x.astype(dtype)
    assert 0.0 <= law.function(x, x) <= law.zero(dtype)
    assert 0.0 <= law.function(x, x[::-1].copy()) <= law.zero(dtype)


def test_symmetric(law, x, y):
    close(law, law.function(x, y), law.function(y, x))


def test_the_order_of_rows_is_irrelevant(law, x, y, rng):
    close(law, law.function(rng.permutation(x), rng.permutation(y)), law.function(x, y))


def test_never_negative(law, x, rng):
    """Beside zero, where a difference of rounded means would turn negative."""
    for step in (0.0, 1e-9, 1e-6):
        assert law.function(x, x + step * rng.normal(size=x.shape)) >= 0.0


def test_scaling(law, x, y):
    if law.power is None:
        pytest.skip("its kernel has a length of its own")
    expected = 3.0**law.power * law.function(x, y)
    close(law, law.function(3.0 * x, 3.0 * y), expected)


def test_translation_of_both(law, x, y):
    shift = np.array([3.0, -2.0, 0.5, 1.0])
    close(law, law.function(x + shift, y + shift), law.function(x, y), times=20)


def test_rotation_of_both(law, x, y, turn):
    if not law.rotations:
        pytest.skip("true on average over directions")
    close(law, law.function(x @ turn, y @ turn), law.function(x, y), times=20)


def test_further_apart_is_further(law, x):
    values = [law.function(x, x + shift) for shift in (0.5, 1.0, 2.0)]
    assert values[0] < values[1] < values[2]


def test_copies_of_every_point_change_nothing(law, x, y):
    twice = law.function(np.repeat(x, 2, axis=0), np.tile(y, (3, 1)))
    if law.copies:
        close(law, twice, law.function(x, y), times=20)
    else:
        assert abs(twice / law.function(x, y) - 1.0) > 1e-3, "the table says copies count"


def test_a_single_point(law, x, y):
    if law.least > 1:
        for pair, name in ((x[:1], y), "x"), ((x, y[:1]), "y"):
            with pytest.raises(ValueError, match=f"{name} holds one point"):
                law.function(*pair)
            with pytest.raises(ValueError, match=f"{name} holds one point"):
                jax.jit(law.function)(*pair)
        return
    assert law.function(x[:1], x[:1]) <= law.zero(np.float64)
    assert law.function(x[:1], y[:1]) > 0.1
    close(law, law.function(x[:1], y), law.function(y, x[:1]))


def test_one_feature(law, x, y):
    flat = law.function(x[:, 0], y[:, 0])
    assert flat > 0.0
    np.testing.assert_array_equal(flat, law.function(x[:, :1], y[:, :1]))


def test_images_are_their_flattened_rows(law, x, y):
    images = law.function(x.reshape(9, 2, 2), y.reshape(7, 2, 2))
    np.testing.assert_array_equal(images, law.function(x, y))


def test_bytes_count_from_zero_to_one(law, rng):
    x = rng.integers(0, 200, size=(9, 2, 2), dtype=np.uint8)
    y = rng.integers(55, 256, size=(7, 2, 2), dtype=np.uint8)
    value = law.function(x, jnp.asarray(y))
    assert value.dtype == np.float32
    expected = law.function(x / 255.0, y / 255.0)
    np.testing.assert_allclose(value, expected, rtol=law.rtol32)
    # Beside float64 they are float64, and no float32 comes in between.
    close(law, law.function(x, y / 255.0), expected)


def test_whole_numbers_are_float64(law, rng):
    x, y = rng.integers(0, 4, size=(9, 4)), rng.integers(2, 6, size=(7, 4))
    value = law.function(x, y)
    assert value.dtype == np.float64
    close(law, value, law.function(x.astype(float), y.astype(float)))


def test_constant_features(law, x, y):
    x, y = x.copy(), y.copy()
    x[:, 1] = y[:, 1] = 2.0
    assert np.isfinite(law.function(x, y))
    same = np.full((3, 4), 2.0)
    assert law.function(same, same[:2]) <= law.zero(np.float64)
    with jax.enable_x64(True):
        slopes = jax.grad(law.function, argnums=(0, 1))(jnp.asarray(x), jnp.asarray(y))
        still = jax.grad(law.function, argnums=(0, 1))(jnp.asarray(same), jnp.asarray(same[:2]))
    assert all(np.isfinite(slope).all() for slope in (*slopes, *still))


def test_more_features_than_points(law, rng):
    x, y = rng.normal(size=(4, 20)), rng.normal(size=(3, 20)) + 1.0
    value = law.function(x, y)
    assert np.isfinite(value)
    assert value > 0.0
    close(law, value, law.function(y, x))


@pytest.mark.parametrize("shapes", [((12, 2), (3, 2)), ((4, 6), (3, 6))])
def test_gradient_is_that_of_differences(law, rng, shapes):
    function = jax.jit(law.slope or law.function)
    # Whole tables of points, few or many for their features; 1e-5 is where both errors of a difference are 1e-10.
    with jax.enable_x64(True):
        x, y = (jnp.asarray(rng.normal(size=shape)) for shape in shapes)
        y = 1.4 * y + 1.2
        dx, dy = (jnp.asarray(rng.normal(size=shape)) for shape in shapes)
        slopes = jax.grad(function, argnums=(0, 1))(x, y)
        along = jnp.sum(slopes[0] * dx) + jnp.sum(slopes[1] * dy)
        step = 1e-5
        ends = [function(x + sign * step * dx, y + sign * step * dy) for sign in (1, -1)]
        np.testing.assert_allclose(along, (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-8)
        if law.slope is not None:
            own = jax.grad(law.function)(x, y)
            assert np.isfinite(own).all()
            assert np.abs(own).max() > 1e-4


def test_gradient_is_finite_where_samples_coincide(law, x):
    with jax.enable_x64(True):
        same = jnp.asarray(np.concatenate([x, x[:2]]))
        slopes = jax.jit(jax.grad(law.function, argnums=(0, 1)))(same, same)
        assert all(np.isfinite(slope).all() for slope in slopes)


def test_under_jit_as_without(law, x, y):
    with jax.enable_x64(True):
        close(law, jax.jit(law.function)(x, y), law.function(x, y), times=20)
    single = jax.jit(law.function)(x, y)  # x64 is off: float64 is not to be had in a trace
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, law.function(x, y), rtol=law.rtol32)


def test_vmap_is_one_by_one(law, x, y):
    with jax.enable_x64(True):
        batch = jnp.stack([x, 2.0 * x, x + 1.0])
        together = jax.vmap(law.function, in_axes=(0, None))(batch, jnp.asarray(y))
        assert together.shape == (3,)
        for value, one in zip(together, batch, strict=True):
            close(law, value, law.function(one, y), times=20)


def test_numbers_that_are_none(law, x, y):
    x[3, 2] = np.nan
    with pytest.raises(ValueError, match=r"x holds 1 non-finite.*\(3, 2\)"):
        law.function(x, y)
    with pytest.raises(ValueError, match=r"y holds 1 non-finite.*\(3, 2\)"):
        law.function(y, jnp.asarray(x))
    for pair in ((x, y), (y, x)):
        assert np.isnan(jax.jit(law.function)(*pair)), "a trace cannot raise, but must not hide it"


def test_features_that_do_not_fit(law, x, y):
    with pytest.raises(ValueError, match=r"x \(9, 4\) and y \(7, 3\).*4 and 3 features"):
        law.function(x, y[:, :3])
    with pytest.raises(ValueError, match="4 and 3 features"):
        jax.jit(law.function)(x, y[:, :3])


def test_no_points(law, x):
    with pytest.raises(ValueError, match=r"x has shape \(0, 4\): it holds no points"):
        law.function(x[:0], x)
    with pytest.raises(ValueError, match=r"y has shape \(9, 0\)"):
        law.function(x, x[:, :0])


def test_text(law, x):
    with pytest.raises(ValueError, match=r"y has dtype <U1.*no real numbers"):
        law.function(x, np.full((3, 4), "a"))
