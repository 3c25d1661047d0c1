"""`Patches`: windows of patients, with where they were cut, what belongs together, and splits that keep it so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Key
from synthmix_jax.dataset import Dataset

CLASS_NAMES = ("no lesion", "lesion")
_PER_ROW = ("x", "y", "centres", "groups", "subjects")
_AXES = ("x", "y", "z")


@dataclass(frozen=True, eq=False)
class Patches:
    """Square windows of slices, one row a window. `p[rows]` takes rows by slice, numbers or mask.

    Attributes:
        x: (n, size, size, c), normalised intensities; rows and columns run along the two axes of the slice, in the
            order x, y, z; 0 outside the brain and beyond the volume.
        y: (n,) labels, 1 for a lesion; or label maps (n, size, size) of 0 and 1. int32.
        centres: (n, 3), the voxel each window is centred on.
        groups: (n,), windows that belong together share a number: those of one lesion in space, those whose centres
            are near, and those that a chain of such windows joins. The sampler's arguments say what is near.
        subjects: (n,), whom each window shows.
        patient: Name of the patient, or of several, joined by " + ".
        modalities: Names of the channels.
        plane: "axial", "coronal" or "sagittal".
        size: Edge of a window in voxels.
        size_mm: Edge of a window in millimetres.
        notes: What a reader of results should know.
    """

    x: Float[np.ndarray, "n size size c"]
    y: Int[np.ndarray, "n ..."]
    centres: Int[np.ndarray, "n 3"]
    groups: Int[np.ndarray, " n"]
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
        if not isinstance(rows, slice):
            rows = np.atleast_1d(np.asarray(rows, dtype=np.int64 if np.size(rows) == 0 else None))
        return replace(self, **{name: getattr(self, name)[rows] for name in _PER_ROW})

    def __repr__(self) -> str:
        kind = f"{int((self.y == 1).sum())} on lesions" if self.y.ndim == 1 else "with label maps"
        return (
            f"Patches({len(self)} of {self.size} x {self.size} voxels ({self.size_mm:g} mm), {kind}, "
            f"{len(np.unique(self.groups))} groups; {self.plane} {', '.join(self.modalities)} of {self.patient})"
        )

    def split(self, fraction_or_count: float | int, *, key: Key) -> tuple["Patches", "Patches"]:
        """Split into whole groups at random: a lesion and its neighbours stay on one side.

        Args:
            fraction_or_count: Share of the rows in the first part, in (0, 1), or how many (a whole number).
            key: PRNG key.

        Returns:
            The part, as near to the size asked for as whole groups come, and the rest.

        Raises:
            ValueError: An impossible size, or groups so large that a part would be less than half of its size.
        """
        wanted = _wanted(fraction_or_count, len(self))
        rng = _numerics.host_generator(key)
        numbers, sizes = np.unique(self.groups, return_counts=True)
        chosen, total = [], 0
        for i in rng.permutation(len(numbers)):
            if total + sizes[i] < len(self) and abs(total + sizes[i] - wanted) < abs(
                total - wanted
            ):
                chosen.append(numbers[i])
                total += int(sizes[i])
        if total < wanted / 2 or len(self) - total < (len(self) - wanted) / 2:
            raise ValueError(
                f"{len(self)} windows in {len(numbers)} groups, the largest of {sizes.max()}, cannot be split into "
                f"{wanted} and the rest without parting a lesion from its neighbours. Split by patient, or by a "
                "plane with a gap: patches.apart('y')."
            )
        order = rng.permutation(len(self))
        first = np.isin(self.groups, chosen)[order]
        return self[order[first]], self[order[~first]]

    def apart(
        self, axis: str, *, fraction: float = 0.5, gap: float | int | None = None
    ) -> tuple["Patches", "Patches"]:
        """Split by a plane with a gap: windows nearer to it than half the gap are dropped.

        Windows of the two sides share no voxel, and their centres are at least the gap apart. One lesion in space
        that crosses the plane may be seen, at different places, from both sides.

        Args:
            axis: "x", "y" or "z": the plane stands across it.
            fraction: Share of the windows kept that should lie on the low side, in (0, 1).
            gap: Voxels; default `size`: with less, windows of the two sides could share voxels.

        Returns:
            The low side and the high side.

        Raises:
            ValueError: A bad argument, several patients, or no plane that leaves windows on both sides.
        """
        places = self.centres[:, _AXES.index(_checks.one_of("axis", axis, _AXES))]
        gap = float(self.size) if gap is None else _checks.positive_value("gap", gap)
        if not 0.0 < fraction < 1.0:
            raise ValueError(f"fraction must lie between 0 and 1, got {fraction}.")
        if len(np.unique(self.subjects)) > 1:
            raise ValueError(
                "apart splits the windows of one patient; with several, split by patient: "
                "patches[patches.subjects == name]."
            )
        planes = np.arange(places.min(initial=0), places.max(initial=0) + 1) + 0.5
        low = (places <= planes[:, None] - gap / 2).sum(1)
        high = (places >= planes[:, None] + gap / 2).sum(1)
        # The plane that keeps most, counted by the side that is shorter of its share.
        score = np.minimum(low / fraction, high / (1 - fraction))
        if score.max() <= 0:
            raise ValueError(
                f"no plane across {axis} has windows on both sides of a gap of {gap:g} voxels: they reach from "
                f"{places.min(initial=0)} to {places.max(initial=0)}. Take another axis."
            )
        plane = planes[score.argmax()]
        return self[places <= plane - gap / 2], self[places >= plane + gap / 2]

    @staticmethod
    def joined(parts: Sequence["Patches"]) -> "Patches":
        """Windows of several patients as one record; groups stay apart.

        Args:
            parts: The windows of each patient, alike in size, plane, modalities and kind of labels.

        Raises:
            ValueError: No part, a subject in two of them, or parts that differ in kind.
        """
        parts = tuple(parts)
        if not parts:
            raise ValueError("parts is empty; give the windows of at least one patient.")
        kinds = {f"{p.size} voxels, {p.plane}, {p.modalities}, y {p.y.shape[1:]}" for p in parts}
        if len(kinds) > 1:
            raise ValueError(
                f"parts differ in kind: {'; '.join(sorted(kinds))}. Draw all in one way."
            )
        seen = [str(subject) for part in parts for subject in np.unique(part.subjects)]
        twice = sorted({subject for subject in seen if seen.count(subject) > 1})
        if twice:
            raise ValueError(
                f"parts show {', '.join(twice)} twice, and which of their windows belong together is unknown. "
                "Draw all windows of a subject in one call, or keep its sessions apart."
            )
        # Numbered anew, part by part.
        starts = np.cumsum([0, *(int(part.groups.max(initial=-1)) + 1 for part in parts)])
        rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _PER_ROW}
        rows["groups"] = np.concatenate(
            [p.groups + np.int32(s) for p, s in zip(parts, starts, strict=False)]
        )
        return replace(
            parts[0],
            **rows,
            patient=" + ".join(part.patient for part in parts),
            notes=tuple(f"{part.patient}: {note}" for part in parts for note in part.notes),
        )


def _wanted(fraction_or_count: float | int, n: int) -> int:
    wanted = 0
    if isinstance(fraction_or_count, int | np.integer) and not isinstance(fraction_or_count, bool):
        wanted = int(fraction_or_count)
    elif 0.0 < fraction_or_count < 1.0:
        wanted = round(float(fraction_or_count) * n)
    if not 0 < wanted < n:
        raise ValueError(
            f"fraction_or_count must be a share in (0, 1) or a whole number from 1 to {n - 1}, so that "
            f"both parts have some of the {n} windows; got {fraction_or_count}."
        )
    return wanted
