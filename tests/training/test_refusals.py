"""Misuse is a ValueError that names the argument, the value and the remedy."""

import dataclasses
import re

import flax.nnx as nnx
import numpy as np
import pytest
import training_cases as cases

import synthmix_jax as smx
from synthmix_jax.training import Config, Seeds

REAL, SYNTHETIC, TEST = cases.problem()
VECTORS = smx.Dataset(REAL.x.reshape(48, 30), REAL.y)
FLOATS = smx.Dataset(REAL.x, REAL.y.astype(float))


def holding_nan():
    x = REAL.x.copy()
    x[3, 2, 1] = np.nan
    broken = smx.Dataset(REAL.x.copy(), REAL.y)
    broken.x[...] = x
    return broken


class Sown(cases.Net):
    """Makes a variable when it is called."""

    def __call__(self, x):
        self.extra = nnx.BatchStat(x.mean())
        return super().__call__(x)


class Sized(nnx.Module):
    """Needs more than rngs."""

    def __init__(self, outputs, rngs):
        self.head = nnx.Linear(30, outputs, rngs=rngs)


CALLS = {
    "no seeds": ({"seeds": []}, r"seeds.data is empty: give at least one"),
    "zero seeds": ({"seeds": 0}, r"seeds must be at least 1 repetition, got 0"),
    "repeated seeds": ({"seeds": [1, 1]}, r"seeds holds \(1, 1\): repeated seeds"),
    "large seed": ({"seeds": [2**32]}, r"seeds.data must lie below 2\*\*32, got 4294967296"),
    "text for seeds": ({"seeds": "12"}, r"seeds must be a whole number, a list of them or Seeds"),
    "no ratios": ({"ratios": []}, r"ratios is empty: give at least one"),
    "repeated ratios": ({"ratios": [1, 1.0]}, r"ratios holds \[1.0, 1.0\]: each may be there once"),
    "negative ratio": ({"ratios": [-1.0]}, r"ratio must be zero or more, got -1.0"),
    "NaN ratio": ({"ratios": [np.nan]}, r"ratio must be zero or more, got nan"),
    "too large a ratio": (
        {"ratios": [0, 5]},
        r"ratio 5 of 20 real points needs 100 synthetic points, but the pool holds 80.*it allows is 4",
    ),
    "no synthetic points": (
        {"synthetic": None},
        r"needs 50 synthetic points, but the pool holds 0",
    ),
    "no synthetic points to weight": (
        {"synthetic": None, "config": dataclasses.replace(cases.CONFIG, mixing="weight")},
        r"a positive ratio needs synthetic points, and there are none: give synthetic, or ratios=\[0\]",
    ),
    "label beyond the classes": (
        {"synthetic": smx.Dataset(SYNTHETIC.x, SYNTHETIC.y + 1)},
        r"synthetic.y holds the label 3, but real has 3 classes \(0 to 2\): drop those points",
    ),
    "labels and targets": ({"test": FLOATS}, r"real.y holds labels .* test.y holds targets"),
    "other images in test": ({"test": smx.Dataset(TEST.x[:, :5], TEST.y)},
                             r"features differ: real.x has shape .* test.x"),
    "NaN in the data": ({"real": holding_nan()}, r"real.x holds 1 non-finite values .* \(3, 2, 1\)"),
    "two scales": (
        {"real": cases.problem(dtype=np.uint8)[0], "synthetic": smx.Dataset(SYNTHETIC.x * 255, SYNTHETIC.y)},
        r"uint8 .* Divide that one by 255",
    ),
    "too few real points": (
        {"real": REAL[:30]},
        r"real holds 30 points, too few for 20 to train on and 15 held out .*: lower num_real or",
    ),
    "one real point": (
        {"real": REAL[:1], "config": Config()},
        r"real holds 1 points, too few for 1 to train on and 1 held out",
    ),
    "too large a shift": (
        {"config": dataclasses.replace(cases.CONFIG, shift=5)},
        r"shift is 5 pixels, but the images are 6 x 5: shift less",
    ),
    "vectors that move": (
        {"real": VECTORS, "synthetic": None, "test": None, "ratios": [0]},
        r"flip and shift are for images .* but x has shape \(48, 30\): leave them out",
    ),
    "too short for the evaluations": (
        {"config": dataclasses.replace(cases.CONFIG, epochs=1.0), "ratios": [0]},
        r"evaluations is 4 but 1 epochs are only 3 steps: evaluate less often or train longer",
    ),
    "one place for two kinds": (
        {"config": dataclasses.replace(cases.CONFIG, batch_size=1, mixing="weight")},
        r"batch_size is 1, but a batch of real and synthetic points needs at least 2",
    ),
    "other images": (
        {"model": lambda rngs: cases.Net(rngs, inputs=40)},
        r"model cannot be called with images or vectors of shape \(n, 6, 5\)",
    ),
    "wrong number of outputs": (
        {"model": lambda rngs: cases.Net(rngs, outputs=4)},
        r"outputs of shape \(2, 4\) for 2 points, but \(2, 3\) is needed .*num_outputs=3",
    ),
    "a network": ({"model": cases.Net(nnx.Rngs(0))}, r"model is a network already; .*lambda rngs"),
    "a class with arguments": (
        {"model": Sized},
        r"model cannot be called with nnx.Rngs \(.*\): pass what takes nnx.Rngs and nothing else",
    ),
    "no module": ({"model": lambda rngs: 3}, r"model makes no flax.nnx.Module but a .*: pass what"),
    "no callable": ({"model": "cnn"}, r"model must be a callable from nnx.Rngs .* got str"),
    "a structure that changes": ({"model": Sown}, r"Sown changes its own structure when it is called"),
    "a list of devices": ({"mesh": [0]}, r"mesh must be a jax.sharding.Mesh, or None .* got list"),
    "a dictionary of options": ({"config": {"steps": 3}}, r"config must be a training.Config, got dict"),
    "no memory": ({"memory_limit": 0}, r"memory_limit must be positive and finite, got 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_misuse_is_refused(case):
    changes, words = CALLS[case]
    options = {
        "real": REAL, "synthetic": SYNTHETIC, "test": TEST, "ratios": cases.RATIOS, "seeds": 1,
        "config": cases.CONFIG, "model": cases.Net, **changes,
    }  # fmt: skip
    model, real, synthetic = (options.pop(name) for name in ("model", "real", "synthetic"))
    # Without the suite's checks of types, which would stop some of these first.
    call = getattr(smx.training.sweep, "__wrapped__", smx.training.sweep)
    with pytest.raises(ValueError, match=words) as caught:
        call(model, real, synthetic, **options)
    assert str(caught.value)[-1] in ".]", "a sentence ends with a full stop"


OPTIONS = [
    ("steps", 0), ("steps", 2.5), ("steps", True), ("batch_size", 0), ("shift", -1),
    ("evaluations", 0), ("num_real", 0), ("num_validation", 0), ("models_at_once", 0),
    ("epochs", 0.0), ("epochs", -1.0), ("epochs", np.inf), ("clip_norm", 0.0),
    ("learning_rate", 0.0), ("learning_rate", np.nan), ("synthetic_weight", 0.0),
    ("momentum", 1.0), ("momentum", -0.1), ("weight_decay", -1e-9), ("weight_decay", np.inf),
    ("warmup", 1.5), ("label_smoothing", 1.0), ("optimizer", "lion"), ("schedule", "step"),
    ("mixing", "both"), ("choose", "first"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), OPTIONS)
def test_options_out_of_range_are_refused(name, value):
    # Without the suite's checks of types, which would stop some of these first.
    config = object.__new__(Config)
    for field in dataclasses.fields(Config):
        object.__setattr__(config, field.name, value if field.name == name else field.default)
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    with pytest.raises(ValueError, match=f"^{name} must .*{re.escape(shown)}"):
        config.__post_init__()


def test_options_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="evaluations is 11 but there are 10 steps"):
        Config(steps=10, evaluations=11)
    with pytest.raises(ValueError, match=r"synthetic_weight is 2, but with mixing='weight'"):
        Config(mixing="weight", synthetic_weight=2.0)


def test_seeds():
    assert Seeds.of(3) == Seeds((0, 1, 2), (0, 1, 2), (0, 1, 2)) == Seeds.of(range(3))
    assert Seeds.of(np.int64(2)) == Seeds.of([0, 1])
    assert len(Seeds((5, 5), (1, 2), (0, 0))) == 2  # one kind of luck alone may vary
    with pytest.raises(ValueError, match="got 1 of data, 2 of init and 1 of order"):
        Seeds((0,), (0, 1), (0,))
