"""Three sources: what a plain loop trains, shares as data, and held-out points of the target."""

import dataclasses
import json

import numpy as np
import pytest
import training_cases as cases
import training_reference as reference
from flax import nnx

import synthmix_jax as smx
from synthmix_jax.training import _plan, _population

SOURCE, SYNTHETIC, TEST = cases.problem()
TARGET = smx.Dataset((0.6 * SOURCE.x[::2] + 0.1).astype(np.float32), SOURCE.y[::2], num_classes=3)
SHARES = [[0.5, 0.2, 0.3], [0.0, 0.4, 0.6], [1.0, 0.0, 0.0], [0.05, 0.9, 0.05]]
RATIOS = [0.0, 0.5, 1.0, 2.5]
CONFIG = smx.training.Config(
    steps=8, batch_size=8, num_real=20, num_validation=9, evaluations=2, learning_rate=0.1
)


class Net(nnx.Module):
    """Linear: what is tested here is what it is given."""

    def __init__(self, rngs):
        self.head = nnx.Linear(30, 3, rngs=rngs)

    def __call__(self, x):
        return self.head(x.reshape(len(x), -1))


def sweep(shares=SHARES, **more):
    """Three sources; all sweeps of equally many models take one compiled program."""
    more = {"ratios": None, "config": CONFIG, "target": TARGET, "shares": shares, **more}
    return cases.sweep(Net, **more)


