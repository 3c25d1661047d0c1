"""The joint Gaussian of inputs and targets against NumPy's covariances and least squares."""

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.generators import JointGaussian, draw

KEY = jax.random.key(0)


def made(rng, targets, points=200):
    """Inputs in 5 dimensions that vary with each other; targets that follow the one of least variance."""
    x = rng.normal(size=(points, 5)) @ np.triu(rng.normal(size=(5, 5))) + 2.0
    y = 1e3 * (x[:, :1] + 0.3 * rng.normal(size=(points, max(targets, 1)))) - 7.0
    return smx.Dataset(x, y if targets else y[:, 0])


def implied(g):
    """Mean and covariance of (x, y), from the fields."""
    slopes, v, f = (np.asarray(a, np.float64) for a in (g.slopes, g.directions, g.target_factor))
    c_yy = f.T @ f
    rest = (v.T * np.asarray(g.scales, np.float64) ** 2) @ v
    c_xx = slopes.T @ c_yy @ slopes + rest
    return np.r_[g.mean, g.target_mean], np.block([[c_xx, slopes.T @ c_yy], [c_yy @ slopes, c_yy]])


def close(found, wanted, tolerance=2e-5):
    """Each entry to this share of its two standard deviations: inputs and targets differ 1000-fold."""
    unit = np.sqrt(np.diag(wanted))
    np.testing.assert_allclose(
        found / np.outer(unit, unit), wanted / np.outer(unit, unit), atol=tolerance
    )


@pytest.mark.parametrize("targets", [0, 1, 3])
def test_the_joint_is_that_of_the_data(targets, rng):
    """At full rank all of it; at any rank the covariances with the targets."""
    data = made(rng, targets)
    wanted = np.cov(np.c_[data.x, data.y].T)
    mean, covariance = implied(JointGaussian.fit(data, rank=5))
    np.testing.assert_allclose(mean, np.c_[data.x, data.y].mean(axis=0), rtol=1e-6)
    close(covariance, wanted)
    covariance = implied(JointGaussian.fit(data, rank=1))[1]
    unit = np.sqrt(np.diag(wanted))
    np.testing.assert_allclose((covariance / unit)[5:], (wanted / unit)[5:], rtol=2e-4)
    # What is left of the inputs is cut to its first direction.
    rest = wanted[:5, :5] - wanted[:5, 5:] @ np.linalg.solve(wanted[5:, 5:], wanted[5:, :5])
    values, vectors = np.linalg.eigh(rest)
    cut = values[-1] * np.outer(vectors[:, -1], vectors[:, -1])
    np.testing.assert_allclose(covariance[:5, :5], wanted[:5, :5] - rest + cut, atol=1e-4)


@pytest.mark.parametrize("targets", [0, 2])
def test_draws_have_the_fitted_joint(targets, rng):
    """40,000 draws; each covariance within five of its standard errors."""
    data, count = made(rng, targets), 40_000
    generator = JointGaussian.fit(data, rank=2)
    drawn = draw(generator, count, key=KEY)
    assert drawn.num_classes is None
    assert drawn.y.shape == ((count, targets) if targets else (count,))
    both = np.c_[drawn.x, drawn.y].astype(np.float64)
    mean, wanted = implied(generator)
    variances = np.diag(wanted)
    assert (np.abs(both.mean(axis=0) - mean) < 5 * np.sqrt(variances / count)).all()
    error = np.sqrt((np.outer(variances, variances) + wanted**2) / count)
    assert (np.abs(np.cov(both.T) - wanted) < 5 * error).all()


def test_the_conditional_is_exact(rng):
    """Inputs of one target against the textbook's C_xx - C_xy C_yy^-1 C_yx and mean."""
    data, count = made(rng, 2), 40_000
    generator = JointGaussian.fit(data, rank=5)
    y = data.y[3] + [50.0, -20.0]
    x = np.asarray(generator.sample(np.tile(y, (count, 1)), key=KEY), np.float64)
    c = np.cov(np.c_[data.x, data.y].T)
    gain = np.linalg.solve(c[5:, 5:], c[5:, :5])
    mean = data.x.mean(axis=0) + (y - data.y.mean(axis=0)) @ gain
    wanted = c[:5, :5] - c[:5, 5:] @ gain
    variances = np.diag(wanted)
    assert (np.abs(x.mean(axis=0) - mean) < 5 * np.sqrt(variances / count) + 1e-5).all()
    error = np.sqrt((np.outer(variances, variances) + wanted**2) / count)
    assert (np.abs(np.cov(x.T) - wanted) < 5 * error).all()


def test_few_points_and_constants(rng):
    """Two points and a constant feature; a constant target moves nothing."""
    x = np.c_[rng.normal(size=(2, 3)), [4.0, 4.0]]
    line = draw(JointGaussian.fit(smx.Dataset(x, np.array([1.0, 3.0])), rank=3), 30, key=KEY)
    t = (np.asarray(line.y, np.float64) - 1.0) / 2.0
    np.testing.assert_allclose(line.x, x[0] + t[:, None] * (x[1] - x[0]), atol=1e-5)
    flat = JointGaussian.fit(smx.Dataset(rng.normal(size=(9, 3)), np.full(9, 0.1)), rank=3)
    assert (np.asarray(flat.slopes) == 0).all()
    np.testing.assert_allclose(draw(flat, 5, key=KEY).y, 0.1, rtol=1e-6)


def test_bad_input(rng):
    data = made(rng, 2, points=20)
    generator = JointGaussian.fit(data, rank=2)
    with pytest.raises(ValueError, match="for class labels use ClassGaussian"):
        JointGaussian.fit(smx.Dataset(data.x, np.arange(20) % 2), rank=2)
    with pytest.raises(ValueError, match="needs at least two points, got 1"):
        JointGaussian.fit(data[:1], rank=2)
    with pytest.raises(ValueError, match="rank must be zero or more, got -2"):
        JointGaussian.fit(data, rank=-2)
    with pytest.raises(ValueError, match=r"must be \(m, 2\), got shape \(4,\)"):
        generator.sample(np.zeros(4), key=KEY)
    with pytest.raises(ValueError, match="labels holds 1 non-finite values"):
        generator.sample(np.array([[0.0, np.inf]]), key=KEY)
    with pytest.raises(ValueError, match="count must be a whole number of at least 1, got 0"):
        generator.labels(0, key=KEY)
