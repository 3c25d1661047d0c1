"""Sources of synthetic data, good and bad ones: models, and dials that spoil them by known amounts.

Inputs are standardised (`data.py`), so that one dial means the same on all data sets.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Source:
    """Where synthetic points come from.

    Attributes:
        name: For tables.
        model: "replay" gives back the points it is given: other real data, without a model.
        points: Points of the generators' pool it is fitted on; None for half of them ("replay": all).
        size: Rank of "gaussian", components of "mixture", neighbours of "smote".
        dials: Of `generators.Shifted`, by name.
        target_scale: Regression targets are multiplied by this.
        target_noise: Standard deviation of noise added to regression targets.
    """

    name: str
    model: Literal["replay", "gaussian", "mixture", "smote"]
    points: int | None = None
    size: int = 0
    dials: tuple[tuple[str, float], ...] = ()
    target_scale: float = 1.0
    target_noise: float = 0.0


def fine(name: str, **dials: float) -> Source:
    """A class Gaussian of rank 20, spoilt."""
    return Source(name, "gaussian", size=20, dials=tuple(dials.items()))


OTHER_REAL = Source("other real points", "replay")
CLASSES = (
    OTHER_REAL,
    Source("30 points again and again", "replay", points=30),
    fine("Gaussian, rank 20"),
    Source("Gaussian, rank 3", "gaussian", size=3),
    Source("Gaussian of 50 points", "gaussian", points=50, size=5),
    Source("class means", "gaussian", size=0),
    fine("offset", offset=0.4),
    fine("half the scale", scale=-0.5),
    fine("half the contrast", contrast=-0.5),
    fine("noise", noise=1.0),
    fine("30 % of labels random", label_noise=0.3),
    fine("half the labels shifted", label_shift=0.5),
)
IMAGES = (
    *CLASSES,
    Source("Gaussian of 50, blurred", "gaussian", points=50, size=5, dials=(("blur", 1.3),)),
)
FEW = tuple(CLASSES[i] for i in (0, 2, 4, 11))
TARGETS = (
    OTHER_REAL,
    Source("noisy targets", "replay", target_noise=1.0),
    Source("half the targets", "replay", target_scale=0.5),
    Source("opposite targets", "replay", target_scale=-1.0),
    Source("noise for targets", "replay", target_scale=0.0, target_noise=1.0),
    Source("30 points again and again", "replay", points=30),
)
