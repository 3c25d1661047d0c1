"""The class-conditional mixture against known mixtures, exact moments, and scikit-learn."""

import jax
import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

import synthmix_jax as smx
from synthmix_jax.generators import ClassMixture

KEY = jax.random.key(0)
CENTRES = np.array([[-4.0, 0.0, 1.0], [3.0, 1.0, -2.0], [1.0, 7.0, 0.0]])
WEIGHTS = np.array([0.2, 0.3, 0.5])


def mixture(rng, points):
    """Three components with covariances 0.25, 1 and 0.64 times one matrix; all parts returned."""
    root = np.array([[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.0, -0.4, 0.6]])
    deviations = np.array([0.5, 1.0, 0.8])
    which = rng.choice(3, size=points, p=WEIGHTS)
    x = CENTRES[which] + deviations[which, None] * (rng.normal(size=(points, 3)) @ root.T)
    return x, [s**2 * root @ root.T for s in deviations]


def parts(generator, label):
    """Weights, centres and covariances in the space of the inputs."""
    v = np.asarray(generator.directions[label], np.float64)
    factors = np.asarray(generator.factors[label], np.float64)
    centres = np.asarray(generator.means[label]) + np.asarray(generator.centres[label]) @ v
    covariances = np.einsum("rd,jrs,jts,te->jde", v, factors, factors, v)
    return np.asarray(generator.weights[label], np.float64), centres, covariances


def test_known_parameters_are_recovered(rng):
    """6000 points of well separated components, within five standard errors of each parameter."""
    x, covariances = mixture(rng, 6000)
    data = smx.Dataset(x, np.zeros(6000, int))
    found = parts(ClassMixture.fit(data, components=3, rank=3, key=KEY, regularisation=1e-6), 0)
    for j in range(3):
        i = np.argmin(np.sum((found[1] - CENTRES[j]) ** 2, axis=1))
        count = 6000 * WEIGHTS[j]
        error = np.sqrt(WEIGHTS[j] * (1 - WEIGHTS[j]) / 6000)
        assert abs(found[0][i] - WEIGHTS[j]) < 5 * error
        variances = np.diag(covariances[j])
        assert (np.abs(found[1][i] - CENTRES[j]) < 5 * np.sqrt(variances / count)).all()
        error = np.sqrt((np.outer(variances, variances) + covariances[j] ** 2) / count)
        assert (np.abs(found[2][i] - covariances[j]) < 5 * error).all()


def test_the_mixture_keeps_the_moments_of_its_class(rng):
    """Exact after any step of the algorithm: mean of the class; its covariance plus the regularisation."""
    x = np.concatenate([mixture(rng, 300)[0], rng.normal(size=(100, 3))])
    data = smx.Dataset(x, np.repeat([0, 1], [300, 100]))
    generator = ClassMixture.fit(data, components=4, rank=2, key=KEY, regularisation=0.05)
    for label in range(2):
        rows = x[data.y == label]
        weights, centres, covariances = parts(generator, label)
        assert weights.sum() == pytest.approx(1.0, abs=1e-6)
        np.testing.assert_allclose(weights @ centres, rows.mean(axis=0), atol=1e-5)
        away = centres - rows.mean(axis=0)
        total = np.einsum("j,jde->de", weights, covariances + away[:, :, None] * away[:, None])
        values, vectors = np.linalg.eigh(np.cov(rows.T, ddof=0))
        values, vectors = values[1:], vectors[:, 1:]
        added = 0.05 * np.mean(values) * len(rows) / (len(rows) - 1)
        np.testing.assert_allclose(total, (vectors * (values + added)) @ vectors.T, atol=1e-4)


