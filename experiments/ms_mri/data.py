"""Patients, real patches and synthetic pools.

The patient who is tested on gives test patches, and nothing else: training patches, the generator, its pools and
the units of intensities come from the training patients' own files. Outlines of synthetic lesions come from the
masks of patients without images.
"""

import os
import tempfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax
import numpy as np

import synthmix_jax as smx
from synthmix_jax.generators import LesionDials, Lesions, balanced_labels

from . import phantom
from .config import Fold, Patches

CITATION = f"Images and lesion masks: {smx.loaders.OPEN_MS_CITATION}."
PHANTOM = "Made-up brains (experiments/ms_mri/phantom.py), no patients: these numbers mean nothing."


@dataclass(frozen=True, eq=False)
class Cohort:
    """Where patients are, and whose images they are.

    Attributes:
        folder: Folder of patients' folders.
        credit: Citation.
    """

    folder: Path
    credit: str

    @cached_property
    def files(self) -> dict:
        """Files of each patient by number, such as "07"."""
        return {files.name[-2:]: files for files in smx.loaders.find_patients(self.folder)}

    def patient(self, number: str):
        """Images of one patient, in units of the patient's own white matter."""
        return smx.loaders.read_patient(self.files[number], modalities=("FLAIR", "T1"))

    @cached_property
    def library(self) -> list[np.ndarray]:
        """Lesion masks of the patients without images."""
        return [smx.loaders.read_lesions(f) for f in self.files.values() if not f.images]


def cohort(data_dir: str | None, *, made_up: bool) -> Cohort:
    """The images in `data_dir` or SYNTHMIX_DATA_DIR; where allowed and neither is given, made-up ones.

    Raises:
        SystemExit: no folder is given and made-up brains will not do, or it holds no `open_ms`.
    """
    root = data_dir or os.environ.get("SYNTHMIX_DATA_DIR")
    if root:
        folder = Path(root) / "open_ms"
        if not folder.is_dir():
            raise SystemExit(
                f"{folder} is no folder: --data-dir must hold open_ms (see README.md)."
            )
        return Cohort(folder, CITATION)
    if not made_up:
        raise SystemExit(
            "this preset needs images: --data-dir, or SYNTHMIX_DATA_DIR, must name the folder that holds open_ms."
        )
    return Cohort(phantom.write(Path(tempfile.mkdtemp(prefix="ms_mri_"))), PHANTOM)


class Material:
    """What the folds train and test on, made when first asked for."""

    def __init__(self, patients: Cohort, plan: Patches):
        """Nothing is read yet."""
        self.cohort, self.plan = patients, plan
        self._patients: dict = {}
        self._candidates: dict = {}
        self._generators: dict = {}
        self._pools: dict = {}

    def patient(self, number: str):
        """Images of one patient."""
        if number not in self._patients:
            self._patients[number] = self.cohort.patient(number)
        return self._patients[number]

    def candidates(self, number: str):
        """The patches that real ones are drawn from, and the test patches of a fold that tests on this patient."""
        if number not in self._candidates:
            self._candidates[number] = smx.loaders.lesion_patches(
                self.patient(number),
                size=self.plan.size,
                modalities=("FLAIR",),
                key=key_of("patches", number),
                max_per_class=self.plan.per_class,
            )
        return self._candidates[number]

    def test(self, fold: Fold) -> smx.Dataset:
        """All patches of the test patient, half of them lesions."""
        return self.candidates(fold.test).data

    def rows(self, number: str, count: int, seed: int) -> np.ndarray:
        """Which patches of a patient a draw takes: balanced, and the first of those of a larger draw."""
        y = np.asarray(self.candidates(number).data.y)
        rng = numpy_rng(key_of("draw", number, seed))
        lesions, others = (rng.permutation(np.flatnonzero(y == label)) for label in (1, 0))
        if count > 2 * min(len(lesions), len(others)):
            raise ValueError(
                f"patient {number} has {len(lesions)} lesion patches and {len(others)} others: too few for a "
                f"balanced draw of {count}."
            )
        shorter = min(len(lesions), len(others))
        return np.stack([lesions[:shorter], others[:shorter]], axis=1).ravel()[:count]

    def real(self, fold: Fold, n: int, seed: int) -> smx.Dataset:
        """n real patches, equally many of each training patient."""
        each = n // len(fold.train)
        parts = [self.candidates(p).data[self.rows(p, each, seed)] for p in fold.train]
        return joined(parts)

    def all_real(self, fold: Fold) -> smx.Dataset:
        """As many patches of the training patients as their balanced candidates allow, in random order."""
        most = [
            2 * int(np.bincount(np.asarray(self.candidates(p).data.y)).min()) for p in fold.train
        ]
        return self.real(fold, len(fold.train) * min(most), 0)

    def generator(self, train: tuple[str, ...]) -> Lesions:
        """The lesion generator of these patients, at dial zero."""
        if train not in self._generators:
            anatomies = [self.patient(number).anatomy(("FLAIR",)) for number in train]
            self._generators[train] = Lesions.fit(
                anatomies, library=self.cohort.library, size=self.plan.size
            )
        return self._generators[train]

    def pool(
        self, train: tuple[str, ...], dial: float, seed: int, *, away: np.ndarray | None = None
    ) -> smx.Dataset:
        """Synthetic patches; every prefix is half painted, half unpainted. Dials of one seed share their draws.

        With `away`, centres (k, 3) in voxels of one training patient, none overlaps the patches there.
        """
        plain = away is None or not len(away)
        if plain and (train, dial, seed) in self._pools:
            return self._pools[train, dial, seed]
        generator = self.generator(train).dialled(LesionDials.together(dial))
        if not plain:
            generator = generator.away_from(away)
        labels = balanced_labels(self.plan.pool, 2)
        x = np.asarray(generator.sample(labels, key=key_of("pool", *train, seed)))
        drawn = smx.Dataset(x, labels, num_classes=2)
        if plain and len(train) == 1:
            # Folds that train on the same patient share them: 5 MB each.
            self._pools[train, dial, seed] = drawn
        return drawn


def joined(parts: list[smx.Dataset]) -> smx.Dataset:
    """One data set after the other."""
    x, y = (np.concatenate([np.asarray(getattr(p, name)) for p in parts]) for name in "xy")
    return smx.Dataset(x, y, num_classes=2)


def key_of(*words: object) -> jax.Array:
    """A PRNG key for what the words name: every kind of randomness has its own."""
    return jax.random.key(zlib.crc32(" ".join(map(str, words)).encode()))


def numpy_rng(key: jax.Array) -> np.random.Generator:
    """A NumPy generator from a key."""
    return np.random.default_rng(np.asarray(jax.random.key_data(key)))
