"""`Patches`: windows of one or several patients, with where they were cut and what belongs together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from synthmix_jax import _numerics
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

CLASS_NAMES = ("no lesion", "lesion")
_PER_ROW = ("x", "y", "centres", "groups", "subjects")


@dataclass(frozen=True, eq=False)
class Patches:
    """Square windows of slices, one row a window.

    Attributes:
        x: (n, size, size, c), normalised intensities; rows and columns run along the axes of the slice, in the
            order x, y, z; 0 outside the brain and beyond the volume.
        y: (n,) labels, 1 for a lesion; or label maps (n, size, size) of 0 and 1.
        centres: (n, 3), the voxel each window is centred on.
        groups: (n,), windows that belong together have one number: those of one lesion in space, those whose
            centres are near, and those that a chain of such windows joins.
        subjects: (n,), whom each window shows.
        patient: Name of the patient, or the names joined by " + ".
        modalities: Names of the channels.
        plane: "axial", "coronal" or "sagittal".
        size: Edge of a window in voxels.
        size_mm: Edge of a window in millimetres.
        notes: What a reader of results should know.
    """

    x: Shaped[Array, "n size size c"]
    y: Int[Array, "n ..."]
    centres: Int[Array, "n 3"]
    groups: Int[Array, " n"]
    subjects: np.ndarray
    patient: str
    modalities: tuple[str, ...]
    plane: str
    size: int
    size_mm: float
    notes: tuple[str, ...] = ()

    @property
    def data(self) -> Dataset:
        """The windows with their labels, or label maps, of two classes."""
        if self.y.ndim == 1:
            return Dataset(self.x, self.y, num_classes=2, class_names=CLASS_NAMES)
        return Dataset(self.x, self.y, num_classes=2)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: Any) -> "Patches":
        """Rows by slice, numbers or mask; group numbers stay as they are."""
        if not isinstance(rows, slice):
            rows = np.atleast_1d(np.asarray(rows, dtype=np.int64 if np.size(rows) == 0 else None))
        return replace(self, **{name: getattr(self, name)[rows] for name in _PER_ROW})

    def __repr__(self) -> str:
        kind = f"{int((self.y == 1).sum())} lesions" if self.y.ndim == 1 else "label maps"
        return (
            f"Patches({len(self)} of {self.size} x {self.size} voxels ({self.size_mm:g} mm), {self.plane}, "
            f"{'+'.join(self.modalities)} of {self.patient}; {kind}, {len(np.unique(self.groups))} groups)"
        )

    def split(self, fraction_or_count: float, *, key: Key) -> tuple["Patches", "Patches"]:
        """Split into whole groups at random: a lesion and its neighbours stay on one side.

        Args:
            fraction_or_count: Share of the rows in the first part, in (0, 1), or how many (a whole number).
            key: PRNG key.

        Returns:
            The part, as near to the size asked for as whole groups allow, and the rest.

        Raises:
            ValueError: An impossible size, or whole groups that come no nearer than half or twice of it.
        """
        wanted = _wanted(fraction_or_count, len(self))
        rng = _numerics.host_generator(key)
        numbers, sizes = np.unique(self.groups, return_counts=True)
        first, total = [], 0
        for i in rng.permutation(len(numbers)):
            if abs(total + sizes[i] - wanted) <= abs(total - wanted) and total + sizes[i] < len(self):
                first.append(numbers[i])
                total += sizes[i]
        if not 0.5 * wanted <= total <= 2 * wanted:
            raise ValueError(
                f"{len(self)} windows in {len(numbers)} groups (the largest of {sizes.max()}) cannot be split near "
                f"{wanted} without parting a lesion from its neighbours. Split by patient, or by a plane with "
                "a gap: patches.apart(axis, fraction)."
            )
        rows = np.isin(self.groups, first)
        order = rng.permutation(len(self))
        return self[order[rows[order]]], self[order[~rows[order]]]


def joined(parts: Sequence[Patches]) -> Patches:
    """Windows of several patients as one record; groups stay apart.

    Args:
        parts: One of each patient, alike in size, plane, modalities and kind of labels.

    Raises:
        ValueError: No part, a subject in two of them, or parts that differ in kind.
    """
    parts = tuple(parts)
    if not parts:
        raise ValueError("parts is empty; give the patches of at least one patient.")
    kinds = {(p.x.shape[1:], p.y.shape[1:], p.modalities, p.plane, p.size_mm) for p in parts}
    if len(kinds) > 1:
        raise ValueError(f"parts differ in shape, modalities, plane or size: {sorted(map(str, kinds))}.")
    seen = [subject for part in parts for subject in np.unique(part.subjects)]
    if len(set(seen)) < len(seen):
        raise ValueError(
            f"parts show a subject twice ({', '.join(sorted(seen))}), so which windows belong together is unknown. "
            "Draw all windows of a subject in one call."
        )
    offset, groups = 0, []
    for part in parts:
        groups.append(part.groups + offset)
        offset += int(part.groups.max(initial=-1)) + 1
    rows = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _PER_ROW}
    rows["groups"] = np.concatenate(groups)
    return replace(
        parts[0],
        **rows,
        patient=" + ".join(p.patient for p in parts),
        notes=tuple(dict.fromkeys(note for p in parts for note in p.notes)),
    )


def _wanted(fraction_or_count: float, n: int) -> int:
    whole = isinstance(fraction_or_count, int | np.integer)
    wanted = int(fraction_or_count) if whole else round(float(fraction_or_count) * n)
    if not 0 < wanted < n or not (whole or 0.0 < fraction_or_count < 1.0):
        raise ValueError(
            f"fraction_or_count must be a share in (0, 1) or a whole number from 1 to {n - 1}, got "
            f"{fraction_or_count}."
        )
    return wanted