def by_counts(weight=3.0):
    return sweep(
        None,
        ratios=RATIOS,
        config=dataclasses.replace(CONFIG, target_weight=weight),
        keep_models=True,
    )


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Shares, their folder, and how often a program was compiled."""
    calls, compiles = [], _population.Chunk.compile
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            _population.Chunk, "compile", lambda chunk: (calls.append(0), compiles(chunk))[1]
        )
        folder = tmp_path_factory.mktemp("mixed") / "run"
        result = sweep(workdir=folder)
    assert len(calls) == 1  # one program for all mixes
    return result, folder


@pytest.fixture(scope="module")
def counted():
    return by_counts()


def compared(result, r, s, *, count, weights, places):
    """One model beside the plain loop."""
    held = _plan.make_plan(
        SOURCE, SYNTHETIC, [0.0], smx.training.Seeds.of(cases.SEEDS), CONFIG, target=TARGET
    )
    found = reference.train(
        Net, held.draws[s], (SOURCE, SYNTHETIC, TEST), CONFIG, count=count, weights=weights,
        num_steps=8, places=places, seed=s, target=TARGET,
    )  # fmt: skip
    fields = ("step", "train_loss", "validation_error", "validation_loss")
    history = np.stack([getattr(result.history, name)[r, s] for name in fields], axis=1)
    # float32 against the loop's float64 standardisation; as in test_reference.
    np.testing.assert_allclose(history, found["history"], rtol=2e-3)
    assert result.chosen_step[r, s] == found["chosen_step"]
    np.testing.assert_allclose(result.test_error[r, s], found["test_error"], rtol=2e-3)
    np.testing.assert_allclose(result.test_loss[r, s], found["test_loss"], rtol=2e-3)


# Eight places. Of 0.5, 0.2, 0.3 they are 4, 1.6 and 2.4: 4, 2, 2. Of 0.4 and 0.6, 3.2 and 4.8: 3 and 5.
@pytest.mark.parametrize(
    ("r", "s", "places"), [(0, 1, (4, 2, 2)), (1, 0, (0, 5, 3)), (3, 0, (1, 1, 6))]
)
def test_shares_are_what_a_plain_loop_trains(mixed, r, s, places):
    source, target, synthetic = SHARES[r]
    weights = [
        8 * share / max(p, 1) for share, p in zip((source, synthetic, target), places, strict=True)
    ]
    compared(mixed[0], r, s, count=80, weights=weights, places=places)


def test_counts_are_what_a_plain_loop_trains(counted):
    # 20 source, 50 synthetic and 15 target points, of which one weighs 3; mean weight one.
    scale = (20 + 50 + 15) / (20 + 50 + 3 * 15)
    weights = scale, scale, 3 * scale
    compared(counted, 3, 1, count=50, weights=weights, places=(0, 0, 0))


def test_result_says_what_each_group_has(mixed, counted):
    result = mixed[0]
    np.testing.assert_allclose(result.realised_group_shares, SHARES, rtol=1e-15)
    np.testing.assert_array_equal(result.shares, result.realised_group_shares)
    np.testing.assert_allclose(result.ratios, [0.6, np.inf, 0.0, 1.0])
    np.testing.assert_allclose(result.realised_shares, [0.3, 0.6, 0.0, 0.05])
    assert result.realised_counts.tolist() == [80, 80, 0, 80]
    assert (result.num_real, result.num_target, result.num_validation) == (20, 15, 9)
    m = counted.realised_counts
    total = 20 + 45 + m
    expected = np.stack([20 / total, 45 / total, m / total], axis=1)
    np.testing.assert_allclose(counted.realised_group_shares, expected)
    assert counted.shares is None


def test_order_of_mixes_and_other_mixes_change_nothing(mixed):
    turned = cases.numbers(sweep(SHARES[::-1]))
    for name, values in cases.numbers(mixed[0]).items():
        np.testing.assert_array_equal(values[::-1], turned[name], err_msg=name)


def test_devices_change_nothing(mixed):
    cases.same(mixed[0], sweep(mesh=cases.devices(1)), rtol=1e-5)


def test_weight_of_the_target_matters(counted):
    assert (by_counts(1.0).history.train_loss != counted.history.train_loss).all()


def test_shares_of_two_groups_are_the_old_weights(mixed):
    old = dataclasses.replace(CONFIG, mixing="weight")
    ratios = [0.0, 0.6, 1.0, 3.0]
    shares = [[1 / (1 + r), 0.0, r / (1 + r)] for r in ratios]
    a = cases.sweep(Net, config=old, ratios=ratios)
    b = sweep(shares, target=None)
    cases.same(a, b, rtol=1e-5)
    assert b.num_target == 0
    # Where there is no target, the record is the one of before there were any.
    old_record, new_record = a.settings, mixed[0].settings
    assert not {"shares", "num_target"} & set(old_record)
    assert "target" not in old_record["data"]
    assert "target_weight" not in old_record["config"]
    assert new_record["num_target"] == 15
    assert "ratios" not in new_record
    assert set(new_record["data"]) == {"real", "synthetic", "test", "target"}
    np.testing.assert_allclose(a.realised_group_shares, b.realised_group_shares, atol=1e-15)


def test_interruption_changes_nothing(mixed, tmp_path):
    class StopError(Exception):
        pass

    def stop(done, total, what):
        if done == total:  # the last evaluation, before it is written down
            raise StopError

    result, folder = mixed
    with pytest.raises(StopError):
        sweep(workdir=tmp_path / "run", progress=stop)
    again = sweep(workdir=tmp_path / "run")
    cases.same(result, again)
    assert "go on from evaluation 1" in again.log[0]
    text = (folder / "cells.jsonl").read_text()
    assert text == (tmp_path / "run" / "cells.jsonl").read_text()
    assert "Infinity" not in text
    assert "NaN" not in text


def test_other_sources_are_refused_on_resumption(mixed, tmp_path):
    folder = mixed[1]
    other = smx.Dataset(TARGET.x + 0.01, TARGET.y, num_classes=3)
    with pytest.raises(ValueError, match=r"other settings .*data.target.sha256: "):
        sweep(workdir=folder, target=other)
    with pytest.raises(ValueError, match=r"other settings \(shares: "):
        sweep([*SHARES[:3], [0.1, 0.8, 0.1]], workdir=folder)
    with pytest.raises(ValueError, match=r"shares: .* null here"):
        sweep(None, ratios=RATIOS, workdir=folder)


def test_another_weight_of_the_target_is_refused_on_resumption(counted, tmp_path):
    (tmp_path / "run").mkdir()
    folder = _recorded(tmp_path / "run", counted)
    config = dataclasses.replace(CONFIG, target_weight=2.0)
    with pytest.raises(ValueError, match=r"\(config.target_weight: 3.0 there, 2.0 here\)"):
        sweep(None, ratios=RATIOS, config=config, workdir=folder, keep_models=True)


def test_networks_are_standardised_by_source_and_target(counted):
    both = np.concatenate([SOURCE.x, TARGET.x])
    np.testing.assert_allclose(counted.model(0, 0).unit.mean, both.mean(), rtol=1e-5)
    np.testing.assert_allclose(counted.model(0, 0).unit.scale, both.std(), rtol=1e-5)


def test_fit_hands_on_target_and_shares(monkeypatch, counted):
    from synthmix_jax.training import _fit

    seen = []
    monkeypatch.setattr(_fit, "sweep", lambda *args, **more: (seen.append(more), counted)[1])
    smx.training.fit(Net, SOURCE, SYNTHETIC, target=TARGET, shares=SHARES[0], config=CONFIG)
    smx.training.fit(Net, SOURCE, SYNTHETIC, target=TARGET, ratio=0.5, config=CONFIG)
    assert [more["target"] for more in seen] == [TARGET, TARGET]
    assert [more["shares"] for more in seen] == [[SHARES[0]], None]
    assert [more["ratios"] for more in seen] == [None, [0.5]]


def test_judge_takes_ratios_and_refuses_shares(mixed, counted):
    with pytest.raises(
        ValueError, match=r"4 mixes of shares .* judge compares ratios .*train with"
    ):
        smx.advice.judge(mixed[0])
    with pytest.warns(UserWarning, match="seeds"):
        advice = smx.advice.judge(counted)
    assert advice.real_only_error == pytest.approx(counted.validation_error[0].mean())


def _recorded(folder, result):
    (folder / "config.json").write_text(json.dumps(result.settings))
    return folder
