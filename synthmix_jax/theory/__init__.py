"""What theory says of an amount of synthetic data: sharp risk, and from a sample what it asks for.

`predict_curve` goes from two samples to the error at any synthetic count, beyond the pool too. `mixed_risk` is
the test error against real points, synthetic points, ridge and weight; `group_risk` that of groups
whose inputs differ, with the best weights and counts of each; `estimate_spectrum` the eigenvalues and
coefficients they need; the designs are cases where all is known. Bounds, quadratic surrogates and `SurrogateLaw`,
fitted to runs, are models of the curve with few constants.
"""

from synthmix_jax._best import Best as Best

from ._adaptation import adaptation_bound as adaptation_bound
from ._adaptation import optimal_adaptation_share as optimal_adaptation_share
from ._bounds import optimal_share as optimal_share
from ._bounds import optimal_tuned_share as optimal_tuned_share
from ._bounds import paper_bound as paper_bound
from ._bounds import paper_optimal_lambda as paper_optimal_lambda
from ._bounds import stability_bound as stability_bound
from ._bounds import tuned_bound as tuned_bound
from ._exact_spectra import Design as Design
from ._exact_spectra import fourier_design as fourier_design
from ._exact_spectra import gaussian_design as gaussian_design
from ._exact_spectra import hermite_design as hermite_design
from ._exact_spectra import mehler_kernel as mehler_kernel
from ._exact_spectra import periodic_sobolev_kernel as periodic_sobolev_kernel
from ._exact_spectra import rbf_design as rbf_design
from ._exact_spectra import rbf_eigenvalues as rbf_eigenvalues
from ._exponents import Exponent as Exponent
from ._exponents import SpectralExponents as SpectralExponents
from ._exponents import decay_exponent as decay_exponent
from ._exponents import spectral_exponents as spectral_exponents
from ._first_point import FirstPoint as FirstPoint
from ._first_point import value_of_first_point as value_of_first_point
from ._group_counts import GroupCounts as GroupCounts
from ._group_counts import optimal_group_counts as optimal_group_counts
from ._group_optimum import GroupOptimum as GroupOptimum
from ._group_optimum import optimal_group_weights as optimal_group_weights
from ._group_risk import group_risk as group_risk
from ._law_plans import Split as Split
from ._predict_curve import PredictedCurve as PredictedCurve
from ._predict_curve import predict_curve as predict_curve
from ._quadratic import optimal_pooled_share as optimal_pooled_share
from ._quadratic import optimal_quadratic_share as optimal_quadratic_share
from ._quadratic import pooled_risk as pooled_risk
from ._quadratic import quadratic_risk as quadratic_risk
from ._risk import MixedRisk as MixedRisk
from ._risk import mixed_risk as mixed_risk
from ._risk import mixed_risk_parts as mixed_risk_parts
from ._risk import random_design_risk as random_design_risk
from ._spectrum import DiscrepancyCurve as DiscrepancyCurve
from ._spectrum import SampleSpectrum as SampleSpectrum
from ._spectrum import discrepancy_curve as discrepancy_curve
from ._spectrum import effective_dimension as effective_dimension
from ._spectrum import estimate_spectrum as estimate_spectrum
from ._surrogate_law import SurrogateLaw as SurrogateLaw

__all__ = [
    "Best",
    "Design",
    "DiscrepancyCurve",
    "Exponent",
    "FirstPoint",
    "GroupCounts",
    "GroupOptimum",
    "MixedRisk",
    "PredictedCurve",
    "SampleSpectrum",
    "SpectralExponents",
    "Split",
    "SurrogateLaw",
    "adaptation_bound",
    "decay_exponent",
    "discrepancy_curve",
    "effective_dimension",
    "estimate_spectrum",
    "fourier_design",
    "gaussian_design",
    "group_risk",
    "hermite_design",
    "mehler_kernel",
    "mixed_risk",
    "mixed_risk_parts",
    "optimal_adaptation_share",
    "optimal_group_counts",
    "optimal_group_weights",
    "optimal_pooled_share",
    "optimal_quadratic_share",
    "optimal_share",
    "optimal_tuned_share",
    "paper_bound",
    "paper_optimal_lambda",
    "periodic_sobolev_kernel",
    "pooled_risk",
    "predict_curve",
    "quadratic_risk",
    "random_design_risk",
    "rbf_design",
    "rbf_eigenvalues",
    "spectral_exponents",
    "stability_bound",
    "tuned_bound",
    "value_of_first_point",
]
