"""Feature maps against the kernels they stand for, landmarks against exact leverage scores."""

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.krr import _landmarks

X = np.random.default_rng(0).normal(size=(40, 3))
K = smx.kernels


def gram_of(features):
    with jax.enable_x64(True):
        phi = np.asarray(features(X))
    return phi @ phi.T


@pytest.mark.parametrize(
    "kernel",
    [
        K.RBF(1.5),
        K.ArcCosine(depth=2),
        lambda a, b: jax.numpy.exp(-((a[:, None] - b[None]) ** 2).sum(-1)),
    ],
    ids=["rbf", "arc-cosine", "callable"],
)
def test_nystrom_is_the_kernel_where_all_points_are_landmarks(kernel):
    with jax.enable_x64(True):
        exact = np.asarray(smx.kernels.gram(kernel, X))
    features = smx.krr.nystrom_features(kernel, X)
    # Directions below 1e-12 of the largest eigenvalue are left out.
    np.testing.assert_allclose(gram_of(features), exact, atol=1e-11 * 40)
    # Few landmarks: the projection k_xZ k_ZZ^-1 k_Zx, never above the kernel.
    few = gram_of(smx.krr.nystrom_features(kernel, X[:7]))
    projected = exact[:, :7] @ np.linalg.solve(exact[:7, :7], exact[:7])
    np.testing.assert_allclose(few, projected, atol=1e-10)
    assert np.linalg.eigvalsh(exact - few).min() > -1e-10


def test_twins_among_landmarks_do_no_harm():
    features = smx.krr.nystrom_features(K.RBF(1.5), np.concatenate([X[:7], X[:7]]))
    np.testing.assert_allclose(
        gram_of(features), gram_of(smx.krr.nystrom_features(K.RBF(1.5), X[:7])), atol=1e-9
    )


STATIONARY = {
    "rbf": K.RBF(1.5),
    "rbf-ard": K.RBF(np.array([0.7, 1.5, 3.0])),
    "laplace": K.Laplace(2.0),
    "matern-3/2": K.Matern(2.0, nu=1.5),
    "matern-5/2": K.Matern(2.0, nu=2.5),
    "sum": 2.0 * K.RBF(1.5) + K.Constant(3.0),
    "product": K.RBF(1.5) * (K.Matern(2.0, nu=1.5) + K.Constant(0.5)),
}


@pytest.mark.parametrize("name", STATIONARY)
def test_fourier_features_are_unbiased_and_their_error_falls_with_the_root(name):
    """The mean over draws is the kernel within 4.5 standard errors; the mean square error falls as 1 / D."""
    kernel = STATIONARY[name]
    with jax.enable_x64(True):
        exact = np.asarray(smx.kernels.gram(kernel, X))
    errors = {}
    for size in (32, 512):
        draws = np.stack(
            [
                gram_of(
                    smx.krr.fourier_features(kernel, size, dimension=3, key=jax.random.key(seed))
                )
                for seed in range(24)
            ]
        )
        errors[size] = np.mean((draws - exact) ** 2)
        spread = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
        # On the diagonal cos^2 + sin^2 is exact: no spread, and rounding only.
        assert np.abs(draws.mean(axis=0) - exact).max() < 4.5 * spread.max() + 1e-12
        np.testing.assert_allclose(draws[0].diagonal(), exact.diagonal(), rtol=1e-12)
    # 16 times the features; a constant keeps one frequency of its own, so varying parts gain a little more.
    assert 9 < errors[32] / errors[512] < 27


def test_only_stationary_kernels_have_fourier_features():
    for kernel in (K.ArcCosine(depth=1), K.RBF(1.0) * K.Polynomial(2)):
        with pytest.raises(ValueError, match=r"stationary kernel .* method='nystrom'"):
            smx.krr.fourier_features(kernel, 8, dimension=3, key=jax.random.key(0))
    for number in (7, 0, 2):
        with pytest.raises(ValueError, match=f"even and at least 4 .* got {number}"):
            smx.krr.fourier_features(STATIONARY["sum"], number, dimension=3, key=jax.random.key(0))


def test_leverage_scores_are_exact_where_the_pilot_holds_all_rows():
    kernel, ridge = K.RBF(1.0), 0.3
    with jax.enable_x64(True):
        gram = np.asarray(smx.kernels.gram(kernel, X))
        found = _landmarks.ridge_leverage(kernel, X, X, ridge=ridge, rows=len(X))
        half = _landmarks.ridge_leverage(kernel, X, X[::2], ridge=ridge, rows=len(X))
        plain = _landmarks.ridge_leverage(kernel.__call__, X, X, ridge=ridge, rows=len(X))
    exact = np.diag(gram @ np.linalg.inv(gram + ridge * np.eye(len(X))))
    np.testing.assert_allclose(found, exact, rtol=1e-9)
    np.testing.assert_allclose(plain, exact, rtol=1e-9)
    # The formula for a pilot, written down plainly.
    part = gram[::2]
    inner = np.linalg.solve(part[:, ::2] + ridge * 0.5 * np.eye(20), part)
    np.testing.assert_allclose(half, np.clip((1 - (part * inner).sum(0)) / ridge, 0, 1), rtol=1e-9)


def test_leverage_finds_the_lonely_points():
    """A hundredth of the points lies apart: 50 uniform landmarks of 1,000 often miss it."""
    rng = np.random.default_rng(1)
    x = 0.05 * rng.normal(size=(1000, 2))
    x[:10] += 5.0
    data = smx.Dataset(x, x[:, 0])
    found = {}
    for how in ("uniform", "leverage"):
        draws = [
            _landmarks.choose(
                K.RBF(1.0),
                data,
                None,
                count=0,
                number=50,
                how=how,
                ridge=0.1,
                key=jax.random.key(seed),
            )
            for seed in range(20)
        ]
        found[how] = np.mean([(d[:, 0] > 2).any() for d in draws])
        assert all(len(np.unique(d, axis=0)) == 50 for d in draws)
    assert found["uniform"] < 0.7
    assert found["leverage"] > 0.9
