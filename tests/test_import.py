"""`import synthmix_jax` stays light and changes nothing in the process it is imported into."""

import json
import subprocess
import sys

import pytest

import synthmix_jax as smx

HEAVY = (
    "flax",
    "ott",
    "sklearn",
    "matplotlib",
    "tensorflow_datasets",
    "PIL",
    "h5py",
    "rich",
    "tyro",
    "optax",
    "orbax",
    "nibabel",
)


def run_python(*arguments):
    """Run a fresh interpreter: this one has the suite's own imports and shape checks."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_no_heavy_package():
    loaded = json.loads(
        run_python("-c", "import synthmix_jax, sys, json; print(json.dumps(list(sys.modules)))")
    )
    assert "jax" in loaded
    assert not {name.partition(".")[0] for name in loaded} & set(HEAVY)


def test_import_leaves_jax_as_it_was():
    code = (
        "import jax; before = dict(jax.config.values); "
        "import synthmix_jax; print(dict(jax.config.values) == before, jax.config.jax_enable_x64)"
    )
    assert run_python("-c", code).split() == ["True", "False"]


@pytest.mark.parametrize("name", smx.__all__)
def test_every_public_name_resolves(name):
    assert getattr(smx, name) is not None
    assert name in dir(smx)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'recomend'"):
        smx.recomend  # noqa: B018


def test_python_m_prints_the_version():
    assert run_python("-m", "synthmix_jax", "--version").split()[-1] == smx.__version__
