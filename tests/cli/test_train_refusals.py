"""What `synthmix train` refuses, in one line and before any training; and its options against the package's."""

import typing

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import training
from synthmix_jax.cli import _recipe, _sources, _train, main
from synthmix_jax.training import _config


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Images of 8 x 8 pixels, and vectors."""
    rng = np.random.default_rng(6)
    folder = tmp_path_factory.mktemp("data")
    made = {}
    for name, shape in (("real", (8, 8)), ("made", (8, 8)), ("vectors", (4,)), ("small", (5, 5))):
        x = rng.normal(size=(20, *shape)).astype(np.float32)
        made[name] = str(folder / f"{name}.npz")
        smx.loaders.save(made[name], smx.Dataset(x, np.arange(20) % 2))
    made["single"] = str(folder / "single.npz")
    smx.loaders.save(
        made["single"], smx.Dataset(x[:, :4, 0].repeat(2, 1)[:, :4], np.zeros(20, int))
    )
    return made


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("real", "only "),
        ("real --ratios 0 1", "takes REAL and SYNTHETIC"),
        ("--ratios 0 1 real made", "no number. Give numbers between commas or spaces; options"),
        ("real real", "every synthetic point would be a copy"),
        ("real absent.npz", "absent.npz"),
        ("real vectors", "features differ"),
        ("real made --test made", "SYNTHETIC (train) and the test data (train) are"),
        ("real made --test real", "REAL (train) and the test data (train) are both"),
        ("digits made --split all --test digits", "REAL (all) and the test data (test) are both"),
        ("made digits --synthetic-split all --test digits", "SYNTHETIC (all) and the test data"),
        ("digits digits --synthetic-split all", "every synthetic point would be a copy"),
        ("real made --test vectors", "features differ"),
        ("vectors single", "holds no point of class 1"),
        ("real made --ratios 0,5", "needs 80 synthetic points, but the pool holds 20"),
        ("real made --ratios 1,2", "--ratios 1, 2: there must be a 0"),
        ("real made --ratios 0", "none of them adds a synthetic point"),
        ("real made --ratios ,", "--ratios is empty"),
        ("real made --ratios 0 0 1", "each may be there once"),
        ("real made --ratios 0,-1", "a ratio is zero or more, got -1"),
        ("real made --ratios 0,x", "'x' is no number"),
        ("real made --seeds 0", "--seeds must lie in 1 to 1000, got 0"),
        ("real made --seed 99999999", "--seed must lie in 0 to 2147482 here"),
        ("real made --model cnn", "--model must be one of mlp, small_cnn"),
        ("vectors small --model small_cnn", "--model small_cnn cannot take points of shape (4,)"),
        ("small real --model small_cnn", "--model small_cnn cannot take points of shape (5, 5)"),
        ("real made --steps 5 --epochs 1", "--steps 5 and --epochs 1 say how long to train twice"),
        ("real made --batch-size 0", "batch_size must be a whole number of at least 1"),
        ("real made --num-real 19", "real holds 20 points"),
        ("real made --shift 9", "shift less"),
        ("--test digits", "the demonstration has its own"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(capsys, files, arguments, message):
    swapped = [files.get(word, word) for word in arguments.split()]
    if "--num-real" in arguments:
        swapped += ["--num-validation", "5"]
    code = main(["train", *swapped])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    ("name", "model"), [("real", "small_cnn"), ("vectors", "mlp"), ("small", "mlp")]
)
def test_the_default_model_goes_by_the_shape(files, name, model):
    assert _recipe.Recipe().named(smx.load(files[name]))[0] == model


def test_names_and_choices_are_those_of_the_package():
    assert _recipe.MODELS == smx.models.NAMES
    hints = typing.get_type_hints(_recipe.Recipe)
    for name in ("optimizer", "schedule", "mixing"):
        assert hints[name] == getattr(_config, name.capitalize())


def test_defaults_are_those_of_the_configuration(files):
    real = smx.load(files["real"])
    config = _recipe.Recipe().config(real)
    assert config == training.Config(steps=500, num_validation=4)


def test_sizes_are_those_of_the_sweep(files):
    from synthmix_jax.training import _plan

    real = smx.load(files["real"])
    for num_real in (None, 3, 17, 19):
        recipe = _recipe.Recipe(num_real=num_real)
        plain = training.Config(num_real=num_real)
        assert recipe.sizes(real) == _plan._sizes(real, plain)
        assert recipe.sizes(real) == _plan._sizes(real, recipe.config(real))


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, ("digits", "test")),
        ({"split": "all"}, (None, "")),
        ({"test": "none"}, (None, "")),
        ({"test": "usps"}, ("usps", "test")),
        ({"test": "usps", "test_split": "train"}, ("usps", "train")),
        ({"test": "x.npz"}, ("x.npz", "train")),
        ({"real": "x.npz"}, (None, "")),
    ],
)
def test_which_test_data(options, found):
    assert _train.Train(**{"real": "digits", "synthetic": "made.npz", **options})._test() == found


def test_folders_have_a_test_part_where_they_have_both(tmp_path):
    (tmp_path / "test").mkdir()
    assert not _sources.has_test(str(tmp_path))
    (tmp_path / "train").mkdir()
    assert _sources.has_test(str(tmp_path))
