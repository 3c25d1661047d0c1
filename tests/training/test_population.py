"""What a model learns depends on nothing around it: batching, devices, other models, chunks, the caller's flags."""

import dataclasses
import functools
import re

import jax
import numpy as np
import pytest
import training_cases as cases
from flax import nnx
from jax._src import test_util as counting
from jax.sharding import Mesh

import synthmix_jax as smx


@pytest.fixture(scope="module")
def base():
    """All cells on two devices, one after the other."""
    return cases.sweep(keep_models=True)


@pytest.mark.parametrize("at_once", [2, 6])
def test_models_at_once_change_nothing(base, at_once):
    config = dataclasses.replace(cases.CONFIG, models_at_once=at_once)
    result = cases.sweep(config=config, mesh=cases.devices(1))
    cases.same(base, result, rtol=1e-5)
    assert f", {at_once} at a time" in result.log[0]


def test_devices_change_nothing(base):
    cases.same(base, cases.sweep(mesh=cases.devices(1)), rtol=1e-5)
    square = Mesh(np.array(jax.devices()[:2]).reshape(2, 1), ("a", "b"))
    cases.same(base, cases.sweep(mesh=square))


def test_other_ratios_and_seeds_change_nothing(base):
    # Five cells on two devices: one of them is filled up.
    some = cases.sweep(ratios=[2.5], seeds=[1], test=cases.problem()[2])
    for name, values in cases.numbers(some).items():
        other = cases.numbers(base)[name][2, 1]
        np.testing.assert_allclose(values[0, 0], other, rtol=1e-5, err_msg=name)


def test_callers_precision_changes_nothing(base):
    with jax.enable_x64(True):
        cases.same(base, cases.sweep())
        assert jax.numpy.zeros(()).dtype == np.float64
        score = base.model(0, 0)(np.zeros((2, 6, 5)))
    assert score.dtype == np.float32


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_every_optimizer_runs_under_the_callers_x64(optimizer):
    config = dataclasses.replace(cases.CONFIG, optimizer=optimizer, steps=4, evaluations=1)
    with jax.enable_x64(True):
        assert np.isfinite(cases.sweep(config=config, ratios=[1.0], seeds=1).test_loss).all()


def test_chunks_change_nothing_and_are_compiled_once(base, monkeypatch):
    from synthmix_jax.training import _population

    sizes = []
    compile_chunk = _population.Chunk.compile

    def noted(chunk):
        chunk, needed = compile_chunk(chunk)
        sizes.append((len(chunk.cells), sum(needed)))
        return chunk, needed

    monkeypatch.setattr(_population.Chunk, "compile", noted)
    with counting.count_jit_compilation_cache_miss() as whole:
        together = cases.sweep(mesh=cases.devices(1))
    (cells, needed), *others = sizes
    assert cells == 6
    assert not others
    sizes.clear()
    with counting.count_jit_compilation_cache_miss() as parts:
        result = cases.sweep(mesh=cases.devices(1), memory_limit=0.9 * needed, keep_models=True)
    cases.same(together, result, rtol=1e-5)
    # Tried with all six; then as many as fit, twice, with the same programs.
    assert sizes[0][0] == 6
    fits = sizes[-1][0]
    assert 3 <= fits < 6
    assert sizes[-1][1] <= 0.9 * needed
    assert f"{fits} models on 1 cpu device(s)" in result.log[0]
    assert "6 do not fit together, so the others follow in chunks" in result.log[0]
    assert parts() - whole() <= len(sizes) - 1
    # The figure in the log is the compiler's.
    stated = float(re.search(r": ([\d.]+) kB a device", result.log[0]).group(1))
    assert stated == pytest.approx(sizes[-1][1] / 1e3, abs=0.006)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    for cell in ((0, 0), (2, 1)):
        one, other = (nnx.state(r.model(*cell), nnx.Param) for r in (base, result))
        jax.tree.map(close, one, other)


def test_one_model_beyond_memory_is_refused():
    with pytest.raises(ValueError, match=r"one model a device needs .* and .* raise memory_limit"):
        cases.sweep(memory_limit=1000)


