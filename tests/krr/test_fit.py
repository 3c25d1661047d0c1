"""One fit against scikit-learn; averages of fits against the fits themselves."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

import synthmix_jax as smx

N, M, T, D = 11, 16, 7, 3
KERNEL = smx.kernels.RBF(1.5)
TARGETS = ("scalar", "column", "outputs", "labels")


def make(rng, targets, sizes=(N, M)):
    data = []
    for size in sizes:
        x = rng.normal(size=(size, D))
        y = {
            "scalar": np.sin(x[:, 0]),
            "column": np.sin(x[:, :1]),
            "outputs": np.stack([np.sin(x[:, 0]), x[:, 1]], axis=1),
            "labels": np.arange(size) % 3,
        }[targets]
        data.append(smx.Dataset(x, y))
    return data


def encoded(data):
    return np.eye(3)[data.y] - 1 / 3 if data.num_classes else data.y


@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("weight", [0.1, 1.0, 10.0])
def test_agrees_with_scikit_learn(targets, weight, rng):
    real, synthetic = make(rng, targets)
    x = rng.normal(size=(T, D))
    ours = smx.krr.fit(real, synthetic, kernel=KERNEL, ridge=0.05, weight=weight).predict(x)
    peer = KernelRidge(kernel="rbf", gamma=1 / (2 * 1.5**2), alpha=0.05).fit(
        np.concatenate([real.x, synthetic.x]),
        np.concatenate([encoded(real), encoded(synthetic)]),
        sample_weight=np.r_[np.ones(N), np.full(M, weight)],
    )
    np.testing.assert_allclose(ours, peer.predict(x), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize(
    ("targets", "shape"), [("scalar", (T,)), ("column", (T, 1)), ("outputs", (T, 2))]
)
def test_predictions_have_the_shape_of_the_targets(targets, shape, rng):
    real, synthetic = make(rng, targets)
    fit = smx.krr.fit(real, synthetic, kernel=KERNEL, ridge=0.1)
    predicted = fit.predict(rng.normal(size=(T, D)))
    assert predicted.shape == shape
    assert predicted.dtype == np.float64
    assert fit.predict(np.zeros((0, D))).shape == (0, *shape[1:])


def test_labels_give_class_scores(rng):
    real, synthetic = make(rng, "labels")
    fit = smx.krr.fit(real, synthetic, kernel=smx.kernels.RBF(0.1), ridge=1e-6)
    scores = fit.predict(real.x)
    assert scores.shape == (N, 3)
    np.testing.assert_array_equal(scores.argmax(axis=1), real.y)
    np.testing.assert_allclose(scores.sum(axis=1), 0.0, atol=1e-12)  # centred targets sum to zero


def test_classes_that_only_the_synthetic_points_name(rng):
    real = smx.Dataset(rng.normal(size=(4, D)), [0, 1, 0, 1])
    synthetic = smx.Dataset(rng.normal(size=(3, D)), [2, 2, 0])
    assert smx.krr.fit(real, synthetic, kernel=KERNEL, ridge=0.1).predict(real.x).shape == (4, 3)


def test_real_points_alone(rng):
    real, synthetic = make(rng, "scalar")
    x = rng.normal(size=(T, D))
    alone = smx.krr.fit(real, kernel=KERNEL, ridge=0.3)
    assert alone.coefficients.shape == (N, 1)
    gram = np.exp(-((real.x[:, None] - real.x[None]) ** 2).sum(-1) / (2 * 1.5**2))
    wanted = np.linalg.solve(gram + 0.3 * np.eye(N), real.y)
    np.testing.assert_allclose(alone.coefficients[:, 0], wanted, rtol=1e-10)
    none = smx.krr.fit_average(
        real, synthetic, kernel=KERNEL, ridge=0.3, counts=[0], frequencies=[1.0]
    )
    np.testing.assert_array_equal(none.predict(x), alone.predict(x))
    # Synthetic points of vanishing weight do nothing.
    light = smx.krr.fit(real, synthetic, kernel=KERNEL, ridge=0.3, weight=1e-9)
    np.testing.assert_allclose(light.predict(x), alone.predict(x), atol=1e-7)


def test_a_weight_is_a_number_of_copies(rng):
    real, synthetic = make(rng, "outputs")
    x = rng.normal(size=(T, D))
    thrice = smx.Dataset(np.tile(synthetic.x, (3, 1)), np.tile(synthetic.y, (3, 1)))
    np.testing.assert_allclose(
        smx.krr.fit(real, synthetic, kernel=KERNEL, ridge=0.2, weight=3.0).predict(x),
        smx.krr.fit(real, thrice, kernel=KERNEL, ridge=0.2).predict(x),
        rtol=1e-10,
        atol=1e-11,
    )


@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("weight", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("counts", [[0, 1, 5, 16], [3], [2, 9]])
def test_an_average_of_fits(targets, weight, counts, rng):
    real, synthetic = make(rng, targets)
    x = rng.normal(size=(T, D))
    frequencies = rng.dirichlet(np.ones(len(counts)))
    average = smx.krr.fit_average(
        real,
        synthetic,
        kernel=KERNEL,
        ridge=0.05,
        weight=weight,
        counts=counts,
        frequencies=frequencies,
    )
    parts = [
        smx.krr.fit(
            real, synthetic[:m] if m else None, kernel=KERNEL, ridge=0.05, weight=weight
        ).predict(x)
        for m in counts
    ]
    wanted = sum(f * p for f, p in zip(frequencies, parts, strict=True))
    np.testing.assert_allclose(average.predict(x), wanted, rtol=1e-10, atol=1e-11)
    assert len(average.coefficients) == N + counts[-1]


def test_frequencies_need_not_sum_to_one(rng):
    real, synthetic = make(rng, "scalar")
    average = lambda f: (
        smx.krr.fit_average(
            real, synthetic, kernel=KERNEL, ridge=0.1, counts=[0, 4], frequencies=f
        ).coefficients
    )
    np.testing.assert_allclose(average([1.0, 3.0]), 4 * average([0.25, 0.75]), rtol=1e-12)
    one = smx.krr.fit_average(
        real, synthetic, kernel=KERNEL, ridge=0.1, counts=4, frequencies=1.0
    ).coefficients
    np.testing.assert_array_equal(one, average([0.0, 1.0]))


@pytest.mark.parametrize("block_size", [1, 3, T, 100])
def test_blocks_change_nothing(block_size, rng):
    real, synthetic = make(rng, "outputs")
    fit = smx.krr.fit(real, synthetic, kernel=KERNEL, ridge=0.1)
    x = rng.normal(size=(T, D))
    np.testing.assert_allclose(
        fit.predict(x, block_size=block_size), fit.predict(x), rtol=1e-13, atol=1e-15
    )


def test_images_and_device_arrays(rng):
    pixels = rng.integers(0, 256, size=(N, 4, 4), dtype=np.uint8)
    y = rng.normal(size=N)
    of = lambda x: smx.krr.fit(smx.Dataset(x, y), kernel=smx.kernels.RBF(1.0), ridge=0.1)
    images, floats = of(pixels), of(pixels / 255)
    np.testing.assert_allclose(images.predict(pixels), floats.predict(pixels / 255), rtol=1e-12)
    np.testing.assert_array_equal(images.predict(jnp.asarray(pixels)), images.predict(pixels))


def test_a_callable_kernel_and_the_callers_precision(rng):
    real, synthetic = make(rng, "scalar")
    kernel = lambda a, b: jnp.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (2 * 1.5**2))
    of = lambda k: smx.krr.fit(real, synthetic, kernel=k, ridge=0.1).predict(real.x)
    assert not jax.config.jax_enable_x64
    narrow = of(KERNEL)
    assert not jax.config.jax_enable_x64
    np.testing.assert_allclose(of(kernel), narrow, rtol=1e-11)
    with jax.enable_x64(True):
        np.testing.assert_array_equal(of(KERNEL), narrow)


def test_one_real_point_can_be_fitted(rng):
    real, _ = make(rng, "scalar")
    np.testing.assert_allclose(
        smx.krr.fit(real[:1], kernel=KERNEL, ridge=1.0).predict(real.x[:1]), real.y[:1] / 2
    )


BAD = {
    "no real point": (dict(real=lambda r: r[:0]), "real holds no points"),
    "no synthetic point": (dict(synthetic=lambda s: s[:0]), "synthetic holds no points"),
    "features": (dict(synthetic=lambda s: smx.Dataset(s.x[:, :2], s.y)), "features differ"),
    "zero ridge": (dict(ridge=0.0), "ridge must be positive and finite, got 0"),
    "nan ridge": (dict(ridge=float("nan")), "ridge must be positive and finite, got nan"),
    "negative weight": (dict(weight=-1.0), "weight must be positive and finite, got -1"),
    "beyond the pool": (dict(counts=[0, 17]), "asks for 17 synthetic .* holds 16"),
    "no pool": (dict(synthetic=lambda s: None, counts=[0, 1]), "holds 0"),
    "nan count": (dict(counts=[0.0, float("nan")]), "whole numbers, got nan"),
    "too few frequencies": (dict(frequencies=[1.0]), "frequencies must be 2 finite numbers"),
    "nan frequency": (dict(frequencies=[1.0, float("nan")]), "must be 2 finite numbers"),
    "indefinite kernel": (
        dict(kernel=lambda a, b: -jnp.ones((a.shape[0], b.shape[0]))),
        "not positive definite at 5 .* not positive semi-definite fails at any",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case, rng):
    real, synthetic = make(rng, "scalar")
    arguments = dict(real=real, synthetic=synthetic, kernel=KERNEL, ridge=0.1)
    arguments |= dict(counts=[0, 5], frequencies=[0.5, 0.5])
    for name, value in BAD[case][0].items():
        data = name in ("real", "synthetic")
        arguments[name] = value(arguments[name]) if data else value
    with pytest.raises(ValueError, match=BAD[case][1]):
        smx.krr.fit_average(arguments.pop("real"), arguments.pop("synthetic"), **arguments)


def test_one_ridge_is_one_number(rng):
    real, _ = make(rng, "scalar")
    # The suite's shape checks would catch this first; users do without them.
    fit = inspect.unwrap(inspect.unwrap(smx.krr.fit_average))
    with pytest.raises(ValueError, match="ridge must be one number, got 2"):
        fit(real, None, kernel=KERNEL, ridge=[0.1, 1.0], counts=[0], frequencies=[1.0])


def test_bad_queries(rng):
    real, _ = make(rng, "scalar")
    fit = smx.krr.fit(real, kernel=KERNEL, ridge=0.1)
    with pytest.raises(ValueError, match=r"x has shape \(4, 2\); the fit expects \(t, 3\)"):
        fit.predict(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="x holds 1 non-finite values"):
        fit.predict(np.array([[0.0, np.nan, 1.0]]))
    with pytest.raises(ValueError, match="block_size must be at least 1, got 0"):
        fit.predict(np.zeros((4, 3)), block_size=0)
