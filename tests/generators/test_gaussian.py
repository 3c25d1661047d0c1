"""The class-conditional Gaussian against NumPy's moments, exactly and by Monte Carlo."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.generators import ClassGaussian

KEY = jax.random.key(0)


@pytest.fixture
def data(rng):
    """Three classes of 30, 20 and 10 points with different means and covariances in 5 dimensions."""
    y = np.repeat([0, 1, 2], [30, 20, 10])
    stretch = rng.normal(size=(3, 5, 5))
    x = np.einsum("nd,nde->ne", rng.normal(size=(60, 5)), stretch[y]) + 3.0 * y[:, None]
    return smx.Dataset(x, y)


def of_rank(covariance, rank):
    """Best approximation of this rank, from the eigenvectors of the covariance itself."""
    values, vectors = np.linalg.eigh(covariance)
    leading = vectors[:, ::-1][:, :rank]
    return (leading * values[::-1][:rank]) @ leading.T


@pytest.mark.parametrize("rank", [0, 1, 3, 5, 40])
def test_moments_are_those_of_the_data(data, rank):
    generator = ClassGaussian.fit(data, rank=rank)
    assert generator.num_classes == 3
    assert generator.fitted_on == 60
    assert generator.scales.shape == (3, min(rank, 5))
    for label in range(3):
        rows = data.x[data.y == label]
        np.testing.assert_allclose(generator.means[label], rows.mean(axis=0), rtol=1e-6)
        v = np.asarray(generator.directions[label], np.float64)
        covariance = (v.T * np.asarray(generator.scales[label]) ** 2) @ v
        wanted = of_rank(np.cov(rows.T), rank)
        # Kept in float32: about seven digits of the largest entry.
        np.testing.assert_allclose(covariance, wanted, atol=2e-6 * np.abs(np.cov(rows.T)).max())
        if rank:
            np.testing.assert_allclose(v @ v.T, np.eye(min(rank, 5)), atol=1e-6)


def test_samples_have_these_moments(data):
    """Means and covariances of 40,000 draws a class within five of their standard errors."""
    generator, count = ClassGaussian.fit(data, rank=2), 40_000
    y = np.tile([2, 0, 1], count)
    x = np.asarray(generator.sample(y, key=KEY), np.float64)
    for label in range(3):
        rows = data.x[data.y == label]
        wanted = of_rank(np.cov(rows.T), 2)
        drawn = x[y == label]
        error = np.sqrt(np.diag(wanted) / count)
        assert (np.abs(drawn.mean(axis=0) - rows.mean(axis=0)) < 5 * error + 1e-5).all()
        # Var of a sample covariance of Gaussians: (C_ii C_jj + C_ij^2) / count.
        variances = np.diag(wanted)
        error = np.sqrt((np.outer(variances, variances) + wanted**2) / count)
        assert (np.abs(np.cov(drawn.T) - wanted) < 5 * error + 1e-5).all()
        # Nothing leaves the plane of two directions.
        assert np.linalg.matrix_rank(drawn - drawn.mean(axis=0), tol=1e-3 * len(drawn) ** 0.5) == 2


def test_more_rank_than_points(rng):
    """A class of three points spans two directions; a class of one does not vary."""
    y = np.array([0, 0, 0, 1, 2, 2])
    x = rng.normal(size=(6, 8))
    generator = ClassGaussian.fit(smx.Dataset(x, y), rank=6)
    assert (np.asarray(generator.scales) > 0).sum(axis=1).tolist() == [2, 0, 1]
    sample = np.asarray(generator.sample(np.array([1, 1, 0, 0]), key=KEY))
    np.testing.assert_allclose(sample[:2], x[[3, 3]], rtol=1e-6)
    assert (sample[2] != sample[3]).any()
    # On the line of two points: the third coordinate follows from the first two.
    line = np.asarray(generator.sample(np.full(50, 2), key=KEY), np.float64)
    assert np.linalg.matrix_rank(line - x[4:].mean(axis=0), tol=1e-3) == 1


def test_integer_images_are_read_in_units_of_255(rng):
    pixels = rng.integers(0, 256, size=(20, 4, 3), dtype=np.uint8)
    y = np.arange(20) % 2
    generator = ClassGaussian.fit(smx.Dataset(pixels, y), rank=3)
    same = ClassGaussian.fit(smx.Dataset(pixels / 255, y), rank=3)
    np.testing.assert_allclose(generator.means, same.means, rtol=1e-6)
    sample = generator.sample(np.array([0, 1, 1]), key=KEY)
    assert sample.shape == (3, 4, 3)
    assert sample.dtype == np.float32
    assert np.asarray(generator.means).max() <= 1.0


def test_sampling_is_a_function_of_the_key(data):
    generator = ClassGaussian.fit(data, rank=3)
    y = np.arange(12) % 3
    once = np.asarray(generator.sample(y, key=KEY))
    np.testing.assert_array_equal(once, generator.sample(y, key=KEY))
    assert (once != np.asarray(generator.sample(y, key=jax.random.key(1)))).all()
    compiled = jax.jit(lambda g, labels, key: g.sample(labels, key=key))
    np.testing.assert_allclose(compiled(generator, jnp.asarray(y), KEY), once, rtol=1e-5, atol=1e-5)
    with jax.enable_x64(True):
        wide = generator.sample(y, key=KEY)
    assert wide.dtype == np.float32
    np.testing.assert_allclose(wide, once, rtol=1e-5, atol=1e-5)


def test_a_pytree(data):
    generator = ClassGaussian.fit(data, rank=2)
    leaves, structure = jax.tree.flatten(generator)
    back = jax.tree.unflatten(structure, leaves)
    assert len(leaves) == 3
    assert (back.shape, back.fitted_on) == ((5,), 60)
    y = np.array([0, 2])
    np.testing.assert_array_equal(back.sample(y, key=KEY), generator.sample(y, key=KEY))


def test_bad_input(data, rng):
    with pytest.raises(ValueError, match="regression targets"):
        ClassGaussian.fit(smx.Dataset(data.x, rng.normal(size=60)), rank=2)
    with pytest.raises(ValueError, match="rank must be zero or more, got -1"):
        ClassGaussian.fit(data, rank=-1)
    with pytest.raises(ValueError, match="class 3 has no points"):
        ClassGaussian.fit(smx.Dataset(data.x, data.y, num_classes=4), rank=2)
    generator = ClassGaussian.fit(data, rank=2)
    for labels in ([3], [-1, 0]):
        with pytest.raises(ValueError, match=r"labels must lie in 0\.\.2"):
            generator.sample(np.array(labels), key=KEY)