def test_samples_follow_the_fitted_mixture(rng):
    """Means and covariances of 60,000 draws, and scikit-learn's likelihood of them, by Monte Carlo error."""
    x, _ = mixture(rng, 2000)
    generator = ClassMixture.fit(smx.Dataset(x, np.zeros(2000, int)), components=3, rank=3, key=KEY)
    count = 60_000
    drawn = np.asarray(generator.sample(np.zeros(count, int), key=KEY), np.float64)
    weights, centres, covariances = parts(generator, 0)
    judge = GaussianMixture(3)
    judge.weights_, judge.means_ = weights / weights.sum(), centres
    judge.precisions_cholesky_ = np.linalg.cholesky(np.linalg.inv(covariances))
    judge.covariances_ = covariances
    # Components lie several deviations apart: each draw is told its own.
    which = judge.predict(drawn)
    for j in range(3):
        mine = drawn[which == j]
        error = np.sqrt(weights[j] * (1 - weights[j]) / count)
        assert abs(len(mine) / count - weights[j]) < 5 * error + 1e-3
        np.testing.assert_allclose(mine.mean(axis=0), centres[j], atol=0.04)
        np.testing.assert_allclose(np.cov(mine.T), covariances[j], atol=0.06)
    theirs = judge.score_samples(judge.sample(count)[0])
    ours = judge.score_samples(drawn)
    assert abs(ours.mean() - theirs.mean()) < 5 * np.sqrt(2) * theirs.std() / np.sqrt(count)


def test_classes_of_few_points(rng):
    """One component for every r + 1 points; repeated points count once; one point does not vary."""
    y = np.repeat([0, 1, 2, 3], [1, 2, 9, 30])
    x = rng.normal(size=(42, 4))
    x[12:] = x[12]
    generator = ClassMixture.fit(smx.Dataset(x, y), components=3, rank=2, key=KEY)
    assert generator.components == (1, 1, 3, 1)
    assert generator.converged == (True,) * 4
    drawn = np.asarray(generator.sample(np.repeat([0, 1, 2, 3], 20), key=KEY))
    assert np.isfinite(drawn).all()
    np.testing.assert_allclose(drawn[:20], x[:1].repeat(20, axis=0), rtol=1e-6)
    np.testing.assert_allclose(drawn[60:], x[12:32], rtol=1e-6)
    line = drawn[20:40].astype(np.float64) - x[1:3].mean(axis=0)
    assert np.linalg.matrix_rank(line, tol=1e-3) == 1


def test_a_fit_that_did_not_converge_says_so(rng, monkeypatch):
    from sklearn import mixture as sklearn_mixture

    monkeypatch.setattr(
        sklearn_mixture,
        "GaussianMixture",
        lambda *a, **k: GaussianMixture(*a, **(k | {"max_iter": 1})),
    )
    data = smx.Dataset(rng.normal(size=(60, 2)), np.zeros(60, int))
    assert ClassMixture.fit(data, components=4, rank=2, key=KEY).converged == (False,)


def test_the_fit_is_a_function_of_the_key(rng):
    data = smx.Dataset(rng.normal(size=(60, 3)), np.arange(60) % 2)
    once, again, other = (
        ClassMixture.fit(data, components=3, rank=2, key=jax.random.key(k)) for k in (0, 0, 1)
    )
    np.testing.assert_array_equal(once.centres, again.centres)
    assert (once.centres != other.centres).any()


def test_bad_input(rng):
    data = smx.Dataset(rng.normal(size=(20, 3)), np.arange(20) % 2)
    good = {"components": 2, "rank": 2, "key": KEY}
    for change, message in [
        ({"components": 0}, "components must be a whole number of at least 1, got 0"),
        ({"rank": -1}, "rank must be zero or more, got -1"),
        ({"regularisation": 0.0}, "regularisation must be positive, got 0.0"),
        ({"regularisation": float("nan")}, "regularisation must be positive, got nan"),
    ]:
        with pytest.raises(ValueError, match=message):
            ClassMixture.fit(data, **(good | change))
    with pytest.raises(ValueError, match="for regression targets use JointGaussian or SMOTE"):
        ClassMixture.fit(smx.Dataset(data.x, data.x[:, 0]), **good)
    with pytest.raises(ValueError, match="class 2 has no points"):
        ClassMixture.fit(smx.Dataset(data.x, data.y, num_classes=3), **good)
