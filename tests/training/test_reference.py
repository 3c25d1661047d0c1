"""A model of a population is the model that a plain loop trains, and the model that is trained alone."""

import dataclasses

import numpy as np
import pytest
import training_cases as cases
import training_reference as reference

import synthmix_jax as smx
from synthmix_jax.training import _plan

CONFIGS = {
    "sgd": ("labels", {"label_smoothing": 0.1, "clip_norm": 1.5, "synthetic_weight": 0.5}),
    "adamw": (
        "one",
        {
            "optimizer": "adamw",
            "learning_rate": 0.01,
            "weight_decay": 0.1,
            "schedule": "triangular",
            "mixing": "weight",
            "shift": 2,
            "flip": False,
        },
    ),
    "muon": (
        "two",
        {
            "optimizer": "muon",
            "weight_decay": 0.1,
            "schedule": "constant",
            "epochs": 3.5,
            "choose": "last",
            "shift": 0,
            "flip": False,
        },
    ),
    "maps": (
        "maps",
        {
            "dice": 0.7,
            "label_smoothing": 0.1,
            "learning_rate": 0.02,
            "synthetic_weight": 0.4,
            "shift": 2,
        },
    ),
}


@pytest.fixture(scope="module", params=CONFIGS)
def trained(request):
    """A population, with what it was made of."""
    kind, changes = CONFIGS[request.param]
    config = dataclasses.replace(cases.CONFIG, **changes)
    outputs = {"labels": 3, "one": 1, "two": 2, "maps": 3}[kind]
    make = cases.MapsNet if kind == "maps" else lambda rngs: cases.Net(rngs, outputs=outputs)
    return kind, config, make, cases.sweep(make, kind=kind, config=config)


@pytest.mark.parametrize(("r", "s"), [(0, 1), (2, 0)])
def test_model_is_what_a_plain_loop_trains(trained, r, s):
    kind, config, make, result = trained
    data = cases.problem(kind)
    seeds = smx.training.Seeds.of(cases.SEEDS)
    plan = _plan.make_plan(data[0], data[1], cases.RATIOS, seeds, config)
    ratio, n = cases.RATIOS[r], 20
    if config.mixing == "count":
        count = int(np.floor(ratio * n + 0.5))
        w = config.synthetic_weight
        # The weighted mean of the losses, in which the mean weight of a model's points is one.
        scale = (n + count) / (n + w * count)
        weights, places = (scale, w * scale), (0, 0)
    else:
        share, b = ratio / (1 + ratio), config.batch_size
        count, places = (80 if ratio else 0), (b - round(share * b), round(share * b))
        weights = (1 - share) * b / places[0], share * b / max(places[1], 1)
    steps = config.steps
    if config.epochs:
        steps = int(np.ceil(config.epochs * (n + count) / config.batch_size))
    found = reference.train(
        make, plan.draws[s], data, config,
        count=count, weights=weights, num_steps=steps, places=places, seed=s,
    )  # fmt: skip
    assert result.num_steps[r] == steps
    assert result.realised_counts[r] == count
    history = np.stack([getattr(result.history, name)[r, s] for name in (
        "step", "train_loss", "validation_error", "validation_loss")], axis=1)  # fmt: skip
    np.testing.assert_allclose(history, found["history"], rtol=2e-3)
    assert result.chosen_step[r, s] == found["chosen_step"]
    for name in ("validation_error", "test_error", "test_loss"):
        np.testing.assert_allclose(getattr(result, name)[r, s], found[name], rtol=2e-3)


def test_model_is_the_one_trained_alone(trained):
    kind, config, make, result = trained
    real, synthetic, test = cases.problem(kind)
    alone = smx.training.fit(
        make, real, synthetic, ratio=1.0, seed=1, test=test, config=config
    ).result
    for (name, all_of_them), one in zip(
        cases.numbers(result).items(), cases.numbers(alone).values(), strict=True
    ):
        np.testing.assert_allclose(all_of_them[1, 1], one[0, 0], rtol=1e-5, err_msg=name)
