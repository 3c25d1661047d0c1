"""Painting, as pure functions of arrays: one patch at a time, mapped over patches.

With local white matter L, tissue I, a soft mask s of each modality, contrast a = c - 1 and texture T,

    painted = (1 - s) I + s (L (1 + a + k T) + k [I - L]),

where [.] is cut to two standard deviations of healthy white matter, since a lesion hides the grey matter and fluid
that it covers, and k in [0, 1] is the share of texture that the dial leaves. In healthy white matter with k = 1 and
T = 0 this is I + s a L.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from ._lesion_facts import CUT, KNOTS, LesionFacts
from ._lesion_places import BRAIN, LESION, NEAR_WHITE, Tissue
from ._lesion_shapes import SCALES, Shapes, distance

CONTRAST_STEP = 0.6  # what the dial adds to the contrast of FLAIR, in units of white matter
NOISE_STEP = 0.2  # standard deviation of the noise at the dial's end, in units of white matter
_BLOCK = 256
_FIELDS = 5  # uniform numbers that a lesion takes


def patches(
    tissue: Tissue,
    shapes: Shapes,
    facts: LesionFacts,
    dials: Float[jax.Array, " 6"],
    labels: Int[jax.Array, " m"],
    key: jax.Array,
    size: int,
    jitter: int,
    bright: int,
) -> tuple[jax.Array, jax.Array]:
    """Patches (m, size, size, c) and label maps (m, size, size); see `Lesions.sample_with_maps`."""
    m = labels.shape[0]
    block = min(_BLOCK, m)
    # Whole blocks only: a remainder would be compiled apart.
    labels = jnp.pad(labels, (0, -m % block))
    numbers = jnp.arange(labels.shape[0])

    def one(given):
        label, number = given
        own = jax.random.fold_in(key, number)
        return _patch(tissue, shapes, facts, dials, label, own, size, jitter, bright)

    x, maps = jax.lax.map(one, (labels, numbers), batch_size=block)
    return x[:m], maps[:m]


def _patch(
    tissue, shapes, facts, dials, label, key, size, jitter, bright
) -> tuple[jax.Array, jax.Array]:
    """One patch and its map. All random numbers are drawn here, at once: each draw costs a compilation."""
    contrast, edge, shape, texture, noise, placement = dials
    c, most = facts.contrast.shape[0], facts.together.shape[0]
    first, second = jax.random.split(key)
    u = jax.random.uniform(first, (3 + most * _FIELDS,))
    z = jax.random.normal(second, (most * c + 2 * size * size * c,))
    spread, fields = z[: most * c].reshape(most, c), z[most * c :].reshape(2, size, size, c)
    own, marks, prior, level = _tissue(tissue, label, placement, u, size)
    brain = (marks & BRAIN) > 0
    # Lesions of white matter end where it ends, but not those that the dial puts anywhere.
    canvas = brain & (((marks & NEAR_WHITE) > 0) | (u[0] < placement))
    count = 1 + jnp.sum(jnp.cumsum(facts.together)[:-1] <= u[2])
    count = jnp.where(label == 1, count, 0)
    chances = _chances(prior, brain, placement, jitter)

    def add(carry, given):
        number, numbers, deviation = given
        soft, weight, total, sharp = carry
        where = _where(chances, jnp.minimum(number, 1), numbers[0], size)
        inside, area = _outline(shapes, where, shape, size, numbers[1:])
        there = canvas & (number < count)
        mask = _soft(inside, edge, facts.profile) * there[..., None]
        height = _contrast(facts, area, contrast, bright, deviation)
        sums = weight + mask, total + mask * height
        return (jnp.maximum(soft, mask), *sums, sharp | ((inside > 0) & there)), None

    zero = jnp.zeros_like(own)
    given = jnp.arange(most), u[3:].reshape(most, _FIELDS), spread
    start = zero, zero, zero, jnp.zeros(brain.shape, bool)
    (soft, weight, total, sharp), _ = jax.lax.scan(add, start, given)
    height = total / jnp.maximum(weight, 1e-9)  # where lesions overlap: their mean
    lesion = _lesion(own, level, height, 1.0 - texture, facts, fields[0])
    new = jnp.where(soft > 0.0, own + soft * (lesion - own), own)
    new = jnp.where(noise > 0.0, new + NOISE_STEP * noise * level * fields[1], new)
    return new, (sharp | ((marks & LESION) > 0)).astype(jnp.int32)


def _lesion(own, level, height, kept, facts: LesionFacts, z) -> jax.Array:
    """What the patch would show were all of it lesion."""
    limit = CUT * facts.tissue * level
    texture = jnp.clip(own - level, -limit, limit) + level * _texture(facts, z)
    return level * (1.0 + height) + kept * texture


def _tissue(tissue: Tissue, label, placement, u, size) -> tuple:
    """Patch, marks and prior around a centre drawn for the label, and local white matter there."""
    painted = jnp.where(u[0] < placement, 1, 0)
    law = jnp.where(label == 1, painted, jnp.where(u[0] < 0.5, 2, 3))
    cumulative = tissue.cumulative[law]
    row = jnp.searchsorted(cumulative, u[1], side="right")
    row = jnp.minimum(row, cumulative.shape[0] - 1)
    z, y, x = tissue.places[row]
    start = (z, y - size // 2, x - size // 2, jnp.zeros_like(z))

    def cut(array):
        shape = (1, size, size, *array.shape[3:])
        return jax.lax.dynamic_slice(array, start[: array.ndim], shape)[0]

    return cut(tissue.slices), cut(tissue.marks), cut(tissue.prior), tissue.levels[row]


def _chances(prior, brain, placement, jitter) -> jax.Array:
    """Cumulative chance of each pixel (2, size * size): of the lesion near the middle, and of further ones."""
    size = prior.shape[0]
    off = jnp.abs(jnp.arange(size) - size // 2) <= jitter
    near = (off[:, None] & off[None, :]).astype(jnp.float32)
    laws = (jnp.stack([near, jnp.ones_like(near)]) * (brain + 1e-6)).reshape(2, -1)
    chance = laws * prior.astype(jnp.float32).ravel()
    share = lambda x: x / jnp.maximum(x.sum(axis=1, keepdims=True), 1e-12)
    # The uniform law has the last word where the prior is zero all around.
    chance = (1.0 - placement) * share(chance) + (placement + 1e-6) * share(laws)
    total = jnp.cumsum(chance, axis=1)
    return total / total[:, -1:]


def _where(chances, law, u, size) -> jax.Array:
    """Middle of a lesion in the patch."""
    pixel = jnp.minimum(jnp.sum(chances[law] <= u), size * size - 1)
    return jnp.stack(jnp.divmod(pixel, size)).astype(jnp.float32)


def _outline(shapes: Shapes, where, simpler, size, u) -> tuple[jax.Array, jax.Array]:
    """Signed distance (size, size) to the outline of a random shape, turned, mirrored and scaled; its area."""
    count = shapes.distances.shape[0]
    row = jnp.minimum((u[0] * count).astype(jnp.int32), count - 1)
    angle, mirror = 2.0 * jnp.pi * u[1], jnp.where(u[2] < 0.5, 1.0, -1.0)
    scale = SCALES[0] * (SCALES[1] / SCALES[0]) ** u[3]
    y, x = jnp.arange(size)[:, None] - where[0], jnp.arange(size)[None, :] - where[1]
    rows = (jnp.cos(angle) * y - jnp.sin(angle) * x) / scale
    columns = mirror * (jnp.sin(angle) * y + jnp.cos(angle) * x) / scale
    # The square stands along the patch's axes, whichever way the shape is turned.
    outline = shapes.outlines[row]
    found = distance(shapes.distances[row], outline, rows, columns, (y / scale, x / scale), simpler)
    return scale * found, outline[0] * scale**2


def _soft(inside, edge, profile) -> jax.Array:
    """Share of the contrast at each pixel (size, size, c): the measured profile, narrowed by the dial."""
    # It was measured on masks of whole pixels: those next to the outline are half a pixel from it.
    whole = jnp.where(inside > 0.0, jnp.maximum(inside, 0.5), jnp.minimum(inside, -0.5))
    steep = whole / jnp.maximum(1.0 - edge, 1e-3)
    knots = jnp.asarray(KNOTS, jnp.float32)
    return jax.vmap(lambda p: jnp.interp(steep, knots, p), in_axes=1, out_axes=-1)(profile)


def _contrast(facts: LesionFacts, area, dial, bright, z) -> jax.Array:
    """c - 1 of one lesion (c,): regression on its size as far as measured, spread, and the dial."""
    mean = facts.contrast
    low, middle, high = facts.log_area
    drawn = mean + facts.slope * (jnp.clip(jnp.log(area), low, high) - middle)
    drawn = drawn + facts.spread @ jnp.clip(z, -2.5, 2.5)
    return drawn + CONTRAST_STEP * dial * mean / jnp.maximum(jnp.abs(mean[bright]), 1e-3)


def _texture(facts: LesionFacts, z) -> jax.Array:
    """Correlated noise (size, size, c) that lesions have beyond that of tissue."""
    size = z.shape[0]
    gap = jnp.arange(size)[:, None] - jnp.arange(size)[None]
    blur = jnp.exp(-0.5 * (gap / facts.grain) ** 2)
    blur = blur / jnp.sqrt(jnp.sum(blur**2, axis=1, keepdims=True))  # the variance stays 1
    smooth = jnp.einsum("ij,jkc,lk->ilc", blur, z, blur, precision="highest")
    return jnp.einsum("ijc,dc->ijd", smooth, facts.texture, precision="highest")
