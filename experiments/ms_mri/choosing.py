"""How much to add, without looking at the test patient: `smx.recommend` inside the training patient.

The generator saw the training patient, from whom the real patches come: an unpainted synthetic patch may be the
very tissue of a left-out real one. So real patches are left out in parts, and each part is scored with a pool whose
patches stay away from it, by a whole patch in the plane and three slices across. Statistics of lesions (contrast,
edge, texture), taken over all lesions of the patient, are kept.
"""

import warnings

import numpy as np

import synthmix_jax as smx

from .config import Fold
from .data import Material, key_of
from .patches import counts_of, lengthscale, short, thinned


def advice(material: Material, fold: Fold, dial: float, seed: int) -> dict:
    """What is recommended at every number of real patches."""
    return {
        "sizes": {
            str(n): recommended(material, fold, dial, n, seed) for n in material.plan.advice.real
        }
    }


def recommended(material: Material, fold: Fold, dial: float, n: int, seed: int) -> dict:
    """Verdict, count, gain; what it costs is read off the test curve later."""
    plan = material.plan.advice
    real = material.real(fold, n, seed)
    (patient,) = fold.train
    centres = np.asarray(material.candidates(patient).centres)[material.rows(patient, n, seed)]
    row_of = {np.asarray(x).tobytes(): row for row, x in enumerate(real.x)}

    def pool(seen: smx.Dataset) -> smx.Dataset:
        known = [row_of[np.asarray(x).tobytes()] for x in seen.x]
        away = np.delete(centres, known, axis=0)
        return material.pool(fold.train, dial, seed, away=away)

    with warnings.catch_warnings():
        # Few points: that is the question here.
        warnings.simplefilter("ignore", UserWarning)
        found = smx.recommend(
            real,
            pool,
            key=key_of("advice", fold.name, n, seed),
            fitted_on="real",
            kernel=smx.kernels.RBF(lengthscale(real.x)),
            ridges=plan.ridges,
            weights=plan.weights,
            counts=thinned(counts_of(material.plan), plan.counts),
            folds=plan.parts,
            distances=False,
        )
    return {
        "verdict": found.verdict,
        "count": found.count,
        "interval": list(found.interval),
        "gain": short(found.gain),
        "gain interval": short(found.gain_interval),
    }
