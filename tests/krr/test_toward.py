"""Regression toward a generator against matrices written out, refits, and its own objective."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import synthmix_jax as smx

N, T, D = 12, 6, 2
RIDGES = np.array([1e-3, 0.1, 5.0])
SCALE = 1.2
KERNEL = smx.kernels.RBF(SCALE)


def gram(a, b):
    return np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (2 * SCALE**2))


@pytest.fixture
def real(rng):
    x = rng.normal(size=(N, D))
    return smx.Dataset(x, np.sin(2 * x[:, 0]) + 0.1 * rng.normal(size=N))


@pytest.fixture
def x_new(rng):
    return rng.normal(size=(T, D))


def outside(x):
    """A function that no few kernels reproduce."""
    return np.sin(7 * x[:, 0]) + np.abs(x[:, 1])


def several(rng, outputs=3):
    x = rng.normal(size=(N, D))
    real = smx.Dataset(x, np.stack([np.sin(x[:, 0]), x[:, 1], x[:, 0] * x[:, 1]], axis=1))
    mix = rng.normal(size=(D, outputs))
    return real, lambda x: np.cos(x @ mix)


def toward(real, g, **options):
    return smx.krr.toward(real, g, kernel=KERNEL, ridges=RIDGES, **options)


def test_toward_zero_is_plain_ridge_regression(real, x_new):
    path = toward(real, lambda x: np.zeros(len(x)))
    assert path.predict(x_new).shape == (3, T)
    assert path.projection_error == 0.0
    plain = smx.krr.sweep(real, None, kernel=KERNEL, ridges=RIDGES)
    # 1e-3 on a matrix of largest eigenvalue about 10 costs four of sixteen digits.
    np.testing.assert_allclose(path.loo_error, plain.loo_error[0, :, 0], rtol=1e-11)
    for ridge, predicted in zip(RIDGES, path.predict(x_new), strict=True):
        alone = smx.krr.fit(real, kernel=KERNEL, ridge=ridge)
        np.testing.assert_allclose(predicted, alone.predict(x_new), rtol=1e-11, atol=1e-12)
    projected = toward(real, lambda x: np.zeros(len(x)), form="projected")
    np.testing.assert_allclose(projected.predict(x_new), path.predict(x_new), rtol=1e-12)


def test_the_residual_form_solved_directly(real, x_new):
    path = toward(real, outside)
    K, k = gram(real.x, real.x), gram(x_new, real.x)
    for ridge, predicted in zip(RIDGES, path.predict(x_new), strict=True):
        c = np.linalg.solve(K + ridge * np.eye(N), real.y - outside(real.x))
        np.testing.assert_allclose(predicted, outside(x_new) + k @ c, rtol=1e-11, atol=1e-12)


def test_scores_against_matrices(real):
    """Leave-one-out by refitting without each point; GCV and tr S from the hat matrix S."""
    for g in (outside, lambda x: np.zeros(len(x))):
        path = toward(real, g)
        K, r = gram(real.x, real.x), real.y - g(real.x)
        for l, ridge in enumerate(RIDGES):
            S = K @ np.linalg.inv(K + ridge * np.eye(N))
            np.testing.assert_allclose(path.effective_dimension[l], np.trace(S), rtol=1e-11)
            gcv = N * ((r - S @ r) ** 2).sum() / (N - np.trace(S)) ** 2
            np.testing.assert_allclose(path.gcv[l], gcv, rtol=1e-9)
            left_out = []
            for i in range(N):
                rest = np.delete(np.arange(N), i)
                c = np.linalg.solve(K[np.ix_(rest, rest)] + ridge * np.eye(N - 1), r[rest])
                left_out.append(real.y[i] - g(real.x)[i] - K[i, rest] @ c)
            np.testing.assert_allclose(path.loo_error[l], np.mean(np.square(left_out)), rtol=1e-10)


def test_several_outputs(rng, x_new):
    real, g = several(rng)
    path = toward(real, g)
    assert path.predict(x_new).shape == (3, T, 3)
    assert path.coefficients.shape == (3, N, 3)
    parts = [toward(smx.Dataset(real.x, real.y[:, k]), lambda x, k=k: g(x)[:, k]) for k in range(3)]
    for k, part in enumerate(parts):
        np.testing.assert_allclose(
            path.predict(x_new)[:, :, k], part.predict(x_new), rtol=1e-10, atol=1e-12
        )
    for name in ("loo_error", "gcv"):  # summed over outputs
        np.testing.assert_allclose(
            getattr(path, name), sum(getattr(p, name) for p in parts), rtol=1e-11
        )


def test_a_column_stays_a_column(real, x_new):
    column = smx.Dataset(real.x, real.y[:, None])
    path = toward(column, outside)
    assert path.predict(x_new).shape == (3, T, 1)
    np.testing.assert_array_equal(path.predict(x_new)[..., 0], toward(real, outside).predict(x_new))


def test_labels_are_centred_one_hot(rng, x_new):
    x, y = rng.normal(size=(N, D)), np.arange(N) % 3
    scores = lambda x: np.stack([x[:, 0], x[:, 1], -x.sum(axis=1)], axis=1) / 3
    labels = toward(smx.Dataset(x, y), scores)
    targets = toward(smx.Dataset(x, np.eye(3)[y] - 1 / 3), scores)
    np.testing.assert_allclose(labels.predict(x_new), targets.predict(x_new), rtol=1e-13)
    np.testing.assert_allclose(labels.loo_error, targets.loo_error, rtol=1e-13)


@pytest.mark.parametrize("jitter", [1e-8, 1e-3, 1.0])
@pytest.mark.filterwarnings("ignore:the projected form")
def test_the_projected_form_is_lemma_2_1(jitter, real, x_new):
    """c = (K + mu I)^-1 (y + mu beta), beta = (K + eta I)^-1 g(X), as printed."""
    path = toward(real, outside, form="projected", jitter=jitter)
    K, k = gram(real.x, real.x), gram(x_new, real.x)
    beta = np.linalg.solve(K + jitter * np.eye(N), outside(real.x))
    # beta is as large as g over the least eigenvalue plus jitter: digits are lost to its size.
    lost = 1e-14 * np.abs(beta).max() * np.linalg.cond(K + jitter * np.eye(N))
    for ridge, predicted in zip(RIDGES, path.predict(x_new), strict=True):
        c = np.linalg.solve(K + ridge * np.eye(N), real.y + ridge * beta)
        np.testing.assert_allclose(predicted, k @ c, rtol=1e-10, atol=1e-11 + lost)


@pytest.mark.filterwarnings("ignore:the projected form")
def test_projected_is_the_residual_form_of_the_interpolation(real, x_new):
    jitter = 1e-3
    beta = np.linalg.solve(gram(real.x, real.x) + jitter * np.eye(N), outside(real.x))
    interpolation = lambda x: gram(x, real.x) @ beta
    projected = toward(real, outside, form="projected", jitter=jitter)
    residual = toward(real, interpolation)
    np.testing.assert_allclose(projected.predict(x_new), residual.predict(x_new), atol=1e-9)
    np.testing.assert_allclose(projected.loo_error, residual.loo_error, rtol=1e-8)
    np.testing.assert_allclose(projected.gcv, residual.gcv, rtol=1e-8)


def test_forms_agree_in_the_span_as_the_jitter_falls(real, x_new):
    b = np.cos(np.arange(N))
    g = lambda x: gram(np.asarray(x), real.x) @ b
    residual = toward(real, g).predict(x_new)
    apart = []
    for jitter in (1e-3, 1e-6, 1e-9):
        path = toward(real, g, form="projected", jitter=jitter)  # and warns of nothing
        apart.append(np.abs(path.predict(x_new) - residual).max())
    assert apart[0] > 20 * apart[1] > 400 * apart[2]
    assert apart[2] < 1e-5
    assert path.projection_error < 0.1


def test_forms_differ_outside_the_span_with_a_warning(real, x_new):
    residual = toward(real, outside)  # no warning: it is exact for any g
    assert residual.projection_error > 0.1
    with pytest.warns(UserWarning, match=r"Prefer form='residual'"):
        projected = toward(real, outside, form="projected")
    assert projected.form == "projected"
    assert projected.projection_error == residual.projection_error
    assert np.abs(projected.predict(x_new)[-1] - residual.predict(x_new)[-1]).max() > 0.1


def test_projection_error_is_a_left_out_interpolation_error(real):
    K, g = gram(real.x, real.x), outside(real.x)
    jitter = 1e-2
    missed = []
    for i in range(N):
        rest = np.delete(np.arange(N), i)
        c = np.linalg.solve(K[np.ix_(rest, rest)] + jitter * np.eye(N - 1), g[rest])
        missed.append(g[i] - K[i, rest] @ c)
    wanted = np.mean(np.square(missed)) / np.mean(g**2)
    path = toward(real, outside, jitter=jitter)
    np.testing.assert_allclose(path.projection_error, wanted, rtol=1e-10)


@pytest.mark.parametrize("l", range(3))
def test_the_solution_minimises_the_objective(l, real, rng):
    """(1 - lt)/n sum (y - f)^2 + lt |f - g|^2_H with mu = n lt/(1 - lt), over f = g + K(., Z) c."""
    ridge = RIDGES[l]
    lt = ridge / (N + ridge)
    path = toward(real, outside)
    centres = np.concatenate([real.x, rng.normal(size=(5, D))])  # also directions off the data
    K = gram(centres, centres)

    def objective(c):
        f = outside(real.x) + K[:N] @ c
        return (1 - lt) / N * ((real.y - f) ** 2).sum() + lt * c @ K @ c

    c = np.concatenate([path.coefficients[l, :, 0], np.zeros(5)])
    least = objective(c)
    slope = -2 * (1 - lt) / N * K[:N].T @ (real.y - outside(real.x) - K[:N] @ c) + 2 * lt * K @ c
    np.testing.assert_allclose(slope, 0.0, atol=1e-11 * max(1.0, np.abs(c).max()))
    for size in (1e-3, 1e-1, 1.0):
        for _ in range(20):
            assert objective(c + size * rng.normal(size=len(c))) > least


def test_limits_of_the_ridge(real, x_new):
    """An enormous ridge leaves g; a tiny one interpolates the data."""
    path = smx.krr.toward(real, outside, kernel=KERNEL, ridges=[1e-10, 1e10])
    np.testing.assert_allclose(path.predict(x_new)[1], outside(x_new), atol=1e-8)
    np.testing.assert_allclose(path.predict(real.x)[0], real.y, atol=1e-4)
    assert path.effective_dimension[1] < 1e-8


@pytest.mark.parametrize("by", ["loo", "gcv"])
def test_best(by, real):
    path = toward(real, outside)
    best = path.best(by=by)
    errors = {"loo": path.loo_error, "gcv": path.gcv}[by]
    assert best.error == errors.min() == errors[best.index]
    assert best.ridge == RIDGES[best.index]
    with pytest.raises(ValueError, match="'loo', 'gcv', got 'test'"):
        path.best(by="test")


def test_g_sees_the_inputs_as_they_are(rng):
    pixels = rng.integers(0, 256, size=(N, 3, 3), dtype=np.uint8)
    seen = []

    def g(x):
        seen.append(x)
        return jnp.zeros((len(x), 1), jnp.float32)

    path = smx.krr.toward(
        smx.Dataset(pixels, rng.normal(size=N)), g, kernel=smx.kernels.RBF(1.0), ridges=[0.1]
    )
    path.predict(pixels[:2])
    assert [x.shape for x in seen] == [(N, 3, 3), (2, 3, 3)]
    assert all(x.dtype == np.uint8 for x in seen)


def test_the_callers_precision_changes_nothing(real, x_new):
    narrow = toward(real, outside).predict(x_new)
    assert not jax.config.jax_enable_x64
    with jax.enable_x64(True):
        np.testing.assert_array_equal(toward(real, outside).predict(x_new), narrow)


BAD = {
    "zero ridge": (dict(ridges=[0.0]), "ridges must be positive and finite, got 0"),
    "no ridge": (dict(ridges=[]), "non-empty list"),
    "negative jitter": (dict(jitter=-1.0), "jitter must be positive and finite, got -1"),
    "form": (dict(form="both"), "'residual', 'projected', got 'both'"),
    "g of two columns": (dict(g=lambda x: np.zeros((len(x), 2))), r"\(12, 2\) .* \(12, 1\) or"),
    "g of too few rows": (dict(g=lambda x: np.zeros(3)), r"g returned shape \(3,\) for 12 inputs"),
    "g of nan": (dict(g=lambda x: np.full(len(x), np.nan)), r"g\(x\) holds 12 non-finite"),
    "one point": (dict(real=lambda r: r[:1]), "at least two"),
    "indefinite kernel": (
        dict(kernel=lambda a, b: -jnp.ones((a.shape[0], b.shape[0]))),
        "not positive semi-definite: its matrix has eigenvalues from -12",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case, real):
    arguments = dict(real=real, g=outside, kernel=KERNEL, ridges=RIDGES)
    for name, value in BAD[case][0].items():
        arguments[name] = value(real) if name == "real" else value
    with pytest.raises(ValueError, match=BAD[case][1]):
        smx.krr.toward(arguments.pop("real"), arguments.pop("g"), **arguments)


def test_g_of_the_wrong_shape_for_several_outputs(rng):
    real, _ = several(rng)
    with pytest.raises(ValueError, match="one column an output"):
        toward(real, outside)


def test_bad_queries(real):
    path = toward(real, outside)
    with pytest.raises(ValueError, match="x holds 1 non-finite values"):
        path.predict(np.array([[np.nan, 0.0]]))
    with pytest.raises(ValueError, match=r"x has shape \(4, 3\); the fit expects \(t, 2\)"):
        path.predict(np.zeros((4, 3)))
