"""Painting, as pure functions of arrays: one patch at a time, mapped over patches.

With local white matter L, tissue I, a soft mask s of each lesion and modality, contrast a and texture T,

    painted = (1 - s) I + s (L (1 + a + T) + k (I - L)),

where k = 1 keeps the tissue's own texture. Where k = 1 and T = 0 this is I + s a L.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from ._lesion_facts import KNOTS, LesionFacts
from ._lesion_places import BRAIN, LESION, Tissue
from ._lesion_shapes import SCALES, Shapes, distance

CONTRAST_STEP = (
    0.6  # what the dial adds to the contrast of the first modality, in units of white matter
)
NOISE_STEP = 0.2  # standard deviation of the noise at the dial's end, in units of white matter
_BLOCK = 256


def patches(
    tissue: Tissue,
    shapes: Shapes,
    facts: LesionFacts,
    dials: Float[jax.Array, " 6"],
    labels: jax.Array,
    key: jax.Array,
    size: int,
    most: int,
) -> tuple[jax.Array, jax.Array]:
    """Patches (m, size, size, c) and what is painted in them (m, size, size); see `Lesions.sample`."""

    def one(given):
        label, number = given
        return _patch(
            tissue, shapes, facts, dials, label, jax.random.fold_in(key, number), size, most
        )

    numbers = jnp.arange(labels.shape[0])
    return jax.lax.map(one, (labels, numbers), batch_size=min(_BLOCK, max(1, labels.shape[0])))


def _patch(tissue, shapes, facts, dials, label, key, size, most) -> tuple[jax.Array, jax.Array]:
    contrast, edge, shape, texture, noise, placement = dials
    keys = jax.random.split(key, 5)
    centre, level = _place(tissue, label, placement, keys[0])
    start = (centre[0], centre[1] - size // 2, centre[2] - size // 2)
    cut = lambda array: jax.lax.dynamic_slice(
        array, (*start, 0)[: array.ndim], (1, size, size, array.shape[-1])[: array.ndim]
    )[0]
    own, marks, prior = cut(tissue.slices), cut(tissue.marks), cut(tissue.prior)
    brain = (marks & BRAIN) > 0

    count = 1 + jax.random.categorical(keys[1], jnp.log(facts.together[:most]))

    def add(carry, number):
        soft, total, sharp = carry
        once = jax.random.split(jax.random.fold_in(keys[2], number), 3)
        where = _where(prior, number, placement, size, once[0])
        inside, area = _outline(shapes, where, shape, size, once[1])
        mask = _soft(inside, edge, facts.profile) * brain[..., None]
        mask = mask * (number < count) * (label == 1)
        height = _contrast(facts, area, contrast, once[2])
        shown = (inside > 0) & brain & (number < count) & (label == 1)
        return (
            jnp.maximum(soft, mask),
            total + mask * height,
            sharp | shown,
        ), mask

    zero = jnp.zeros_like(own)
    (soft, total, sharp), masks = jax.lax.scan(
        add, (zero, zero, jnp.zeros(own.shape[:2], bool)), jnp.arange(most)
    )
    height = total / jnp.maximum(masks.sum(axis=0), 1e-9)  # of lesions that overlap: their mean
    grain = _texture(facts, size, keys[3])
    kept = 1.0 - texture
    new = (1.0 - soft) * own + soft * (level * (1.0 + height + kept * grain) + kept * (own - level))
    new = jnp.where(soft > 0.0, new, own)
    disturbed = new + NOISE_STEP * noise * level * jax.random.normal(keys[4], own.shape)
    new = jnp.where(noise > 0.0, disturbed, new)
    return new, (sharp | ((marks & LESION) > 0)).astype(jnp.int32)


def _place(tissue: Tissue, label, placement, key) -> tuple[jax.Array, jax.Array]:
    """A centre, and local white matter there."""
    which, along = jax.random.uniform(key, (2,))
    # Painted: by the prior, or anywhere; unpainted: by the prior, and half of them local maxima.
    law = jnp.where(label == 1, jnp.where(which < placement, 1, 0), jnp.where(which < 0.5, 2, 0))
    cumulative = tissue.cumulative[law]
    row = jnp.searchsorted(cumulative, along, side="right")
    row = jnp.minimum(row, cumulative.shape[0] - 1)
    return tissue.centres[row], tissue.levels[row]


def _where(prior, number, placement, size, key) -> jax.Array:
    """Middle of a lesion in the patch: the first near the centre, others by the prior (or anywhere)."""
    first, other, free = jax.random.split(key, 3)
    near = size // 2 + jax.random.randint(first, (2,), -1, 2).astype(jnp.float32)
    weights = prior.astype(jnp.float32)
    weights = (1.0 - placement) * weights / jnp.maximum(weights.sum(), 1e-9)
    weights = weights + placement / size**2 + 1e-12
    row = jax.random.categorical(other, jnp.log(weights).ravel())
    far = jnp.stack(jnp.divmod(row, size)).astype(jnp.float32)
    return jnp.where(number == 0, near, far)


def _outline(shapes: Shapes, where, simpler, size, key) -> tuple[jax.Array, jax.Array]:
    """Signed distance (size, size) to the outline of a random shape, turned, mirrored and scaled; its area."""
    keys = jax.random.split(key, 4)
    row = jax.random.randint(keys[0], (), 0, shapes.distances.shape[0])
    angle = jax.random.uniform(keys[1], (), maxval=2.0 * jnp.pi)
    low, high = jnp.log(SCALES[0]), jnp.log(SCALES[1])
    scale = jnp.exp(jax.random.uniform(keys[2], (), minval=low, maxval=high))
    mirror = jnp.where(jax.random.bernoulli(keys[3]), 1.0, -1.0)
    y, x = jnp.meshgrid(jnp.arange(size) - where[0], jnp.arange(size) - where[1], indexing="ij")
    turned = jnp.cos(angle) * y - jnp.sin(angle) * x, jnp.sin(angle) * y + jnp.cos(angle) * x
    window, outline = shapes.distances[row], shapes.outlines[row]
    found = distance(window, outline, turned[0] / scale, mirror * turned[1] / scale, simpler)
    return scale * found, outline[0] * scale**2


def _soft(inside, edge, profile) -> jax.Array:
    """Share of the contrast at each pixel (size, size, c): the measured profile, narrowed by the dial."""
    steep = inside / jnp.maximum(1.0 - edge, 1e-3)
    knots = jnp.asarray(KNOTS, jnp.float32)
    return jax.vmap(lambda p: jnp.interp(steep, knots, p), in_axes=1, out_axes=-1)(profile)


def _contrast(facts: LesionFacts, area, dial, key) -> jax.Array:
    """c - 1 of one lesion (c,): regression on its size, spread between lesions, and the dial."""
    z = jnp.clip(jax.random.normal(key, facts.contrast.shape), -2.5, 2.5)
    drawn = facts.contrast + facts.slope * (jnp.log(area) - facts.log_area) + facts.spread @ z
    first = facts.contrast[0]
    return drawn + CONTRAST_STEP * dial * facts.contrast / jnp.where(
        first == 0.0, 1.0, jnp.abs(first)
    )


def _texture(facts: LesionFacts, size: int, key) -> jax.Array:
    """Correlated noise (size, size, c) that lesions have beyond that of tissue."""
    z = jax.random.normal(key, (size, size, facts.contrast.shape[0]))
    gap = jnp.arange(size)[:, None] - jnp.arange(size)[None]
    blur = jnp.exp(-0.5 * (gap / facts.grain) ** 2)
    blur = blur / jnp.sqrt(jnp.sum(blur**2, axis=1, keepdims=True))  # the variance stays 1
    smooth = jnp.einsum("ij,jkc,lk->ilc", blur, z, blur)
    return smooth @ facts.texture.T
