"""What is measured in lesions is what a made-up brain was given."""

import lesion_phantom as made_up
import numpy as np
import pytest

from synthmix_jax.generators import Lesions
from synthmix_jax.generators._lesion_facts import KNOTS

CONTRASTS = np.array([lesion[2:] for lesion in made_up.LESIONS])


def facts_of(*anatomies, **options):
    return Lesions.fit(anatomies, library=made_up.library(), size=15, **options).facts


def test_contrast_and_profile_are_recovered():
    facts = facts_of(made_up.phantom())
    # Every part in a slice counts once.
    parts = [len(areas(made_up.phantom(lesions=[one]).lesions)) for one in made_up.LESIONS]
    # Local white matter is read from two voxels off a lesion, where a twentieth of its contrast is left.
    given = np.average(CONTRASTS, axis=0, weights=parts)
    np.testing.assert_allclose(facts.contrast, given, rtol=0.01)
    given = np.interp(KNOTS, made_up.KNOTS, made_up.PROFILE)
    held = np.isin(KNOTS, made_up.KNOTS) | (KNOTS > 2)
    np.testing.assert_allclose(
        np.asarray(facts.profile)[held], given[held, None] * [1, 1], atol=3e-3
    )
    np.testing.assert_allclose(facts.texture, 0.0, atol=3e-3)
    np.testing.assert_allclose(facts.tissue, 0.0, atol=3e-3)


def test_spread_is_that_between_lesions():
    """T1 and FLAIR were given opposite contrasts, and both vary with the lesion's number, not its noise."""
    facts = facts_of(made_up.phantom(noise=0.02))
    spread = np.asarray(facts.spread @ facts.spread.T)
    # What the regression on area does not explain, and what it does, together.
    area = np.log(areas(made_up.phantom().lesions))
    total = spread + np.outer(facts.slope, facts.slope) * np.var(area)
    assert total[0, 1] < 0.0
    np.testing.assert_allclose(np.sqrt(np.diag(total)), [0.07, 0.07], rtol=0.35)


def areas(mask):
    from synthmix_jax.generators._lesion_shapes import parts

    return [part.sum() for _, part, _ in parts(mask, 8)]


def test_texture_of_lesions_beyond_that_of_tissue(rng):
    plain = made_up.phantom(noise=0.02)
    rough = plain.images + 0.1 * rng.normal(size=plain.images.shape) * plain.lesions[..., None]
    images = rough.astype(np.float32)
    facts = facts_of(type(plain)(images, *masks(plain), plain.modalities, plain.name))
    np.testing.assert_allclose(np.diag(facts.texture @ facts.texture.T), 0.1**2, rtol=0.25)
    assert facts.grain < 0.5  # white


def masks(anatomy):
    return anatomy.lesions, anatomy.brain, anatomy.white_matter


def test_lesions_that_lie_together_are_counted():
    near = [((14, 24, 8), 2.5, -0.2, 0.4), ((14, 30, 8), 2.5, -0.2, 0.4)]
    far = ((34, 30, 8), 2.5, -0.2, 0.4)
    facts = facts_of(made_up.phantom(lesions=[*near, far]))
    np.testing.assert_allclose(facts.together, [1 / 3, 2 / 3], atol=1e-6)


def test_several_patients_are_pooled():
    first = made_up.phantom("a", lesions=made_up.LESIONS[:1])
    second = made_up.phantom("b", lesions=made_up.LESIONS[2:3])
    alone = [facts_of(p).contrast for p in (first, second)]
    both = np.asarray(facts_of(first, second).contrast)
    assert (np.minimum(*alone) < both).all()
    assert (both < np.maximum(*alone)).all()


def test_contrast_may_be_given():
    healthy = made_up.phantom(lesions=[])
    with pytest.raises(
        ValueError, match=r"no lesion of at least 8 pixels.*contrast=\{'T1': 1.4, 'FLAIR'"
    ):
        facts_of(healthy)
    facts = facts_of(healthy, contrast={"FLAIR": 1.4, "T1": 0.8})
    np.testing.assert_allclose(facts.contrast, [-0.2, 0.4], atol=1e-6)
    np.testing.assert_allclose(facts.together, [1.0])
    known = facts_of(made_up.phantom(), contrast={"FLAIR": 1.4, "T1": 0.8})
    np.testing.assert_allclose(known.contrast, [-0.2, 0.4], atol=1e-6)
    np.testing.assert_array_equal(known.profile, facts_of(made_up.phantom()).profile)
    for wrong in ({"FLAIR": 1.4}, {"FLAIR": 1.4, "T1": -1.0}, {"FLAIR": np.nan, "T1": 1.0}):
        with pytest.raises(
            ValueError, match="contrast must give the ratio of lesion to white matter"
        ):
            facts_of(healthy, contrast=wrong)
