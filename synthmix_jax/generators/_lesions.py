"""Lesions painted into lesion-free brain tissue, with dials of how unlike real ones they are."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Shaped

from synthmix_jax import _checks
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

from . import _given
from ._anatomy import Anatomy
from ._lesion_facts import LesionFacts, measured
from ._lesion_paint import patches
from ._lesion_places import Tissue, local_level
from ._lesion_shapes import Shapes
from ._seen import Seen


@dataclass(frozen=True)
class LesionDials:
    """How unlike real lesions the painted ones are; each dial lies in [0, 1] and 0 is as real as can be.

    Attributes:
        contrast: Contrast is too strong: in the first modality by 0.6 of white matter at 1, in the others in
            proportion to their mean contrast.
        edge: Edges are too sharp: the measured profile is narrowed by this share, to a step at 1.
        shape: Outlines are too simple: real at 0, the ellipse of the same moments at 1/2, a square of the same
            area along the patch's axes at 1, and between these on the straight line of signed distances.
        texture: Lesions are too smooth: this share of the texture is missing, and all of it at 1.
        noise: White noise is added to all of the patch, of 0.2 of white matter at 1; also where nothing is painted.
        placement: Lesions lie in the wrong places: this share of them anywhere in the brain.
    """

    contrast: float | int = 0.0
    edge: float | int = 0.0
    shape: float | int = 0.0
    texture: float | int = 0.0
    noise: float | int = 0.0
    placement: float | int = 0.0

    def __post_init__(self):
        """Check that each lies in [0, 1]."""
        for name in _DIALS:
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} is a dial in [0, 1], got {value!r}.")

    @classmethod
    def together(cls, dial: float | int) -> "LesionDials":
        """Contrast, edge, shape and texture turned together."""
        return cls(contrast=dial, edge=dial, shape=dial, texture=dial)


_DIALS = tuple(f.name for f in fields(LesionDials))


@dataclass(frozen=True, eq=False)
class Lesions:
    """Patches of brain tissue of the training patients: with painted lesions (label 1), and as they are (label 0).

    Attributes:
        tissue: Tissue of the training patients, and where patches are cut.
        shapes: Outlines from the masks of other patients.
        facts: What lesions look like in the training patients.
        size: Pixels of a patch along each side.
        modalities: Names of the channels.
        patients: Names of the training patients.
        lesions_per_sample: How many lesions are painted in a patch; None: as many as in the training patients.
        dials: How unlike real lesions they are.
        seen: Record of real patches of the training patients.
        notes: What a user should know about the fit.
    """

    tissue: Tissue = field(repr=False)
    shapes: Shapes = field(repr=False)
    facts: LesionFacts = field(repr=False)
    size: int
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
        library: Sequence[Bool[Array, "x y z"]],
        size: int = 25,
        clear: str = "centre",
        lesions_per_sample: int | None = None,
        contrast: Mapping[str, float] | None = None,
        dials: LesionDials | None = None,
    ) -> "Lesions":
        """Measure lesions in the training patients and collect shapes and places, on the host.

        Args:
            anatomies: Training patients, never those that are evaluated.
            library: Lesion masks of other patients, for shapes, and for likely places where the grid is the same.
            size: Pixels of a patch along each side, at least 5.
            clear: How far patches stay away from the training patients' own lesions: "centre" keeps the centre more
                than 4 voxels away, "crop" keeps all of the patch free of them.
            lesions_per_sample: Lesions painted in a patch of label 1; None draws the number from how many lie
                around lesions of the training patients.
            contrast: Ratio of lesion to white matter for each modality, where it is not to be measured.
            dials: How unlike real lesions they are; as real as can be unless given.

        Raises:
            ValueError: no anatomies or different modalities, an empty library, a size out of range, no lesions to
                measure and no contrast, or no lesion-free tissue.
        """
        anatomies = (anatomies,) if isinstance(anatomies, Anatomy) else tuple(anatomies)
        masks = _checked(anatomies, library)
        size = _given.whole("size", size, 5)
        _checks.one_of("clear", clear, ("centre", "crop"))
        if lesions_per_sample is not None:
            lesions_per_sample = _given.whole("lesions_per_sample", lesions_per_sample, 1)
        levels = [local_level(anatomy) for anatomy in anatomies]
        return cls(
            tissue=Tissue.of(anatomies, levels, masks, size, clear),
            shapes=Shapes.of(masks, size),
            facts=measured(anatomies, levels, contrast, size),
            size=size,
            modalities=tuple(anatomies[0].modalities),
            patients=tuple(anatomy.name for anatomy in anatomies),
            lesions_per_sample=lesions_per_sample,
            dials=dials or LesionDials(),
            seen=_seen(anatomies, size),
            notes=_notes(anatomies, masks),
        )

    def dialled(self, dials: LesionDials) -> "Lesions":
        """The same generator with other dials."""
        return dataclasses.replace(self, dials=dials)

    def sample(self, labels: Shaped[Array, " m"], *, key: Key) -> jax.Array:
        """Draw one patch a label.

        Args:
            labels: 1 for a patch with painted lesions, 0 for one as it is (m,).
            key: PRNG key. Patch i depends on its place and label alone: more labels do not change the first ones.

        Returns:
            Patches (m, size, size, c), in units of white matter.

        Raises:
            ValueError: labels other than 0 and 1 (checked outside `jit`).
        """
        return self.sample_with_maps(labels, key=key)[0]

    def sample_with_maps(
        self, labels: Shaped[Array, " m"], *, key: Key
    ) -> tuple[jax.Array, jax.Array]:
        """Draw one patch a label, and where its lesions are.

        Args:
            labels: 1 for a patch with painted lesions, 0 for one as it is (m,).
            key: PRNG key.

        Returns:
            Patches (m, size, size, c); and maps (m, size, size), 1 inside the outline of a painted lesion, as a
            rater's mask of it would be, and on the training patient's own lesions where some show.

        Raises:
            ValueError: labels other than 0 and 1 (checked outside `jit`).
        """
        _given.labels(labels, 2)
        dials = jnp.asarray([getattr(self.dials, name) for name in _DIALS], jnp.float32)
        facts, most = self.facts, self.facts.together.shape[0]
        if self.lesions_per_sample is not None:
            most = self.lesions_per_sample
            facts = dataclasses.replace(facts, together=jnp.eye(most)[most - 1])
        labels = jnp.asarray(labels, jnp.int32)
        return _patches(
            self.tissue, self.shapes, facts, dials, labels, key, size=self.size, most=most
        )


_patches = partial(jax.jit, static_argnames=("size", "most"))(patches)


def _checked(anatomies: tuple[Anatomy, ...], library: Sequence[Array]) -> list[np.ndarray]:
    if not anatomies:
        raise ValueError("anatomies is empty; give at least one training patient.")
    for other in anatomies[1:]:
        if tuple(other.modalities) != tuple(anatomies[0].modalities):
            raise ValueError(
                f"anatomies have different modalities, {anatomies[0].modalities} and {other.modalities}; read all "
                "patients with the same ones."
            )
    masks = [np.asarray(mask) for mask in library]
    if not any(mask.any() for mask in masks):
        raise ValueError(
            "library holds no lesion; give masks (x, y, z) of patients other than those evaluated, such as "
            "[smx.loaders.read_lesions(folder) for folder in folders]."
        )
    for mask in masks:
        if mask.ndim != 3 or mask.dtype != bool:
            raise ValueError(
                f"library must hold boolean masks (x, y, z), got shape {mask.shape}, dtype {mask.dtype}."
            )
    return masks


def _notes(anatomies: tuple[Anatomy, ...], masks: list[np.ndarray]) -> tuple[str, ...]:
    shapes = {anatomy.lesions.shape for anatomy in anatomies}
    other = sum({mask.shape} != shapes for mask in masks)
    if not other:
        return ()
    return (
        f"{other} of {len(masks)} library masks have another grid: they give shapes, but no likely places.",
    )


def _seen(anatomies: tuple[Anatomy, ...], size: int) -> Seen:
    images = np.concatenate([np.asarray(anatomy.images)[:1, :1, 0] for anatomy in anatomies])
    return Seen.of(Dataset(images, np.zeros(len(images), int), num_classes=2))


jax.tree_util.register_dataclass(
    Lesions,
    data_fields=["tissue", "shapes", "facts"],
    meta_fields=["size", "modalities", "patients", "lesions_per_sample", "dials", "seen", "notes"],
)
