"""Six generators of falling quality are ranked rightly by every distance that claims to.

A class-conditional Gaussian loses variety (fewer components), then detail (blur), then contrast. Debiased, every
metric ranks all six. Plain, those of transport in many dimensions do not claim to: a generator of less variety has
less sampling error, which can outweigh what it lacks.
"""

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import distances, generators

# These compute for longer than they compile.
pytestmark = pytest.mark.usefixtures("full_compilation")

RUNGS = ("rich", "poor", "blurred", "more blurred", "faint", "almost gone")
RANKS_PLAIN = ("sliced_wasserstein", "gaussian_wasserstein", "mmd", "mmd_mixture", "energy")


def ladder(fitted_on, count, *, ranks, blurs):
    rich, poor = (generators.ClassGaussian.fit(fitted_on, rank=rank) for rank in ranks)
    shifted = [
        generators.Shifted(poor, blur=blurs[0]),
        generators.Shifted(poor, blur=blurs[1]),
        generators.Shifted(poor, blur=blurs[1], contrast=-0.6),
        generators.Shifted(poor, blur=blurs[1], contrast=-0.95),
    ]
    keys = jax.random.split(jax.random.key(11), len(RUNGS))
    made = [rich, poor, *shifted]
    return {
        name: generators.draw(g, count, key=key)
        for name, g, key in zip(RUNGS, made, keys, strict=True)
    }


def excesses(real, rungs, *, debias, features=None):
    table = distances.compare(
        real,
        rungs,
        key=jax.random.key(0),
        num_bootstrap=20,
        per_class=False,
        debias=debias,
        features=features,
    )
    assert {row.status for row in table.rows} == {"ok"}
    return {
        metric: [row.excess for row in table.rows if row.metric == metric]
        for metric in distances.METRICS
    }


@pytest.fixture(scope="module")
def digits():
    fitted_on, real = smx.load("digits").split(0.5, key=jax.random.key(0))
    return real[:400], ladder(fitted_on, 400, ranks=(20, 5), blurs=(0.6, 1.0))


@pytest.mark.parametrize(
    "features", [None, smx.features.Pixels()], ids=["default-debiased", "pixels-debiased"]
)
def test_digits(digits, features):
    found = excesses(*digits, debias=True, features=features)
    for metric in distances.METRICS:
        assert np.all(np.diff(found[metric]) > 0.0), (metric, found[metric])


def test_digits_plain(digits):
    found = excesses(*digits, debias=False, features=smx.features.Pixels())
    for metric in RANKS_PLAIN:
        assert np.all(np.diff(found[metric]) > 0.0), (metric, found[metric])
    # Transport does not see lost variety, the reason for `debias`: were this to fail, it could join RANKS_PLAIN.
    assert found["wasserstein"][1] < 0.0 < found["wasserstein"][0]


@pytest.mark.data
def test_cifar10_features(data_dir):
    images = smx.load("cifar10", split="test", data_dir=data_dir)  # fewer to decode
    order = np.random.default_rng(0).permutation(len(images))
    rungs = ladder(images[order[:2000]], 300, ranks=(50, 10), blurs=(2.0, 4.0))
    found = excesses(images[order[2000:2300]], rungs, debias=True)
    for metric in distances.METRICS:
        assert np.all(np.diff(found[metric]) > 0.0), (metric, found[metric])
