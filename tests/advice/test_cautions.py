"""Data that can be read, but perhaps not as meant, is warned of; data that is plain is not."""

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.advice import _cautions


def labelled(rng, names=None, scale=1.0):
    return smx.Dataset(scale * rng.normal(size=(30, 2)), np.arange(30) % 3, class_names=names)


def test_classes_given_as_floats_are_warned_of(rng):
    x = rng.normal(size=(30, 2))
    classes = smx.Dataset(x, (np.arange(30) % 3).astype(float))
    (warning,) = _cautions.misread(classes, classes)
    assert "y holds only 3 distinct whole numbers" in warning
    assert "y.astype(int)" in warning
    targets = smx.Dataset(x, rng.normal(size=30))
    assert _cautions.misread(targets, targets) == []


def test_names_on_one_side_are_warned_of(rng):
    named, plain = labelled(rng, ("ant", "bee", "cat")), labelled(rng)
    (warning,) = _cautions.misread(named, plain)
    assert "names in the real data only" in warning
    (warning,) = _cautions.misread(plain, named)
    assert "names in the synthetic data only" in warning
    assert _cautions.misread(named, named) == []
    assert _cautions.misread(labelled(rng, ("0", "1", "2")), plain) == []


@pytest.mark.parametrize("scale", [1e-3, 20.0])
def test_one_side_rescaled_is_warned_of(scale, rng):
    (warning,) = _cautions.misread(labelled(rng), labelled(rng, scale=scale))
    assert "2 of 2 features spread over ten times" in warning
    assert _cautions.misread(labelled(rng), labelled(rng, scale=3.0)) == []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_edges_of_the_grid_are_told_by_what_the_curve_does(rng):
    import jax

    def data(n, noise):
        x = rng.uniform(-2, 2, size=(n, 1))
        return smx.Dataset(x, np.sin(2 * x[:, 0]) + noise * rng.normal(size=n))

    real, good = data(30, 0.3), data(60, 0.0)
    arguments = dict(key=jax.random.key(0), num_bootstrap=100, num_orders=1)
    advice = smx.recommend(real, good, weights=[0.01, 0.1], **arguments)
    errors = advice.sweep.loo_error
    w = int(np.flatnonzero(advice.sweep.weights == advice.weight)[0])
    l = int(np.flatnonzero(advice.sweep.ridges == advice.ridge)[0])
    falling = np.argmin(errors[w, l]) == errors.shape[2] - 1
    assert any("still falling" in text for text in advice.warnings) == falling
    at = int(np.flatnonzero(advice.sweep.counts == advice.count)[0])
    better = errors[w, l, at] < 0.98 * errors[1 - w, l, at]
    assert any("The weight" in text for text in advice.warnings) == better
    assert advice.weight == 0.1
    assert better
