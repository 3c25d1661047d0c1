"""Task 2, segmentation: a U-Net trained on crops of two patients labels every voxel of the third."""

import dataclasses
from functools import cached_property
from pathlib import Path

import numpy as np
from flax import nnx

import synthmix_jax as smx
from synthmix_jax.generators import LesionDials, Lesions, balanced_labels

from .config import Fold, Segments
from .data import Cohort, key_of
from .patches import short
from .threshold import Threshold

SMALLEST = 3  # voxels of a lesion that counts


class Scene:
    """One fold: crops of the training patients, synthetic crops made of them, and the whole test patient.

    Validation crops come from the upper part of each training patient, a gap of slices above the real crops that
    train, and show no lesion in space that those show. That leaves little of a patient with one large lesion, and
    the generator knows the whole of its patients: they show how training goes, and nothing is chosen by them.
    """

    def __init__(self, patients: Cohort, plan: Segments, fold: Fold):
        """Nothing is read yet."""
        self.cohort, self.plan, self.fold = patients, plan, fold

    @cached_property
    def trained_on(self) -> list:
        """The training patients."""
        return [self.cohort.patient(number) for number in self.fold.train]

    @cached_property
    def crops(self) -> tuple[smx.Dataset, smx.Dataset]:
        """Crops to train on, patients taking turns, and crops to choose by."""
        sides = [self._sides(patient) for patient in self.trained_on]
        train, held = ([side[part] for side in sides] for part in (0, 1))
        shortest = min(len(side) for side in train)
        order = np.arange(shortest * len(train)).reshape(len(train), shortest).T.ravel()
        first = smx.loaders.Patches.joined([side[:shortest] for side in train])[order]
        return first.data, smx.loaders.Patches.joined(held).data

    @cached_property
    def all_crops(self) -> smx.Dataset:
        """All crops of the training patients, where nothing is chosen."""
        return smx.loaders.Patches.joined([self._drawn(p) for p in self.trained_on]).data

    def _drawn(self, patient) -> smx.loaders.Patches:
        key = key_of("crops", patient.name)
        return smx.loaders.lesion_crops(
            patient, size=self.plan.size, key=key, count=self.plan.crops
        )

    def _sides(self, patient) -> tuple:
        drawn = self._drawn(patient)
        # Along x or y the gap must be as wide as a crop; along z a few slices are enough.
        low, high = drawn.apart("z", fraction=1.0 - self.plan.held_out, gap=self.plan.gap)
        lesions, _ = smx.loaders.lesion_components(patient.lesions)
        trained = set().union(*shown(lesions, low))
        return low, high[[not (one & trained) for one in shown(lesions, high)]]

    @cached_property
    def generator(self) -> Lesions:
        """Painted lesions in crops of the training patients; outlines from the masks of patients without images."""
        return Lesions.fit(
            [patient.anatomy(("FLAIR",)) for patient in self.trained_on],
            library=self.cohort.library,
            size=self.plan.size,
            like="crops",
        )

    def pool(self, dial: float) -> smx.Dataset:
        """Synthetic crops with maps, every other one painted. Dials share their draws."""
        generator = self.generator.dialled(LesionDials.together(dial))
        labels = balanced_labels(self.plan.pool, 2)
        x, maps = generator.sample_with_maps(labels, key=key_of("crops pool", self.fold.name))
        return smx.Dataset(np.asarray(x), np.asarray(maps), num_classes=2)

    @cached_property
    def tested_on(self):
        """The patient that nothing was made of, whole."""
        return self.cohort.patient(self.fold.test).slices(("FLAIR",), multiple=4)

    def scores(self, maps: np.ndarray) -> dict[str, float]:
        """Scores of label maps of all slices of the test patient."""
        seen = self.tested_on
        found = smx.loaders.lesion_scores(
            seen.volume(maps > 0), seen.volume(seen.maps > 0), min_voxels=SMALLEST
        )
        return {
            "dice": short(found.dice),
            "lesion dice": short(found.lesion_dice),
            "sensitivity": short(found.sensitivity),
            "false lesions": found.false,
        }


def shown(lesions: np.ndarray, crops: smx.loaders.Patches) -> list[set[int]]:
    """Which lesions in space each crop shows: numbered voxels (x, y, z), axial crops."""
    half = crops.size // 2
    sets = []
    for x, y, z in crops.centres:
        window = lesions[
            max(x - half, 0) : x - half + crops.size, max(y - half, 0) : y - half + crops.size, z
        ]
        sets.append(set(np.unique(window[window > 0]).tolist()))
    return sets


