"""Kernel ridge regression on real and synthetic data, over whole grids at once.

`sweep` scores every synthetic count, ridge and weight; `sweep_groups` counts and weights of several groups
(source, target, synthetic); `fit` is one fit; `fit_average` an average of fits over
counts; `toward` shrinks toward a generator instead of mixing its samples in.
"""

from synthmix_jax._best import Best as Best
from synthmix_jax._matching import check_data as check_data

from ._exact import grid as grid
from ._feature_fit import FeatureFit as FeatureFit
from ._feature_fit import fit_features as fit_features
from ._features import FourierFeatures as FourierFeatures
from ._features import NystromFeatures as NystromFeatures
from ._features import fourier_features as fourier_features
from ._features import nystrom_features as nystrom_features
from ._fit import Fit as Fit
from ._fit import fit as fit
from ._fit import fit_average as fit_average
from ._group_sweep import GroupBest as GroupBest
from ._group_sweep import GroupSweep as GroupSweep
from ._group_sweep import fit_groups as fit_groups
from ._group_sweep import sweep_groups as sweep_groups
from ._memory import estimate as estimate_memory
from ._nested import Curves as Curves
from ._problem import Problem as Problem
from ._rows import Stream as Stream
from ._sweep import Sweep as Sweep
from ._sweep import sweep as sweep
from ._toward import BestRidge as BestRidge
from ._toward import TowardPath as TowardPath
from ._toward import toward as toward

__all__ = [
    "Best",
    "BestRidge",
    "Curves",
    "FeatureFit",
    "Fit",
    "FourierFeatures",
    "GroupBest",
    "GroupSweep",
    "NystromFeatures",
    "Problem",
    "Stream",
    "Sweep",
    "TowardPath",
    "check_data",
    "estimate_memory",
    "fit",
    "fit_average",
    "fit_features",
    "fit_groups",
    "fourier_features",
    "grid",
    "nystrom_features",
    "sweep",
    "sweep_groups",
    "toward",
]
