"""One cache of compiled programs for all sweeps of the suite, and the shared cases on the path."""

import sys
from pathlib import Path

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

sys.path.insert(0, str(Path(__file__).parent))  # training_cases and training_reference


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory):
    """A folder of compiled programs, shared by all processes of this run of the suite."""
    folder = tmp_path_factory.getbasetemp()
    return (folder.parent if folder.name.startswith("popen") else folder) / "programs"


@pytest.fixture(scope="module", autouse=True)
def _compiled_once(cache_dir):
    """Sweeps of equal shapes are compiled once: most of a small sweep's time is its compilation."""
    flags = {
        "jax_compilation_cache_dir": str(cache_dir),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
    }
    before = {name: jax.config.values[name] for name in flags}
    for name, value in flags.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
