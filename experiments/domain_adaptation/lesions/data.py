"""Patients, real patches, and pools painted on four kinds of tissue.

A plane cuts the target patient's brain in two, front and back, at the median of the brain. Tissue that is painted
on, unlabelled patches and the few labelled ones lie on one side, the patches tested on on the other, and no voxel
is in both: across the plane, centres are a whole patch apart. Where the plane lies depends on no label, and neither
does anything in the pools "screened" and "anywhere".
"""

import dataclasses
import os
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import synthmix_jax as smx
from synthmix_jax.generators import LesionDials, Lesions, balanced_labels

from . import phantom
from .config import Plan

CITATION = f"Images and lesion masks: {smx.loaders.OPEN_MS_CITATION}."
PHANTOM = "Made-up brains (phantom.py), no patients: these numbers mean nothing."
SIDES = ("front", "back")  # that is tested on; the other one is painted on
PLACES = 2**16
TISSUES = ("source", "anywhere", "screened", "known")


@dataclasses.dataclass(frozen=True, eq=False)
class Cohort:
    """Patients by number, such as "19", and lesion masks of patients without images."""

    patients: dict[str, smx.loaders.Patient]
    library: list[np.ndarray]
    credit: str


def read(plan: Plan, data_dir: str | None) -> Cohort:
    """The patients of a plan.

    Raises:
        SystemExit: there is no `open_ms` in `data_dir` or SYNTHMIX_DATA_DIR.
    """
    root = data_dir or os.environ.get("SYNTHMIX_DATA_DIR")
    if not root or not (Path(root) / "open_ms").is_dir():
        raise SystemExit(
            "this preset needs images: --data-dir, or SYNTHMIX_DATA_DIR, must name the folder that holds open_ms."
        )
    files = {f.name[-2:]: f for f in smx.loaders.find_patients(Path(root) / "open_ms")}
    numbers = sorted({number for fold in plan.folds for number in fold})
    patients = {
        number: smx.loaders.read_patient(files[number], modalities=("FLAIR", "T1"))
        for number in numbers
    }
    masks = [smx.loaders.read_lesions(f) for f in files.values() if not f.images]
    return Cohort(patients, masks, CITATION)


def made_up(plan: Plan) -> Cohort:
    """Phantoms."""
    numbers = sorted({number for fold in plan.folds for number in fold})
    patients = {number: phantom.patient(number, int(number)) for number in numbers}
    return Cohort(patients, [phantom.mask(seed) for seed in (1, 2)], PHANTOM)


def screened(patient: smx.loaders.Patient, plan: Plan) -> np.ndarray:
    """What might be a lesion by FLAIR alone (x, y, z): brighter than white matter, and more than a speck.

    Brighter by `plan.screen` robust standard deviations (1.4826 times the median deviation) over the white-matter
    prior, which is made of T1. Grey matter is suspect too; that costs tissue, not labels.
    """
    flair = patient.images[..., patient.modalities.index("FLAIR")]
    white = flair[patient.white_matter]
    middle = np.median(white)
    spread = 1.4826 * np.median(np.abs(white - middle))
    bright = patient.brain & (flair > middle + plan.screen * spread)
    labels, _ = smx.loaders.lesion_components(bright)
    kept = np.bincount(labels.ravel()) >= plan.speck
    kept[0] = False
    return kept[labels]


