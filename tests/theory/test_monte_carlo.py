"""The formulas against fits to drawn samples, in the space of features.

A fit to rows X with weights W and ridge d has the coefficients (X^T W X + d Lam^-1)^-1 X^T W y. What the formulas
leave out at these sizes is 3 % at most; the rest is four standard errors of the simulation.
"""

import itertools

import numpy as np
import pytest

from synthmix_jax.theory import group_risk, mixed_risk, random_design_risk

pytestmark = pytest.mark.usefixtures("double")

J = np.arange(1, 31)
MU = J**-1.5
TRUTH = J**-1.0


def simulate(covariances, coefficients, *, sizes, weights, noises, ridge, repetitions=600, seed=0):
    """Errors (repetitions, k) on each group and mean squared leave-one-out residuals (repetitions, k)."""
    rng = np.random.default_rng(seed)
    parts = []
    for covariance, theta, size, noise in zip(
        covariances, coefficients, sizes, noises, strict=True
    ):
        z = rng.normal(size=(repetitions, size, len(MU)))
        x = z @ np.linalg.cholesky(covariance).T
        parts.append((x, x @ theta + np.sqrt(noise) * rng.normal(size=(repetitions, size))))
    x, y = np.concatenate([x for x, _ in parts], axis=1), np.concatenate([y for _, y in parts], 1)
    w = np.repeat(weights, sizes)
    weighted = np.swapaxes(x * w[:, None], 1, 2)
    inverse = np.linalg.inv(weighted @ x + ridge * np.diag(1 / MU))
    fit = inverse @ (weighted @ y[..., None])
    hat = w * np.sum((x @ inverse) * x, axis=2)
    left_out = (y - (x @ fit)[..., 0]) / (1.0 - hat)
    ends = np.cumsum([0, *sizes])
    loo = [np.mean(left_out[:, a:b] ** 2, axis=1) for a, b in itertools.pairwise(ends) if b > a]
    miss = coefficients - np.swapaxes(fit, 1, 2)
    errors = [np.sum((miss[:, k] @ c) * miss[:, k], axis=1) for k, c in enumerate(covariances)]
    return np.stack(errors, axis=1), np.stack(loo, axis=1)


def assert_agrees(drawn, theory, *, formula_error):
    mean, error = drawn.mean(axis=0), drawn.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(mean - theory) <= 4.0 * error + formula_error * theory).all(), (
        mean,
        error,
        theory,
    )


@pytest.mark.parametrize(
    ("m", "weight", "ridge"), [(0, 1.0, 0.1), (40, 1.0, 0.1), (40, 0.2, 0.02), (160, 3.0, 1.0)]
)
def test_mixed_risk(m, weight, ridge):
    generator = TRUTH * (1.0 + 0.5 * np.cos(J))
    drawn, _ = simulate(
        np.stack([np.eye(30)] * 2), np.stack([TRUTH, generator]), sizes=[20, m], weights=[1, weight],
        noises=[0.3, 0.1], ridge=ridge,
    )  # fmt: skip
    theory = mixed_risk(
        MU, TRUTH, generator, n=20, m=m, ridge=ridge, weight=weight, noise_variance=0.3,
        synthetic_noise_variance=0.1,
    )  # fmt: skip
    assert_agrees(drawn[:, 0], theory, formula_error=0.03)
    if m == 0:
        alone = random_design_risk(MU, TRUTH, noise_variance=0.3, n=20, ridge=ridge)
        assert alone == pytest.approx(float(theory), rel=1e-12)


@pytest.mark.parametrize("ridge", [0.05, 1.0])
def test_group_risk_and_its_leave_one_out(ridge, rng):
    rotation, _ = np.linalg.qr(rng.normal(size=(30, 30)))
    covariances = np.stack([np.eye(30), 1.5 * np.diag(J**-0.5), (rotation * J**-0.7) @ rotation.T])
    coefficients = np.stack([TRUTH, TRUTH * np.cos(J), 0.7 * TRUTH])
    given = dict(sizes=[12, 18, 30], weights=[1.0, 0.5, 2.0], ridge=ridge)
    noises = np.array([0.3, 0.1, 0.2])
    drawn, loo = simulate(covariances, coefficients, **given, noises=noises)
    theory = group_risk(covariances, coefficients, eigenvalues=MU, noise_variances=noises, **given)
    assert_agrees(drawn, theory, formula_error=0.03)
    assert_agrees(loo, theory + noises, formula_error=0.03)


@pytest.mark.slow
def test_where_the_curve_has_its_minimum():
    """The best of a grid of counts by simulation is next to the formula's."""
    counts = [0, 10, 20, 40, 80, 160, 320]
    theory = mixed_risk(
        MU, TRUTH, 1.8 * TRUTH, n=20, m=counts, ridge=0.05, weight=0.1, noise_variance=0.3
    )
    means = []
    for m in counts:
        drawn, _ = simulate(
            np.stack([np.eye(30)] * 2), np.stack([TRUTH, 1.8 * TRUTH]), sizes=[20, m],
            weights=[1, 0.1], noises=[0.3, 0.3], ridge=0.05, repetitions=2000,
        )  # fmt: skip
        means.append(drawn[:, 0].mean())
    assert abs(np.argmin(means) - np.argmin(theory)) <= 1
    assert 0 < np.argmin(theory) < len(counts) - 1
    np.testing.assert_allclose(means, theory, rtol=0.06)
