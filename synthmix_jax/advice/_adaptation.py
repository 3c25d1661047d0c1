"""Domain adaptation: real points of a source, synthetic points that imitate the target, and what is known of it.

Three cases, by what is at hand of the target: labelled points, unlabelled ones, nothing. Nothing but target
points is ever scored; where there are none with labels, the answer is conditional and says on what.
"""

from collections.abc import Callable

import numpy as np

from synthmix_jax import _checks, _matching, krr
from synthmix_jax._typing import Array
from synthmix_jax.dataset import Dataset

from . import _adapt_bound, _adapt_labelled, _adapt_unlabelled
from ._adapt_options import TARGET_WEIGHTS as TARGET_WEIGHTS
from ._adapt_options import Options as Options
from ._adapt_options import check_overlap
from ._evidence import Recipe
from ._records import Advice


def adapt(
    source: Dataset,
    synthetic: Dataset | Recipe,
    target: Dataset | Array | None,
    options: Options,
) -> Advice:
    """The advice of the case that the target points at hand allow.

    Args:
        source: n real points of the source.
        synthetic: Synthetic points of the target, or a callable from labelled target points to such.
        target: Labelled points of the target, inputs alone, or None.
        options: Options of `recommend`.

    Raises:
        ValueError: data that do not match, target points that are trained on, or a callable without labelled
            target points to call it with.
    """
    if not isinstance(target, Dataset | None):
        target = _inputs(source, target)
    if isinstance(target, Dataset):
        return _adapt_labelled.advise(source, synthetic, target, options)
    if isinstance(synthetic, Callable) and not isinstance(synthetic, Dataset):
        raise ValueError(
            "synthetic is a callable, which is cross-fitted over labelled target points, and there are none: give "
            "samples, a Dataset, or labelled target_validation."
        )
    krr.check_data(source, synthetic)
    if target is None:
        return _adapt_bound.advise(source, synthetic, options)
    zeros = [Dataset(d, np.zeros(len(d))) for d in (target, source.x, synthetic.x)]
    try:
        check_overlap(
            zeros[0], {"source": zeros[1], "synthetic": zeros[2]}, ("source", "synthetic")
        )
    except ValueError as error:
        raise ValueError(
            f"{str(error).split('. ')[0]}. Inputs that are trained on say nothing of a target: give others."
        ) from error
    return _adapt_unlabelled.advise(source, synthetic, target, options)


def _inputs(source: Dataset, target: Array) -> np.ndarray:
    """Inputs of unlabelled target points, checked against the source."""
    x = np.asarray(_checks.numeric_array("target_validation", target))
    _checks.finite("target_validation", x)
    if x.ndim == 0 or x.shape[1:] != source.x.shape[1:] or len(x) == 0:
        raise ValueError(
            f"target_validation has shape {x.shape} and the source's x {source.x.shape}: features differ, or there "
            "are no points. Give inputs (t, ...) like those of the source, or a Dataset where labels are known."
        )
    # Only the inputs' scale is looked at: the targets are stand-ins.
    _matching.check_match(
        Dataset(source.x, np.zeros(len(source))),
        Dataset(x, np.zeros(len(x))),
        "target_validation",
        first="the source",
    )
    return x
