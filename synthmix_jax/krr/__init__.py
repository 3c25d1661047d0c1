"""Kernel ridge regression on real and synthetic data, over whole grids at once.

`sweep` scores every synthetic count, ridge and weight; `fit` is one fit; `fit_average` an average of fits over
counts; `toward` shrinks toward a generator instead of mixing its samples in.
"""

from synthmix_jax._best import Best as Best
from synthmix_jax._matching import check_data as check_data

from ._fit import Fit as Fit
from ._fit import fit as fit
from ._fit import fit_average as fit_average
from ._memory import estimate as estimate_memory
from ._nested import Curves as Curves
from ._problem import Problem as Problem
from ._sweep import Sweep as Sweep
from ._sweep import grid as grid
from ._sweep import sweep as sweep
from ._toward import BestRidge as BestRidge
from ._toward import TowardPath as TowardPath
from ._toward import toward as toward

__all__ = [
    "Best",
    "BestRidge",
    "Curves",
    "Fit",
    "Problem",
    "Sweep",
    "TowardPath",
    "check_data",
    "estimate_memory",
    "fit",
    "fit_average",
    "grid",
    "sweep",
    "toward",
]