def test_programs_are_traced_once(base):
    traces = []

    class Counted(cases.Net):
        def __call__(self, x):
            traces.append(x.shape)
            return super().__call__(x)

    config = dataclasses.replace(cases.CONFIG, evaluations=2)
    cases.sweep(Counted, config=config, mesh=cases.devices(1))
    few = len(traces)
    cases.sweep(Counted, config=dataclasses.replace(config, evaluations=8), mesh=cases.devices(1))
    assert len(traces) == 2 * few  # more segments, as many traces


class Poisoned(cases.Net):
    """Adds NaN to its outputs when its first weight is that of one seed."""

    def __init__(self, rngs):
        super().__init__(rngs)
        self.first = nnx.Variable(self.hidden.kernel[0, 0])

    def __call__(self, x):
        bad = jax.numpy.abs(self.first[...] - POISON[0]) < 1e-7
        late = self.norm.mean[...].sum() != 0  # the first step is well
        return super().__call__(x) + jax.numpy.where(bad & late, jax.numpy.nan, 0.0)


POISON = [0.0]


def test_failed_cell_is_marked_and_spoils_no_other():
    POISON[0] = 9.0
    healthy = cases.sweep(Poisoned, ratios=[0.0, 1.0], keep_models=True)
    fresh = cases.Net(nnx.Rngs(jax.random.key(1)))
    POISON[0] = float(fresh.hidden.kernel[0, 0])
    result = cases.sweep(Poisoned, ratios=[0.0, 1.0], keep_models=True)
    for name, values in cases.numbers(healthy).items():
        found = cases.numbers(result)[name]
        np.testing.assert_array_equal(values[:, 0], found[:, 0], err_msg=name)
        if name not in ("step", "chosen_step"):
            assert np.isnan(found[:, 1]).all(), name
    assert (result.status[:, 0] == "").all()
    assert all("the loss was not finite at step 1: lower" in text for text in result.status[:, 1])
    assert (result.history.step[:, 1] == 2).all()
    with pytest.raises(ValueError, match="there is no model of this cell: the loss was not finite"):
        result.model(0, 1)
    assert result.model(0, 0) is not None


def test_divergence_is_a_status():
    config = dataclasses.replace(cases.CONFIG, learning_rate=1e30, schedule="constant")
    result = cases.sweep(
        lambda rngs: cases.Net(rngs, dropout=0.0), config=config, ratios=[1.0], seeds=1
    )
    assert np.isnan(result.test_error).all()
    assert "not finite" in result.status[0, 0]


def test_progress_counts_steps_of_all_models():
    seen = []
    cases.sweep(progress=lambda *said: seen.append(said), memory_limit=None)
    assert [done for done, _, _ in seen] == [0, 36, 72, 108, 144]
    assert {total for _, total, _ in seen} == {144}
    assert seen[0][2] == "compiling"
    assert re.fullmatch(r"6 models, step 24 \([\d,]+ points/s\)", seen[-1][2])


def test_uint8_counts_as_fractions_of_255():
    cases.same(cases.sweep(dtype=np.uint8), cases.sweep(dtype=np.float32), rtol=2e-4)


def test_test_data_choose_nothing(base):
    without = cases.sweep(test=None)
    assert np.isnan(without.test_error).all()
    for name, values in cases.numbers(base).items():
        if not name.startswith("test"):
            np.testing.assert_array_equal(values, cases.numbers(without)[name], err_msg=name)


def test_errors_are_whole_numbers_of_points(base):
    for errors, points in ((base.test_error, 60), (base.validation_error, 15)):
        np.testing.assert_array_equal(errors, np.rint(errors * points) / points)


def test_unknown_fields_of_the_result(base):
    assert isinstance(base, smx.training.Result)
    assert base.realised_counts.tolist() == [0, 20, 50]
    np.testing.assert_allclose(base.realised_shares, [0, 0.5, 50 / 70])
    np.testing.assert_array_equal(base.realised_ratios, [0.0, 1.0, 2.5])
    assert (base.num_real, base.num_validation, base.pool) == (20, 15, 80)
    assert base.num_steps.tolist() == [24] * 3
    with pytest.raises(ValueError, match="keep_models=True"):
        dataclasses.replace(base, _models=None).model(0, 0)