def baseline(scene: Scene) -> dict:
    """Bright voxels are lesions: threshold and least size are chosen on the training patients."""
    chosen = Threshold.fit([(p.images[..., 0], p.brain, p.lesions) for p in scene.trained_on])
    patient = scene.cohort.patient(scene.fold.test)
    found = smx.loaders.lesion_scores(
        chosen.predict(patient.images[..., 0], patient.brain), patient.lesions, min_voxels=SMALLEST
    )
    return {
        "threshold": short(chosen.level),
        "least size": chosen.least,
        "training dice": short(chosen.dice),
        "dice": short(found.dice),
        "lesion dice": short(found.lesion_dice),
        "sensitivity": short(found.sensitivity),
        "false lesions": found.false,
    }


def networks(scene: Scene, n: int | None, dial: float | None, work: Path) -> dict:
    """One population, ratios by seeds, each network scored on the whole test patient; an interrupted one goes on.

    Args:
        scene: The fold.
        n: Real crops; None for all there are.
        dial: Of the generator; None for real crops alone.
        work: Folder of runs under way.
    """
    plan = scene.plan
    real, validation = scene.crops
    everything = n is None
    real = scene.all_crops if everything else real
    steps = plan.long if everything and plan.long else plan.training.steps
    n = len(real) if everything else min(n, len(real))
    ratios = [0.0] if dial is None else [r for r in plan.ratios if r and round(r * n) <= plan.pool]
    name = f"crops {scene.fold.name} {'real' if dial is None else dial} {n}".replace(" ", "_")
    result = smx.training.sweep(
        lambda rngs: smx.models.UNet(1, 2, widths=plan.widths, blocks=1, fold=2, rngs=rngs),
        real,
        None if dial is None else scene.pool(dial),
        test=None,
        ratios=ratios,
        seeds=plan.seeds,
        config=dataclasses.replace(plan.training, num_real=n, steps=steps),
        validation=validation,
        workdir=work / name,
        keep_models=True,
    )
    tested = [
        [whole(scene, result.model(r, s)) for s in range(plan.seeds)] for r in range(len(ratios))
    ]
    names = tested[0][0]
    return {
        "parameters": result.settings["model"]["parameters"],
        "real crops": n,
        "ratios": ratios,
        "counts": result.realised_counts.tolist(),
        # The whole of the training patients holds the validation crops too.
        "validation dice": None if everything else short(1.0 - result.validation_error),
        "training loss": short(result.history.train_loss[..., -1]),
        "failed": int((result.status != "").sum()),
        **{name: [[one[name] for one in row] for row in tested] for name in names},
    }


def whole(scene: Scene, model) -> dict[str, float]:
    """Label the test patient tile by tile, with tiles of the size of the crops, and score the volume."""
    slices, size = scene.tested_on, scene.plan.size
    # Tiles, not slices: group normalisation sees as much background in them as in training.
    maps = tiled(lambda x: np.asarray(_labels(model, x)), slices.x, slices.brain, size)
    return scene.scores(maps * slices.brain)


def tiled(label, x: np.ndarray, brain: np.ndarray, size: int, *, block: int = 16) -> np.ndarray:
    """Label maps (k, h, w) of slices (k, h, w, c), from overlapping tiles of which the middle is kept.

    Args:
        label: From (block, size, size, c) to (block, size, size).
        x: Slices.
        brain: Where the brain is (k, h, w): tiles without any are left at 0.
        size: Of a tile.
        block: Tiles at once.
    """
    margin = size // 8
    step = size - 2 * margin
    rows, columns = (step * -(-side // step) for side in x.shape[1:3])
    pad = [
        (0, 0),
        *(
            (margin, full - side + margin)
            for full, side in zip((rows, columns), x.shape[1:3], strict=True)
        ),
    ]
    wide = np.pad(x, [*pad, (0, 0)])
    kept = np.pad(brain, [(0, 0), (0, rows - x.shape[1]), (0, columns - x.shape[2])])
    places = [
        (k, i, j)
        for k in range(len(x))
        for i in range(0, rows, step)
        for j in range(0, columns, step)
        if kept[k, i : i + step, j : j + step].any()
    ]
    maps = np.zeros(kept.shape, np.int32)
    for start in range(0, len(places), block):
        these = places[start : start + block]
        tiles = np.zeros((block, size, size, x.shape[3]), x.dtype)
        for place, (k, i, j) in enumerate(these):
            tiles[place] = wide[k, i : i + size, j : j + size]
        inner = label(tiles)[:, margin : margin + step, margin : margin + step]
        for found, (k, i, j) in zip(inner, these, strict=False):
            maps[k, i : i + step, j : j + step] = found
    return maps[:, : x.shape[1], : x.shape[2]]


@nnx.jit
def _labels(model, x):
    return model(x).argmax(axis=-1)
