"""Lesions painted into lesion-free brain tissue, with dials of how unlike real ones they are."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int, Shaped

from synthmix_jax import _checks
from synthmix_jax._typing import Array, Key

from . import _given
from ._anatomy import Anatomy, Volume
from ._lesion_facts import LesionFacts, measured
from ._lesion_paint import patches
from ._lesion_places import CROPS, PATCHES, Tissue
from ._lesion_shapes import Shapes
from ._seen import Seen

_SMALLEST = {PATCHES: 8, CROPS: 4}  # pixels of a part in a slice


@dataclass(frozen=True)
class LesionDials:
    """How unlike real lesions the painted ones are: each dial lies in [0, 1], and 0 is as real as can be.

    Attributes:
        contrast: Contrast is too strong: at 1 by 0.6 of white matter in FLAIR (or the first modality), and in the
            others in proportion to their mean contrast.
        edge: Edges are too sharp: the measured profile is narrowed by this share, to a step at 1.
        shape: Outlines are too simple: real ones at 0, the ellipse of the same moments at 1/2, a square of the same
            area along the patch's axes at 1; in between, signed distances are interpolated.
        texture: Lesions are too smooth: this share of all texture inside is missing.
        noise: White noise is added to all of the patch, painted or not: 0.2 of white matter at 1.
        placement: Lesions lie in wrong places: this share of them anywhere in the brain.
    """

    contrast: float | int = 0.0
    edge: float | int = 0.0
    shape: float | int = 0.0
    texture: float | int = 0.0
    noise: float | int = 0.0
    placement: float | int = 0.0

    def __post_init__(self):
        """Check that each lies in [0, 1]."""
        for f in fields(self):
            value = getattr(self, f.name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{f.name} is a dial in [0, 1], got {value!r}.")

    @classmethod
    def together(cls, dial: float | int) -> "LesionDials":
        """One dial for contrast, edge, shape and texture."""
        return cls(contrast=dial, edge=dial, shape=dial, texture=dial)


@dataclass(frozen=True, eq=False)
class Lesions:
    """Patches of the training patients' brains: with painted lesions (label 1), or as they are (label 0).

    It keeps the training patients' images, in memory and in files: do not hand it on where these may not be.

    Attributes:
        tissue: Tissue of the training patients, and where patches are cut.
        shapes: Outlines from the masks of other patients.
        facts: What lesions look like in the training patients.
        size: Pixels of a patch along each side.
        jitter: Pixels between the middle of a patch and that of its first lesion, at most.
        modalities: Names of the channels.
        patients: Names of the training patients.
        lesions_per_sample: How many lesions are painted in a patch; None: as many as in the training patients.
        dials: How unlike real lesions they are.
        seen: Record of the training patients' brains: their patches are recognised by the pixels in the middle.
        notes: What a reader of results should know.
    """

    tissue: Tissue = field(repr=False)
    shapes: Shapes = field(repr=False)
    facts: LesionFacts = field(repr=False)
    size: int
    jitter: int
    modalities: tuple[str, ...]
    patients: tuple[str, ...]
    lesions_per_sample: int | None
    dials: LesionDials
    seen: Seen
    notes: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """Two: 0 as it is, 1 painted."""
        return 2

    @classmethod
    def fit(
        cls,
        anatomies: Anatomy | Sequence[Anatomy],
        *,
        library: Sequence[Shaped[Array, "..."]],
        size: int = 25,
        like: str = PATCHES,
        lesions_per_sample: int | None = None,
        contrast: Mapping[str, float] | None = None,
        dials: LesionDials | None = None,
    ) -> "Lesions":
        """Measure the lesions of training patients, and collect outlines and places, on the host.

        Args:
            anatomies: Training patients; never one that results are evaluated on.
            library: Lesion masks (x, y, z) of other patients: their outlines, and where lesions are frequent if the
                grid is the training patients'.
            size: Pixels of a patch along each side, at least 5.
            like: What real samples the patches stand beside. "patches": those of `loaders.lesion_patches`, with
                the lesion in the middle, and label 0 hard negatives, half of them local maxima of FLAIR
                (or the first modality); middles are more than 4 voxels from real lesions. "crops": those of
                `loaders.lesion_crops`, with the lesion anywhere in the middle half, and label 0 anywhere in the
                brain; no real lesion shows in them.
            lesions_per_sample: Lesions painted in a patch of label 1; None draws the number from how many lie
                around lesions of the training patients.
            contrast: Ratio of lesion to white matter for each modality, to use instead of the measured one.
            dials: How unlike real lesions they are; as real as can be unless given.

        Raises:
            ValueError: no anatomy, or different modalities; a library without lesions, or that holds no masks; a
                size out of range; no lesions to measure and no contrast; or no lesion-free tissue.
        """
        anatomies = tuple(anatomies) if isinstance(anatomies, Sequence) else (anatomies,)
        size = _given.whole("size", size, 5)
        _check_anatomies(anatomies, size)
        masks = _masks(library)
        _checks.one_of("like", like, (PATCHES, CROPS))
        if lesions_per_sample is not None:
            lesions_per_sample = _given.whole("lesions_per_sample", lesions_per_sample, 1)
        jitter, smallest = size // 4 if like == CROPS else 1, _SMALLEST[like]
        modalities = tuple(anatomies[0].modalities)
        volumes = [Volume.of(anatomy, size // 2 + 1) for anatomy in anatomies]
        return cls(
            tissue=Tissue.of(volumes, masks, size=size, like=like, jitter=jitter),
            shapes=Shapes.of(masks, size=size, smallest=smallest),
            facts=measured(volumes, modalities, contrast, size=size, smallest=smallest),
            size=size,
            jitter=jitter,
            modalities=modalities,
            patients=tuple(anatomy.name for anatomy in anatomies),
            lesions_per_sample=lesions_per_sample,
            dials=dials or LesionDials(),
            seen=_seen(volumes, size),
            notes=_notes(volumes, masks),
        )

    def dialled(self, dials: LesionDials) -> "Lesions":
        """The same generator with other dials; with the same key the same patches, dialled otherwise."""
        return dataclasses.replace(self, dials=dials)

    def away_from(
        self, centres: Int[Array, "k 3"], *, patient: str | None = None, slices: int = 3
    ) -> "Lesions":
        """The same generator, whose patches do not overlap given ones, such as those held out for validation.

        Args:
            centres: Voxels that patches of the generator's size are centred on (k, 3).
            patient: Name of the training patient they lie in; may be left out where there is one.
            slices: Patches up to this many slices away count as overlapping.

        Raises:
            ValueError: a patient that was not fitted on, or no place is left.
        """
        if patient is None and len(self.patients) == 1:
            patient = self.patients[0]
        if patient not in self.patients:
            raise ValueError(f"patient must be one of {self.patients}, got {patient!r}.")
        voxels, gone = np.asarray(self.tissue.voxels), np.zeros(len(self.tissue.voxels), bool)
        own = voxels[:, 0] == self.patients.index(patient)
        for centre in np.asarray(centres):
            apart = np.abs(voxels[:, 1:] - centre)
            gone |= own & (apart[:, :2] < self.size).all(axis=1) & (apart[:, 2] <= slices)
        return dataclasses.replace(self, tissue=self.tissue.without(gone))

    def sample(self, labels: Shaped[Array, "m ..."], *, key: Key) -> jax.Array:
        """Draw one patch a label.

        Args:
            labels: 1 for a patch with painted lesions, 0 for one as it is (m,).
            key: PRNG key. Patch i depends on i and its label: further labels do not change it.

        Returns:
            Patches (m, size, size, c) in float32, in the units of the anatomies' images.

        Raises:
            ValueError: labels other than 0 and 1 (checked outside `jit`).
        """
        return self.sample_with_maps(labels, key=key)[0]

    def sample_with_maps(
        self, labels: Shaped[Array, "m ..."], *, key: Key
    ) -> tuple[jax.Array, jax.Array]:
        """Draw one patch a label, with its label map.

        Args:
            labels: 1 for a patch with painted lesions, 0 for one as it is (m,).
            key: PRNG key.

        Returns:
            Patches (m, size, size, c) as of `sample`; and maps (m, size, size) in int32, 1 inside the outlines of
            painted lesions, where a rater's mask would be, and on real lesions of the training patient that show.

        Raises:
            ValueError: labels other than 0 and 1 (checked outside `jit`).
        """
        _given.labels(labels, 2)
        facts = self.facts
        if (number := self.lesions_per_sample) is not None:
            facts = dataclasses.replace(facts, together=jnp.eye(number)[number - 1])
        dials = jnp.asarray(dataclasses.astuple(self.dials), jnp.float32)
        labels = jnp.asarray(labels, jnp.int32)
        if not labels.shape[0]:
            nothing = jnp.zeros((0, self.size, self.size), jnp.int32)
            return jnp.zeros((*nothing.shape, len(self.modalities)), jnp.float32), nothing
        bright = self.modalities.index("FLAIR") if "FLAIR" in self.modalities else 0
        static = {"size": self.size, "jitter": self.jitter, "bright": bright}
        return _patches(self.tissue, self.shapes, facts, dials, labels, key, **static)


_patches = jax.jit(patches, static_argnames=("size", "jitter", "bright"))


def _masks(library: Sequence[Array]) -> list[np.ndarray]:
    masks = [np.asarray(mask) for mask in library]
    for mask in masks:
        if mask.ndim != 3 or mask.dtype != bool:
            raise ValueError(
                f"library must hold boolean masks (x, y, z), got shape {mask.shape} of {mask.dtype}; "
                "give mask > 0.5."
            )
    if not any(mask.any() for mask in masks):
        raise ValueError(
            "library holds no lesions: outlines come from lesion masks of patients other than those evaluated; "
            "give some, such as [smx.loaders.read_lesions(folder) for folder in folders]."
        )
    return masks


def _check_anatomies(anatomies: tuple[Anatomy, ...], size: int) -> None:
    if not anatomies:
        raise ValueError("anatomies is empty; give at least one training patient.")
    for anatomy in anatomies:
        if not isinstance(anatomy, Anatomy):
            raise ValueError(
                f"anatomies must be generators.Anatomy, got {type(anatomy).__name__}; of a loaders.Patient give "
                'patient.anatomy(("FLAIR",)).'
            )
        if tuple(anatomy.modalities) != tuple(anatomies[0].modalities):
            raise ValueError(
                f"anatomies have the modalities {anatomies[0].modalities} and {anatomy.modalities}; give all of "
                "them the same, in the same order."
            )
        if size > min(anatomy.brain.shape[:2]):
            raise ValueError(
                f"size is {size}, and slices of {anatomy.name} have {anatomy.brain.shape[:2]} pixels; give a "
                "smaller one."
            )


def _notes(volumes: list[Volume], masks: list[np.ndarray]) -> tuple[str, ...]:
    notes = [f"{v.name} has no lesions." for v in volumes if not v.lesions.any()]
    grids = {volume.grid for volume in volumes}
    if other := sum({mask.shape} != grids for mask in masks):
        notes.append(
            f"{other} of {len(masks)} masks of the library have another grid than a training patient: they give "
            "outlines, and say nothing there about where lesions are frequent."
        )
    return tuple(notes)


def _seen(volumes: list[Volume], size: int) -> Seen:
    """Patches around every voxel of the brains, class 1 around those of lesions."""
    labels = [np.where(v.brain, v.lesions.astype(np.int8), np.int8(-1)) for v in volumes]
    return Seen.of_patches([volume.images for volume in volumes], labels, size)


jax.tree_util.register_dataclass(
    Lesions,
    data_fields=["tissue", "shapes", "facts"],
    meta_fields=[
        "size", "jitter", "modalities", "patients", "lesions_per_sample", "dials", "seen", "notes",
    ],
)  # fmt: skip
