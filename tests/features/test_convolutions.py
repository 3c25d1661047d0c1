"""Random convolutions against loops over pixels, and what their definition promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax.features import RandomConvolutions, _convolutions, _rows


def naive(images, filters, grid):
    """Pixel by pixel, in float64."""
    n, height, width, _ = images.shape
    features = []
    for bank in filters:
        size = bank.shape[0]
        rows, columns = height - size + 1, width - size + 1
        responses = np.zeros((n, rows, columns, bank.shape[3]))
        for i in range(rows):
            for j in range(columns):
                patch = images[:, i : i + size, j : j + size]
                responses[:, i, j] = np.einsum("nabc,abcf->nf", patch, bank)
        features += [pooled(np.maximum(sign * responses, 0.0), grid) for sign in (1, -1)]
    return np.concatenate([*features, pooled(images, grid)], axis=1)


def pooled(maps, grid):
    """Cell i holds every line of which a part lies between i/grid and (i + 1)/grid of the side."""

    def members(i, side):
        return [l for l in range(side) if (l + 1) * grid > i * side and l * grid < (i + 1) * side]

    n, height, width, _ = maps.shape
    cells = []
    for i in range(grid):
        for j in range(grid):
            cell = maps[:, members(i, height)][:, :, members(j, width)]
            cells.append(cell.reshape(n, -1, maps.shape[3]).mean(axis=1))
    return np.concatenate(cells, axis=1)


@pytest.mark.parametrize(
    ("shape", "sizes", "grid"),
    [((8, 8, 1), (3, 5), 2), ((9, 11, 3), (3, 4), 3), ((32, 32, 3), (5,), 2), ((7, 6, 2), (2,), 1)],
)
def test_agrees_with_loops(rng, shape, sizes, grid):
    images = rng.random((3, *shape))
    function = RandomConvolutions(6, sizes, grid=grid, seed=4)
    filters = [_convolutions._filters(4, size, shape[2], 6).astype(float) for size in sizes]
    rows = function(images)
    assert rows.dtype == np.float32
    # Float32 sums of up to 75 products of order one, then means.
    np.testing.assert_allclose(rows, naive(images, filters, grid), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_filters_sum_to_zero_and_have_norm_one(channels, size):
    filters = _convolutions._filters(0, size, channels, 32).astype(float)
    assert filters.shape == (size, size, channels, 32)
    np.testing.assert_allclose(filters.sum(axis=(0, 1, 2)), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.sum(filters**2, axis=(0, 1, 2)), 1.0, rtol=1e-6)


def test_filters_are_the_same_on_every_run():
    """Written down, so that results of different releases stay comparable."""
    plain = _convolutions._filters.__wrapped__
    first = plain(0, 3, 1, 2)[0, :, 0, 0]
    np.testing.assert_allclose(first, PINNED, atol=1e-6)
    with jax.enable_x64(True):
        np.testing.assert_array_equal(plain(0, 3, 1, 2)[0, :, 0, 0], first)
    traced = []
    jax.jit(lambda x: traced.append(plain(0, 3, 1, 2)) or x)(1.0)
    np.testing.assert_array_equal(traced[0][0, :, 0, 0], first)


PINNED = [-0.173946, 0.334914, -0.559183]


def test_seeds_and_sizes_draw_other_filters():
    filters = [_convolutions._filters(seed, 3, 1, 4) for seed in (0, 1, 2**31 - 1)]
    assert np.abs(filters[0] - filters[1]).max() > 0.1
    assert np.abs(filters[1] - filters[2]).max() > 0.1


@pytest.mark.parametrize(
    ("shape", "width"),
    [((8, 8), 516), ((8, 8, 1), 516), ((28, 28), 516), ((32, 32, 3), 524), ((6, 40, 3), 524)],
)
def test_default_width(rng, shape, width):
    assert RandomConvolutions()(rng.random((2, *shape))).shape == (2, width)


def test_grey_images_with_and_without_a_channel(rng):
    x = rng.random((3, 9, 8))
    np.testing.assert_array_equal(RandomConvolutions()(x), RandomConvolutions()(x[..., None]))


def test_brightness_moves_its_own_features_only(rng):
    x = rng.random((3, 10, 10, 3)) / 2
    dark, bright = RandomConvolutions()(x), RandomConvolutions()(x + 0.4)
    np.testing.assert_allclose(bright[:, :512], dark[:, :512], atol=1e-5)
    np.testing.assert_allclose(bright[:, 512:], dark[:, 512:] + 0.4, atol=1e-5)


def test_white_noise_excites_all_filters_alike(rng):
    """Unit norm: mean of the rectified response is sigma / sqrt(2 pi) for every filter and size."""
    x = rng.normal(scale=0.5, size=(64, 32, 32, 3))
    means = RandomConvolutions()(x)[:, :512].mean(axis=0)
    # 64 x 14 x 14 positions a cell, neighbours correlated: about 1 % of sampling error.
    np.testing.assert_allclose(means, 0.5 / np.sqrt(2 * np.pi), rtol=0.08)


def test_blocks_compile_once_and_agree(rng):
    x = rng.random((23, 8, 8)).astype(np.float32)
    whole = RandomConvolutions(5, (3,), seed=9)(x)
    before = _convolutions._features._cache_size()
    blocks = RandomConvolutions(5, (3,), seed=9, block_size=4)(x)
    assert _convolutions._features._cache_size() == before + 1
    np.testing.assert_allclose(blocks, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [1, 3, 8, 9, 50])
def test_no_more_than_a_block_is_held(rng, n):
    sizes = []

    def function(block):
        sizes.append(len(block))
        return jnp.asarray(block[:, :1])

    x = rng.random((n, 2)).astype(np.float32)
    np.testing.assert_array_equal(_rows.in_blocks(function, x, 8), x[:, :1])
    assert len(set(sizes)) == 1
    assert sizes[0] <= 8
    assert sum(sizes) < n + 8


def test_equal_and_hashable_by_parameters():
    assert RandomConvolutions(sizes=[3, 5]) == RandomConvolutions(block_size=7)
    assert hash(RandomConvolutions(4)) == hash(RandomConvolutions(np.int64(4)))
    assert RandomConvolutions(seed=1) != RandomConvolutions()
    assert repr(RandomConvolutions()) == (
        "RandomConvolutions(filters=32, sizes=(3, 5), grid=2, seed=0)"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0}, "filters must be a whole number at least 1, got 0"),
        ({"filters": 2.5}, "filters must be"),
        ({"sizes": ()}, "sizes is empty"),
        ({"sizes": (3, 1)}, "sizes must be a whole number at least 2, got 1.*zero"),
        ({"sizes": "3"}, "sizes must be a whole number at least 2, got '3'"),
        ({"grid": 0}, "grid must be"),
        ({"seed": -1}, "seed must be a whole number from 0 to 2147483647, got -1"),
        ({"seed": 2**31}, "seed must be"),
        ({"seed": 1.0}, "seed must be"),
        ({"seed": jax.random.key(0)}, "(?s)seed must be.*not a PRNG key"),
        ({"seed": "0"}, "seed must be"),
        ({"block_size": 0}, "block_size must be"),
    ],
)
def test_misuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomConvolutions(**arguments)


@pytest.mark.parametrize("shape", [(5,), (5, 64), (2, 3, 8, 8, 3)])
def test_no_images(shape):
    with pytest.raises(ValueError, match=r"x has shape .*need images \(n, height, width\)"):
        RandomConvolutions()(np.ones(shape))


def test_images_smaller_than_the_filters():
    RandomConvolutions()(np.ones((1, 6, 6)))
    with pytest.raises(ValueError, match=r"images of 5 x 9 pixels; filters of 5 .*at least 6"):
        RandomConvolutions()(np.ones((1, 5, 9)))
    with pytest.raises(ValueError, match="move the channels to the last"):
        jax.jit(RandomConvolutions())(np.ones((2, 3, 32, 32)))