class Material:
    """What is trained and tested on, made when first asked for."""

    def __init__(self, cohort: Cohort, plan: Plan):
        """Nothing is fitted yet."""
        self.cohort, self.plan = cohort, plan
        self._made: dict = {}
        self._pools, self._seed = {}, None  # of one seed: 3 MB each

    def _once(self, make, *words):
        if words not in self._made:
            self._made[words] = make(*words[1:])
        return self._made[words]

    def candidates(self, number: str) -> smx.loaders.Patches:
        """The labelled patches of a patient."""
        return self._once(self._candidates, "candidates", number)

    def _candidates(self, number: str) -> smx.loaders.Patches:
        return smx.loaders.lesion_patches(
            self.cohort.patients[number],
            size=self.plan.size,
            key=key_of("patches", number),
            max_per_class=self.plan.per_class,
        )

    def source(self, number: str, n: int, seed: int) -> smx.Dataset:
        """n real patches of the source, balanced; those of fewer are among those of more."""
        patches = self.candidates(number)
        return dataset(patches, balanced(np.asarray(patches.y), n, key_of("source", number, seed)))

    def on(self, number: str, side: str) -> np.ndarray:
        """Which candidates of a patient lie on a side, half a patch or more from the plane."""
        return on_side(
            np.asarray(self.candidates(number).centres), self.plane(number), side, self.plan.size
        )

    def plane(self, number: str) -> float:
        """Where front and back meet: the median of the brain along y."""
        counts = self.cohort.patients[number].brain.sum(axis=(0, 2))
        return float(np.searchsorted(np.cumsum(counts), counts.sum() / 2))

    def test(self, target: str, side: str) -> smx.Dataset:
        """The target's patches on a side, as many with lesions as without."""
        patches = self.candidates(target)
        mine = patches[np.flatnonzero(self.on(target, side))]
        each = np.bincount(np.asarray(mine.y), minlength=2).min()
        return dataset(mine, balanced(np.asarray(mine.y), 2 * int(each), key_of("test", target)))

    def labelled(self, target: str, side: str, count: int, seed: int) -> smx.Dataset:
        """A few labelled patches of the target, from the side that is not tested on."""
        mine = self.candidates(target)[np.flatnonzero(self.on(target, other(side)))]
        return dataset(mine, balanced(np.asarray(mine.y), count, key_of("labels", target, seed)))

    def generator(self, source: str, target: str, tissue: str) -> Lesions:
        """The generator: lesions as in the source, on the tissue that is named."""
        return self._once(self._generator, "generator", source, target, tissue)

    def _generator(self, source: str, target: str, tissue: str) -> Lesions:
        options = {"library": self.cohort.library, "size": self.plan.size}
        if tissue == "source":
            return Lesions.fit(self.cohort.patients[source].anatomy(("FLAIR",)), **options)
        patient = self.cohort.patients[target]
        avoided = {
            "anywhere": lambda: np.zeros_like(patient.lesions),
            "screened": lambda: screened(patient, self.plan),
            "known": lambda: patient.lesions,
        }[tissue]()
        anatomy = dataclasses.replace(patient.anatomy(("FLAIR",)), lesions=avoided)
        fitted = Lesions.fit(anatomy, contrast={"FLAIR": 1.0}, **options)
        # What lesions look like is known of the source only.
        return dataclasses.replace(fitted, facts=self.generator(source, target, "source").facts)

    def painter(self, source: str, target: str, tissue: str, side: str) -> Lesions:
        """The same, with the target's tissue of the side that is not tested on."""
        return self._once(self._painter, "painter", source, target, tissue, side)

    def _painter(self, source: str, target: str, tissue: str, side: str) -> Lesions:
        generator = self.generator(source, target, tissue)
        if tissue == "source":
            return padded(generator)
        centres = np.asarray(generator.tissue.voxels)[:, 1:]
        kept = on_side(centres, self.plane(target), other(side), self.plan.size)
        return padded(dataclasses.replace(generator, tissue=generator.tissue.without(~kept)))

    def pool(
        self, source: str, target: str, tissue: str, side: str, dial: float, seed: int
    ) -> smx.Dataset:
        """Synthetic patches; every prefix is half painted. "both" takes them by turns from source and screened."""
        if tissue == "both":
            two = [self.pool(source, target, t, side, dial, seed) for t in ("source", "screened")]
            half = [p[: -(-self.plan.pool // 2)] for p in two]
            return by_turns(*half)[: self.plan.pool]
        if seed != self._seed:
            self._seed, self._pools = seed, {}
        side = "" if tissue == "source" else side
        words = (source, target, tissue, side, dial)
        if words not in self._pools:
            self._pools[words] = self._pool(*words, seed)
        return self._pools[words]

    def _pool(self, source, target, tissue, side, dial, seed) -> smx.Dataset:
        painter = self.painter(source, target, tissue, side)
        painter = painter.dialled(LesionDials.together(dial))
        labels = balanced_labels(self.plan.pool, 2)
        x = np.asarray(painter.sample(labels, key=key_of("pool", source, target, seed)))
        return smx.Dataset(x, labels, num_classes=2)

    def unlabelled(self, source: str, target: str, side: str, seed: int) -> np.ndarray:
        """Patches as found in the target, lesions or not, from the side that is not tested on."""
        painter = self.painter(source, target, "anywhere", side)
        # As many as a pool has, so that nothing new is compiled; the first ones do not depend on how many follow.
        nothing = np.zeros(max(self.plan.pool, self.plan.unlabelled), np.int32)
        drawn = painter.sample(nothing, key=key_of("unlabelled", target, seed))
        return np.asarray(drawn)[: self.plan.unlabelled]

    def slipped(self, source: str, target: str, tissue: str, side: str) -> dict[str, float]:
        """Share of patches whose middle is, by the target's mask, in a lesion or within four voxels of one."""
        tissue_ = self.painter(source, target, tissue, side).tissue
        places = tuple(np.asarray(tissue_.voxels)[:, 1:].T)
        painted, _, plain, peaks = np.diff(
            np.asarray(tissue_.cumulative, np.float64), axis=1, prepend=0.0
        )
        away = self.away(source if tissue == "source" else target)[places]
        return {
            f"{name} {where}": float(f"{(law * there).sum():.3g}")
            for name, law in (("painted", painted), ("unpainted", (plain + peaks) / 2))
            for where, there in (("in a lesion", away == 0), ("near a lesion", away <= 4.0))
        }

    def away(self, number: str) -> np.ndarray:
        """Voxels to the nearest lesion (x, y, z)."""
        return self._once(self._away, "away", number)

    def _away(self, number: str) -> np.ndarray:
        from scipy import ndimage

        return np.asarray(
            ndimage.distance_transform_edt(~self.cohort.patients[number].lesions), np.float32
        )


def padded(generator: Lesions) -> Lesions:
    """The same generator with more places, which are never drawn: equal shapes are compiled once."""
    tissue = generator.tissue
    more = -len(tissue.voxels) % PLACES
    rows = {name: getattr(tissue, name) for name in ("places", "voxels", "levels")}
    rows = {name: jnp.pad(value, ((0, more), (0, 0)), mode="edge") for name, value in rows.items()}
    cumulative = jnp.pad(tissue.cumulative, ((0, 0), (0, more)), constant_values=1.0)
    more_places = dataclasses.replace(tissue, **rows, cumulative=cumulative)
    return dataclasses.replace(generator, tissue=more_places)


def on_side(centres: np.ndarray, plane: float, side: str, size: int) -> np.ndarray:
    """Which centres (k, 3) lie at least half a patch in front of, or behind, the plane."""
    gap = (size + 1) // 2
    y = centres[:, 1]
    return y >= plane + gap if side == "front" else y <= plane - gap


def other(side: str) -> str:
    """Front for back."""
    return SIDES[1 - SIDES.index(side)]


def balanced(y: np.ndarray, count: int, key: jax.Array) -> np.ndarray:
    """Rows of a random draw, by turns a lesion and none; the first of those of a larger draw.

    Raises:
        ValueError: too few of a class.
    """
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    lesions, others = (rng.permutation(np.flatnonzero(y == label)) for label in (1, 0))
    each = min(len(lesions), len(others))
    if count > 2 * each or count < 1:
        raise ValueError(
            f"{len(lesions)} lesion patches and {len(others)} others: none or too few for {count}."
        )
    return np.stack([lesions[:each], others[:each]], axis=1).ravel()[:count]


def by_turns(first: smx.Dataset, second: smx.Dataset) -> smx.Dataset:
    """Two of the first, two of the second: pairs hold one of each class."""
    rows = np.arange(len(first) // 2 * 2).reshape(-1, 2)
    order = np.concatenate([rows, rows + len(first)], axis=1).ravel()
    x, y = (np.concatenate([np.asarray(getattr(d, n)) for d in (first, second)]) for n in "xy")
    return smx.Dataset(x[order], y[order], num_classes=2)


def dataset(patches: smx.loaders.Patches, rows: np.ndarray) -> smx.Dataset:
    """Rows of patches as a data set."""
    return smx.Dataset(np.asarray(patches.x)[rows], np.asarray(patches.y)[rows], num_classes=2)


def key_of(*words: object) -> jax.Array:
    """A PRNG key for what the words name: every kind of randomness has its own."""
    return jax.random.key(zlib.crc32(" ".join(map(str, words)).encode()))
