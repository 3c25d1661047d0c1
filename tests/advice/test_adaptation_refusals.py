"""What domain adaptation refuses: data that do not match, and target points that are trained on."""

import numpy as np
import pytest

import synthmix_jax as smx
from tests.advice.adaptation_cases import recommend, three


def _same_points(source, target, synthetic):
    return source, source[np.array([0, 1, 2, 3, 4, 5])], synthetic


def _in_the_pool(source, target, synthetic):
    return source, synthetic[np.arange(6)], synthetic


REFUSED = {
    "source points in single precision": (
        lambda s, t, g: (s, smx.Dataset(s.x[:6].astype(np.float32), s.y[:6]), g),
        "6 of its 6 points are also among the source",
    ),
    "points of an oversampled source": (
        lambda s, t, g: (s[np.resize(np.arange(6), 30)], s[np.arange(6)], g),
        "6 of its 6 points are also among the source",
    ),
    "source points among the target's": (
        _same_points,
        "overlaps training: 6 of its 6 points.*source",
    ),
    "synthetic points among the target's": (
        _in_the_pool,
        "overlaps training: 6 of its 6.*synthetic",
    ),
    "class absent from the target": (
        lambda s, t, g: (s, t[t.y < 2], g[g.y < 2]),
        "target_validation holds no point of class 2, which the source has",
    ),
    "class absent from the synthetic points": (
        lambda s, t, g: (s, t, g[g.y < 2]),
        "synthetic holds no point of class 2, which target_validation has",
    ),
    "other features": (
        lambda s, t, g: (s, smx.Dataset(t.x[:, :1], t.y), g),
        r"features differ: the source.x has shape \(30, 2\) and target_validation.x \(20, 1\)",
    ),
    "other features, unlabelled": (lambda s, t, g: (s, t.x[:, :1], g), "features differ"),
    "unlabelled source points": (lambda s, t, g: (s, s.x, g), "overlaps training: 30 of its 30"),
    "one labelled point": (lambda s, t, g: (s, t[:1], g), "holds one labelled point"),
    "targets of another kind": (
        lambda s, t, g: (s, smx.Dataset(t.x, t.y.astype(float)), g),
        "the source.y holds labels.*target_validation.y holds targets",
    ),
    "a callable without labels": (
        lambda s, t, g: (s, t.x, lambda points: points),
        "cross-fitted over labelled target points, and there are none",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused(name):
    change, words = REFUSED[name]
    source, target, synthetic = change(*three())
    with pytest.raises(ValueError, match=words):
        recommend(source, synthetic, target_validation=target)


def test_weights_of_zero_are_refused():
    source, target, synthetic = three()
    for name in ("weights", "target_weights"):
        with pytest.raises(ValueError, match=f"{name} must be positive and finite, got 0"):
            recommend(source, synthetic, target_validation=target, **{name: [0.0]})
