"""What is run: patients, sizes, dials, presets."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """One preset.

    Attributes:
        folds: Source patient and target patient.
        real: Numbers of real source patches, half of them lesions.
        dials: Of the generator: 0 as real as can be, 1 too bright, square and flat.
        seeds: Draws of real patches, of target labels and of pools.
        pool: Synthetic patches of each pool, half of them painted.
        counts: Synthetic counts of a curve, about so many.
        shares: Of the loss that the whole pool has, where its weight is varied.
        weighed: Number of real patches at which shares are varied.
        weighed_pools: Pools whose shares are varied.
        labels: Labelled target patches of the baselines.
        target_weights: Of one of these, tried by leave-one-out on them.
        synthetic_weights: Of one synthetic patch beside them, tried so too.
        unlabelled: Target patches without labels, for importance weighting and CORAL.
        ridge: Absolute, the same everywhere.
        size: Of a patch, in voxels of 1 mm.
        per_class: Most patches of one class of a patient.
        screen: Robust standard deviations above the median of white matter from which FLAIR is suspect.
        speck: Suspect voxels in groups smaller than this are let pass.
        distances: Seeds for which distances are measured.
        compared: Most patches of each sample in them.
        halves: Random halves that a distance is averaged over.
        metrics: Distances.
    """

    folds: tuple[tuple[str, str], ...] = (("19", "26"), ("26", "19"))
    real: tuple[int, ...] = (20, 50, 100)
    dials: tuple[float, ...] = (0.0, 0.5, 1.0)
    seeds: int = 5
    pool: int = 1000
    counts: int = 12
    shares: tuple[float, ...] = (0.1, 0.3, 0.6)
    weighed: int = 50
    weighed_pools: tuple[str, ...] = ("source", "screened")
    labels: int = 20
    target_weights: tuple[float, ...] = (1.0, 3.0, 10.0)
    synthetic_weights: tuple[float, ...] = (0.01, 0.1, 1.0)
    unlabelled: int = 200
    ridge: float = 0.1
    size: int = 25
    per_class: int = 300
    screen: float = 3.0
    speck: int = 5
    distances: int = 1
    compared: int = 100
    halves: int = 20
    metrics: tuple[str, ...] = ("wasserstein", "energy")


PRESETS = {
    "quick": Plan(
        folds=(("19", "26"),),
        real=(12,),
        dials=(1.0,),
        seeds=2,
        pool=40,
        counts=3,
        shares=(0.5,),
        weighed=12,
        labels=6,
        target_weights=(1.0, 3.0),
        synthetic_weights=(1.0,),
        unlabelled=18,
        size=11,
        per_class=40,
        distances=0,
        compared=20,
        halves=20,
        metrics=("energy",),
    ),
    "cpu": Plan(),
    "gpu": Plan(seeds=32, dials=(0.0, 0.25, 0.5, 0.75, 1.0), pool=4000, counts=20, distances=8),
}
