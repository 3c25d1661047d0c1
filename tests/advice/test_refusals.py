"""What `recommend` refuses, and the message that says why and what to do."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import _numerics

KEY = jax.random.key(0)
KERNEL = smx.kernels.RBF(1.0)
N, M = 24, 48
QUICK = dict(
    kernel=KERNEL,
    ridges=[0.01, 0.1, 1.0],
    weights=[0.3, 1.0],
    counts=[0, 12, 48],
    num_orders=1,
    num_bootstrap=100,
)


def classification(seed=0, sizes=(N, M), classes=3, distance=1.5):
    rng = np.random.default_rng(seed)
    data = []
    for size in sizes:
        y = np.arange(size) % classes
        x = rng.normal(size=(size, 2))
        x += distance * np.stack([np.cos(2 * y), np.sin(2 * y)], axis=1)
        data.append(smx.Dataset(x, y))
    return data


def recommend(real, synthetic, **changes):
    return smx.recommend(real, synthetic, **{"key": KEY, **QUICK, **changes})


def labels_of(data, keep):
    return data[np.flatnonzero(np.isin(data.y, keep))]


NAMES = ("ant", "bee", "cat")
named = lambda d: smx.Dataset(d.x, d.y, class_names=NAMES)
BAD = {
    "class missing from real": (
        dict(real=lambda r: labels_of(r, [0, 2])),
        "real holds no point of class 1, which synthetic has. Add points of it to real, or drop",
    ),
    "class missing from synthetic": (
        dict(synthetic=lambda s: labels_of(s, [2])),
        "synthetic holds no point of class 0, 1, which real has",
    ),
    "named class missing": (
        dict(real=lambda r: named(labels_of(r, [0, 2])), synthetic=named),
        "no point of class bee",
    ),
    "no synthetic points": (dict(synthetic=lambda s: s[:0]), "synthetic holds no points"),
    "no real point": (dict(real=lambda r: r[:0]), "real holds no points"),
    "one real point": (dict(real=lambda r: r[:1]), "real holds one point, .* at least two"),
    "features": (dict(synthetic=lambda s: smx.Dataset(s.x[:, :1], s.y)), "features differ"),
    "label kinds": (
        dict(synthetic=lambda s: smx.Dataset(s.x, s.y.astype(float))),
        "real.y holds labels .* synthetic.y holds targets",
    ),
    "negative ridge": (dict(ridges=[0.1, -1.0]), "ridges must be positive and finite, got -1"),
    "negative ridge, no kernel": (dict(kernel=None, ridges=[-1.0]), "ridges must be positive"),
    "negative weight": (dict(weights=[-0.5]), "weights must be positive and finite, got -0.5"),
    "zero weight": (dict(weights=[0.0]), "use a count of zero"),
    "counts beyond the pool": (dict(counts=[0, 49]), "asks for 49 synthetic .* holds 48"),
    "counts not from zero": (dict(counts=[1, 5]), "counts must start at 0, .* got 1"),
    "zero alone": (dict(counts=[0]), "counts must hold 0 and at least one more"),
    "nan counts": (dict(counts=[0, float("nan")]), "whole numbers, got nan"),
    "no orders": (dict(num_orders=0), "num_orders must be a whole number of at least 1, got 0"),
    "few bootstraps": (
        dict(num_bootstrap=99),
        "num_bootstrap must be a whole number of at least 100, got 99",
    ),
    "fitted on": (dict(fitted_on="fake"), "fitted_on must be one of 'other', 'real', got 'fake'"),
    "samples of a generator that saw the real points": (
        dict(fitted_on="real"),
        r"Pass the generator instead of samples, .* smx.generators.refit\(",
    ),
    "one fold": (
        dict(synthetic=lambda s: lambda fold: s, folds=1),
        "between 2 and the 24 .* got 1",
    ),
    "a recipe of arrays": (dict(synthetic=lambda s: lambda fold: s.x), "it returned ndarray"),
    "a recipe without a class": (
        dict(synthetic=lambda s: lambda fold: labels_of(s, [0, 1])),
        "synthetic holds no point of class 2",
    ),
    "indefinite kernel": (
        dict(kernel=lambda a, b: -jnp.ones((a.shape[0], b.shape[0]))),
        "no cell of the sweep succeeded",
    ),
    "indefinite kernel, no ridges": (
        dict(kernel=lambda a, b: -jnp.ones((a.shape[0], b.shape[0])), ridges=None),
        r"not positive on the diagonal \(mean -1\)",
    ),
    "identical points, no kernel": (
        dict(real=lambda r: smx.Dataset(np.ones_like(r.x), r.y), kernel=None),
        "identical",
    ),
    "a key of several": (dict(key=jax.random.split(KEY, 2)), "one PRNG key"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bad_input(case):
    real, synthetic = classification()
    arguments = dict(real=real, synthetic=synthetic)
    for name, value in BAD[case][0].items():
        arguments[name] = value(arguments[name]) if name in ("real", "synthetic") else value
    with pytest.raises(ValueError, match=BAD[case][1]):
        recommend(arguments.pop("real"), arguments.pop("synthetic"), **arguments)


def test_arguments_of_the_wrong_kind():
    real, synthetic = classification()
    # The suite's type checks would catch these first; users do without them.
    bare = inspect.unwrap(smx.recommend)
    for arguments, message in (
        ((real.x, synthetic), r"real must be a Dataset, got ndarray: smx\.Dataset\(x, y\)"),
        ((real, synthetic.x), "synthetic must be a Dataset or a callable, got ndarray"),
    ):
        with pytest.raises(ValueError, match=message):
            bare(*arguments, key=KEY)
    with pytest.raises(ValueError, match=r"key must be a PRNG key such as jax\.random\.key\(0\)"):
        inspect.unwrap(_numerics.host_generator)(0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_data_never_gets_this_far(bad):
    real, synthetic = classification()
    x = synthetic.x.copy()
    x[3] = bad
    with pytest.raises(ValueError, match=r"x holds 2 non-finite .* index \(3, 0\)"):
        recommend(real, smx.Dataset(x, synthetic.y))
