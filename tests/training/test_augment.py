"""Batches on the device against crops and mirrors made one by one, and what they are standardised by."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import training_cases as cases

import synthmix_jax as smx
from synthmix_jax.training import Config, _augment, _points

SHIFT = 2


def number(value):
    return np.array(value, np.float32)


def crops(image):
    """All that an image may become: (mirrored, down, across) -> image."""
    pad = [(SHIFT, SHIFT), (SHIFT, SHIFT), *[(0, 0)] * (image.ndim - 2)]
    wide, (h, w) = np.pad(image, pad, mode="reflect"), image.shape[:2]
    found = {}
    for dy in range(2 * SHIFT + 1):
        for dx in range(2 * SHIFT + 1):
            cut = wide[dy : dy + h, dx : dx + w]
            found[0, dy, dx], found[1, dy, dx] = cut, cut[:, ::-1]
    return found


@pytest.mark.parametrize("shape", [(5, 7), (6, 7, 3)])
def test_every_result_is_a_crop_and_all_are_as_likely(shape, rng):
    pool = rng.random((3, *shape)).astype(np.float32)
    rows = np.full(10_000, 1, np.int32)
    out = _augment.batch(
        pool, rows, number(0), number(1), key=jax.random.key(0), flip=True, shift=SHIFT
    )
    out = np.asarray(out).reshape(len(rows), *shape)
    pixels = tuple(range(1, out.ndim))
    counts = [int((out == crop).all(axis=pixels).sum()) for crop in crops(pool[1]).values()]
    assert sum(counts) == len(rows)
    expected = len(rows) / 50
    assert sum((c - expected) ** 2 / expected for c in counts) < 86  # 49 degrees: one in a thousand


def test_no_augmentation_is_the_rows_themselves(rng):
    pool = rng.random((9, 4, 4, 2)).astype(np.float32)
    rows, mean = np.array([3, 3, 8], np.int32), np.array([0.2, 0.4], np.float32)
    for options in ({}, {"key": jax.random.key(0)}, {"flip": True, "shift": 1}):
        out = _augment.batch(pool, rows, mean, number(2), **options)
        np.testing.assert_allclose(out, (pool[rows] - mean) / 2, rtol=1e-6)


def test_bytes_are_fractions_of_255_and_grey_images_gain_a_channel(rng):
    pool = rng.integers(0, 256, (9, 4, 5)).astype(np.uint8)
    options = {"key": jax.random.key(3), "flip": True, "shift": 1}
    rows = np.arange(9, dtype=np.int32)
    one = _augment.batch(pool, rows, number(0.3), number(0.2), **options)
    fractions = (pool / 255).astype(np.float32)
    other = _augment.batch(fractions, rows, number(0.3), number(0.2), **options)
    assert one.shape == (9, 4, 5, 1)
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert _augment.standardized(jnp.zeros((3, 7)), np.zeros(7), np.ones(7)).shape == (3, 7)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(
    ("shape", "axes"), [((6, 5), (0, 1, 2)), ((6, 5, 3), (0, 1, 2)), ((9,), 0)]
)
def test_moments_are_those_of_the_real_points_alone(shape, axes, dtype, rng, monkeypatch):
    monkeypatch.setattr(_points, "_BLOCK", 7)
    x = rng.integers(0, 256, (40, *shape))
    real = smx.Dataset(x.astype(dtype), np.arange(40) % 3)
    others = [smx.Dataset((x // 2).astype(dtype)[:n], np.arange(n) % 3) for n in (20, 30)]
    unit = 255 if dtype == np.uint8 else 1
    points = _points.pooled(real, others[0], Config())
    np.testing.assert_allclose(points.mean, x.mean(axis=axes) / unit, rtol=1e-5)
    np.testing.assert_allclose(points.scale, x.std(axis=axes) / unit, rtol=1e-5)
    assert points.x.dtype == dtype
    assert len(points.x) == len(points.y) == 60
    alone = _points.pooled(real, None, Config())
    np.testing.assert_array_equal(alone.mean, points.mean)
    test = _points.like(points, others[1], real, Config())
    np.testing.assert_array_equal(test.mean, points.mean)
    plain = _points.pooled(real, None, dataclasses.replace(Config(), normalize=False))
    assert (plain.mean == 0).all()
    assert (plain.scale == 1).all()


def test_features_that_never_vary_are_left_alone():
    real = smx.Dataset(np.ones((6, 2)) * [3, 0], np.arange(6) % 2)
    points = _points.pooled(real, None, Config())
    np.testing.assert_array_equal(points.scale, 1)
    np.testing.assert_array_equal(_augment.standardized(points.x, points.mean, points.scale), 0)


@pytest.mark.parametrize("kind", ["one", "two"])
def test_targets_are_standardised_by_the_real_ones(kind):
    real, synthetic, _ = cases.problem(kind)
    points = _points.pooled(real, synthetic, Config())
    np.testing.assert_allclose(points.y[:48].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(points.y[:48].std(axis=0), 1, rtol=1e-5)
    mean, scale = _points.target_moments(real, Config())
    y = np.asarray(synthetic.y).reshape(80, -1)
    np.testing.assert_allclose(points.y[48:] * scale + mean, y, rtol=1e-5)
