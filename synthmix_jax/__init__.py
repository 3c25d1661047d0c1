"""How much synthetic data should I add to my real data, and how sure are you?

    import jax
    import synthmix_jax as smx

    advice = smx.recommend(real, synthetic, key=jax.random.key(0))
    print(advice.verdict, advice.count, advice.interval)

Submodules load on first use, so that `import synthmix_jax` costs little more than `import jax`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from synthmix_jax._version import __version__ as __version__
from synthmix_jax.dataset import Dataset as Dataset

if TYPE_CHECKING:
    from synthmix_jax import adaptation as adaptation
    from synthmix_jax import advice as advice
    from synthmix_jax import distances as distances
    from synthmix_jax import distributed as distributed
    from synthmix_jax import features as features
    from synthmix_jax import generators as generators
    from synthmix_jax import kernels as kernels
    from synthmix_jax import krr as krr
    from synthmix_jax import loaders as loaders
    from synthmix_jax import mixing as mixing
    from synthmix_jax import models as models
    from synthmix_jax import theory as theory
    from synthmix_jax import training as training
    from synthmix_jax.advice import Advice as Advice
    from synthmix_jax.advice import recommend as recommend
    from synthmix_jax.loaders import load as load

_SUBMODULES = (
    "adaptation",
    "advice",
    "distances",
    "distributed",
    "features",
    "generators",
    "kernels",
    "krr",
    "loaders",
    "mixing",
    "models",
    "theory",
    "training",
)
_FUNCTIONS = {"recommend": "advice", "Advice": "advice", "load": "loaders"}

__all__ = ["Dataset", "__version__", *_SUBMODULES, *_FUNCTIONS]


def __getattr__(name: str) -> Any:
    """Load a submodule, or the function of one, when it is first asked for."""
    if name in _SUBMODULES:
        return importlib.import_module(f"synthmix_jax.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"synthmix_jax.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module 'synthmix_jax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
