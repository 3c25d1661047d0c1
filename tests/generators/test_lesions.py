"""Patches with painted lesions: what is painted, where, and what is left as it was."""

import dataclasses

import jax
import lesion_phantom as made_up
import numpy as np
import pytest
from scipy import ndimage

import synthmix_jax as smx
from synthmix_jax import generators
from synthmix_jax.generators import Anatomy, LesionDials, Lesions, Shifted

KEY, SIZE, COUNT = jax.random.key(3), 15, 64
LABELS = np.arange(COUNT) % 2
PAINTED = LABELS == 1
ZERO = LesionDials()
DIALS = [field.name for field in dataclasses.fields(LesionDials)]
T1, FLAIR = 0, 1


@pytest.fixture(scope="module")
def patient():
    return made_up.phantom(noise=0.02)


@pytest.fixture(scope="module")
def lesions(patient):
    return Lesions.fit(patient, library=made_up.library(), size=SIZE)


def drawn(generator, dials=ZERO, labels=LABELS, key=KEY):
    x, maps = generator.dialled(dials).sample_with_maps(labels, key=key)
    return np.asarray(x), np.asarray(maps)


@pytest.fixture(scope="module")
def at_zero(lesions):
    return drawn(lesions)


@pytest.fixture(scope="module")
def bare(lesions):
    """The same patches before anything is painted: a profile of zero paints nothing."""
    facts = dataclasses.replace(lesions.facts, profile=0.0 * lesions.facts.profile)
    return drawn(dataclasses.replace(lesions, facts=facts))[0]


def windows(anatomy, size=SIZE):
    """All patches of an anatomy by their bytes, with their middles; they may reach beyond the volume."""
    pad = [(size, size), (size, size), (0, 0), (0, 0)]
    images, found = np.pad(anatomy.images, pad), {}
    for x, y, z in np.argwhere(anatomy.brain):
        low = np.array([x, y]) + size - size // 2
        cut = images[low[0] : low[0] + size, low[1] : low[1] + size, z]
        found[np.ascontiguousarray(cut).tobytes()] = (x, y, z)
    return found


def middles(x, anatomy):
    """The voxels that untouched patches are centred on; fails for one that is no patch of the anatomy."""
    known = windows(anatomy, x.shape[1])
    return np.array([known[np.ascontiguousarray(patch).tobytes()] for patch in x])


def test_patches_of_label_0_are_tissue_as_it_is(lesions, patient, at_zero):
    x, maps = at_zero
    assert x.shape == (COUNT, SIZE, SIZE, 2)
    assert x.dtype == np.float32
    assert maps.shape == (COUNT, SIZE, SIZE)
    assert maps.dtype == np.int32
    places = middles(x[~PAINTED], patient)
    away = ndimage.distance_transform_edt(~patient.lesions)[tuple(places.T)]
    assert away.min() > 4.0
    # Maps hold the patient's own lesions where some show.
    pad = np.pad(patient.lesions, [(SIZE, SIZE), (SIZE, SIZE), (0, 0)])
    for (row, column, z), own in zip(places, maps[~PAINTED], strict=True):
        low = np.array([row, column]) + SIZE - SIZE // 2
        np.testing.assert_array_equal(own, pad[low[0] : low[0] + SIZE, low[1] : low[1] + SIZE, z])
    assert 0 < maps[~PAINTED].sum() < maps[~PAINTED].size / 2


def test_half_of_label_0_are_local_maxima_of_flair(lesions, patient):
    flair = patient.images[..., FLAIR]
    peaks = flair == ndimage.maximum_filter(flair, (5, 5, 1))
    found = drawn(lesions, labels=np.zeros(COUNT, int))[0]
    share = peaks[tuple(middles(found, patient).T)].mean()
    assert 0.3 < share < 0.75  # of 64: half, and few by chance


def test_painting_stays_around_the_outline(bare, at_zero, patient):
    x, maps = at_zero
    np.testing.assert_array_equal(x[~PAINTED], bare[~PAINTED])
    middles(bare, patient)  # each of them is a patch of the patient
    changed = (x != bare).any(axis=3)
    for own, change in zip(maps[PAINTED] > 0, changed[PAINTED], strict=True):
        assert change.any()
        # The profile ends three pixels outside of an outline, which runs between pixels.
        assert ndimage.distance_transform_edt(~own)[change].max() <= 4.0


def test_maps_are_where_brightness_is(lesions, bare):
    """With hard edges and no texture the painted pixels are those of the map, and so bright as was measured."""
    x, maps = drawn(lesions, LesionDials(edge=1.0, texture=1.0))
    ours = (maps > 0) & PAINTED[:, None, None] & ~own_lesions(bare)
    np.testing.assert_array_equal((x != bare).any(axis=3), (x != bare).all(axis=3))
    changed = (x != bare).any(axis=3)
    assert (changed <= (maps > 0)).all()
    assert changed[ours].all()
    contrasts = x[changed] - 1.0  # tissue is 1
    assert (contrasts[:, FLAIR] > 0.1).all()
    assert (contrasts[:, T1] < 0.1).all()
    np.testing.assert_allclose(contrasts.mean(axis=0), lesions.facts.contrast, atol=0.06)
    middle = ours[PAINTED][:, SIZE // 2 - 1 : SIZE // 2 + 2, SIZE // 2 - 1 : SIZE // 2 + 2]
    assert middle.any(axis=(1, 2)).all()  # the first lesion is in the middle


def own_lesions(bare):
    """Pixels of the phantom's own lesions: nothing else is so bright before painting."""
    return bare[..., FLAIR] > 1.1


def test_without_texture_painting_is_blurred_mask_times_contrast_times_white_matter(lesions, bare):
    """I + s a L, the formula of the documentation, where tissue is level and the lesion adds no texture."""
    none = {name: 0.0 * getattr(lesions.facts, name) for name in ("texture", "spread", "slope")}
    wide = lesions.facts.tissue + 9.0  # the lesion hides nothing
    facts = dataclasses.replace(lesions.facts, **none, tissue=wide)
    x = drawn(dataclasses.replace(lesions, facts=facts))[0]
    share = (x - bare)[PAINTED] / np.asarray(facts.contrast)  # L is 1
    # The phantom gave both modalities one profile.
    np.testing.assert_allclose(share[..., T1], share[..., FLAIR], atol=0.05)
    assert share.max() == pytest.approx(1.0, abs=0.02)
    assert share.min() == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("name", DIALS)
def test_dials_begin_at_zero(lesions, at_zero, name):
    """A dial that is hardly turned hardly changes anything, and at zero nothing."""
    x, maps = drawn(lesions, LesionDials(**{name: 1e-6}))
    np.testing.assert_allclose(x, at_zero[0], atol=1e-4)
    np.testing.assert_array_equal(maps, at_zero[1])


def test_dials_grow(lesions, patient, at_zero, bare):
    """Each dial's own discrepancy grows along it, by the amount that is documented."""
    dials = (0.0, 0.25, 0.5, 0.75, 1.0)
    along = lambda name: [drawn(lesions, LesionDials(**{name: dial})) for dial in dials]
    deep = ndimage.minimum_filter(at_zero[1] * PAINTED[:, None, None], (1, 3, 3)) > 0
    deep &= ~own_lesions(bare)

    flair = [x[deep][:, FLAIR].mean() for x, _ in along("contrast")]
    np.testing.assert_allclose(np.diff(flair), 0.15, atol=0.02)
    t1 = [x[deep][:, T1].mean() for x, _ in along("contrast")]
    ratio = float(lesions.facts.contrast[T1] / lesions.facts.contrast[FLAIR])
    np.testing.assert_allclose(np.diff(t1), 0.15 * ratio, atol=0.02)

    edges = along("edge")
    halfway = lambda x: (np.abs(x - bare)[..., FLAIR] > 0.01).sum()
    numbers = [halfway(x) for x, _ in edges]
    assert (np.diff(numbers[:4]) < 0).all()
    assert numbers[4] <= numbers[3]  # narrower than a pixel: nothing is left to narrow
    assert all((maps == at_zero[1]).all() for _, maps in edges)

    overlap = [
        (m & at_zero[1])[PAINTED].sum() / (m | at_zero[1])[PAINTED].sum() for _, m in along("shape")
    ]
    assert (np.diff(overlap) < 0).all()

    rough = [
        np.std(np.diff(x[..., FLAIR], axis=1)[(deep[:, 1:] & deep[:, :-1])])
        for x, _ in along("texture")
    ]
    assert (np.diff(rough) < 0).all()
    assert rough[-1] < 0.6 * rough[0]  # what is left is the profile

    noise = [(x - at_zero[0]).std() for x, _ in along("noise")]
    np.testing.assert_allclose(noise, 0.2 * np.array(dials), rtol=0.03, atol=1e-6)

    many = np.ones(COUNT, int)
    flat = dataclasses.replace(lesions.facts, profile=0.0 * lesions.facts.profile)
    nothing = dataclasses.replace(lesions, facts=flat)
    white = []
    for dial in dials:
        places = middles(drawn(nothing, LesionDials(placement=dial), many)[0], patient)
        white.append(patient.white_matter[tuple(places.T)].mean())
    assert white[0] == 1.0
    assert (np.diff(white) <= 0).all()
    assert white[-1] < 0.8


def test_one_dial_for_all():
    assert LesionDials.together(0.25) == LesionDials(
        contrast=0.25, edge=0.25, shape=0.25, texture=0.25
    )
    for name in DIALS:
        for wrong in (-0.1, 1.1, float("nan")):
            with pytest.raises(ValueError, match=rf"{name} is a dial in \[0, 1\], got"):
                LesionDials(**{name: wrong})


def test_a_patch_depends_on_its_own_label_and_place_alone(lesions, at_zero):
    few, maps = drawn(lesions, labels=LABELS[:20])
    np.testing.assert_allclose(few, at_zero[0][:20], atol=1e-6)
    np.testing.assert_array_equal(maps, at_zero[1][:20])
    other = LABELS.copy()
    other[0] = 1
    np.testing.assert_array_equal(drawn(lesions, labels=other)[0][1:], at_zero[0][1:])


def test_crops_are_free_of_real_lesions_and_hold_lesions_off_the_middle(patient, lesions):
    # The phantom's lesions lie apart: one a patch, unless another number is asked for.
    assert lesions.facts.together.shape == (1,)
    crops = Lesions.fit(
        patient, library=made_up.library(), size=16, like="crops", lesions_per_sample=3
    )
    x, maps = drawn(crops)
    places = middles(x[~PAINTED], patient)
    assert maps[~PAINTED].sum() == 0
    assert (x[~PAINTED][..., FLAIR] < 1.12).all()
    assert patient.white_matter[tuple(places.T)].mean() < 0.9  # anywhere in the brain
    found = [ndimage.label(m)[1] for m in maps[PAINTED]]
    assert min(found) >= 1
    assert 1.2 < np.mean(found) <= 3.0  # three, many of which touch
    rows = np.concatenate([np.argwhere(m)[:, 0] for m in maps[PAINTED]])
    assert (np.bincount(rows, minlength=16) > 0).all()


def test_away_from_given_patches(lesions, patient):
    everything = middles(drawn(lesions, labels=np.zeros(COUNT, int))[0], patient)
    kept = lesions.away_from(everything[:1], slices=1)
    places = middles(drawn(kept, labels=np.zeros(COUNT, int))[0], patient)
    apart = np.abs(places - everything[0])
    near = lambda apart: (apart[:, :2] < SIZE).all(axis=1) & (apart[:, 2] <= 1)
    assert not near(apart).any()
    assert near(np.abs(everything - everything[0])).sum() > 2
    with pytest.raises(ValueError, match=r"patient must be one of \('phantom',\), got 'other'"):
        lesions.away_from(everything[:1], patient="other")
    with pytest.raises(ValueError, match="no place is left"):
        lesions.away_from(np.argwhere(patient.brain)[::40], slices=20)


def test_other_patients_change_nothing(lesions, patient, at_zero):
    """Images of nobody but the training patient take part, and each fit is its own."""
    Lesions.fit(made_up.phantom("other", noise=5.0, seed=1), library=made_up.library(), size=SIZE)
    again = Lesions.fit(patient, library=made_up.library(), size=SIZE)
    np.testing.assert_array_equal(drawn(again)[0], at_zero[0])
    both = Lesions.fit(
        [patient, made_up.phantom("other", gain=3.0)], library=made_up.library(), size=SIZE
    )
    assert both.patients == ("phantom", "other")
    # Each patient is drawn from as often as the other, and in its own slices.
    weights = np.diff(both.tissue.cumulative, axis=1, prepend=0.0)
    second = np.asarray(both.tissue.voxels)[:, 0] == 1
    np.testing.assert_allclose(weights[:, second].sum(axis=1), 0.5, atol=1e-5)
    z, y, x = np.asarray(both.tissue.places)[second].T
    drawn_from = np.asarray(both.tissue.slices)[z, y, x]
    voxels = tuple(np.asarray(both.tissue.voxels)[second][:, 1:].T)
    np.testing.assert_allclose(drawn_from, 3.0 * made_up.phantom().images[voxels], rtol=1e-6)


def test_it_has_seen_the_training_patient(lesions, patient):
    def patches(anatomy):
        places = np.argwhere(anatomy.brain)[::97]
        known = {place: cut for cut, place in windows(anatomy).items()}
        cut = [np.frombuffer(known[tuple(p)], np.float32) for p in places if tuple(p) in known]
        x = np.stack(cut).reshape(-1, SIZE, SIZE, 2)
        return smx.Dataset(x, np.zeros(len(x), int), num_classes=2)

    assert lesions.seen.share_of(patches(patient)) == 1.0
    assert lesions.seen.share_of(patches(made_up.phantom(noise=0.02, seed=5))) == 0.0
    assert lesions.seen.class_counts == (
        (patient.brain & ~patient.lesions).sum(),
        patient.lesions.sum(),
    )


def test_dials_of_shifted_go_on_top(lesions, at_zero):
    shifted = Shifted(lesions, offset=0.5, label_noise=0.0)
    np.testing.assert_allclose(shifted.sample(LABELS, key=KEY), at_zero[0] + 0.5, atol=1e-6)
    assert shifted.seen == lesions.seen
    assert generators.draw(lesions, COUNT, key=KEY).num_classes == 2


def test_what_cannot_be_fitted_is_refused(patient):
    library = made_up.library()
    fit = lambda anatomies=patient, library=library, **rest: Lesions.fit(
        anatomies, library=library, **rest
    )
    other = dataclasses.replace(patient, modalities=("FLAIR", "T1"))
    full = dataclasses.replace(patient, lesions=patient.brain)
    refused = [
        (lambda: fit([]), "anatomies is empty"),
        (
            lambda: fit([patient, other]),
            "anatomies have the modalities .*'T1', 'FLAIR'.*and.*'FLAIR', 'T1'",
        ),
        (lambda: fit(library=[]), "library holds no lesions: .*read_lesions"),
        (lambda: fit(library=[np.zeros((9, 9, 9), bool)]), "library holds no lesions"),
        (
            lambda: fit(library=[library[0].astype(int)]),
            "boolean masks .* of int64; give mask > 0.5",
        ),
        (lambda: fit(library=[library[0][0]]), r"boolean masks \(x, y, z\), got shape \(56, 18\)"),
        (lambda: fit(size=4), "size must be a whole number of at least 5, got 4"),
        (lambda: fit(size=49), r"size is 49, and slices of phantom have \(48, 56\) pixels"),
        (lambda: fit(full), "no lesion-free tissue to cut patches of 25 pixels from"),
        (lambda: fit(full, like="crops"), "no lesion-free tissue to cut crops of 25 pixels"),
        (lambda: fit(like="slices"), "like must be one of 'patches', 'crops', got 'slices'"),
        (
            lambda: fit(lesions_per_sample=0),
            "lesions_per_sample must be a whole number of at least 1",
        ),
    ]
    for call, message in refused:
        with pytest.raises(ValueError, match=message):
            call()


def test_grids_that_differ_are_noted(patient):
    small = made_up.library()[0][:40]
    mixed = Lesions.fit(patient, library=[small, made_up.library()[1]], size=SIZE)
    assert "1 of 2 masks of the library have another grid" in mixed.notes[0]
    healthy = made_up.phantom("healthy", lesions=[])
    both = Lesions.fit([patient, healthy], library=made_up.library(), size=SIZE)
    assert both.notes == ("healthy has no lesions.",)


def test_anatomies_are_checked(patient):
    change = lambda **fields: dataclasses.replace(patient, **fields)
    nowhere = np.zeros(patient.brain.shape, bool)
    outside = nowhere.copy()
    outside[0, 0] = True
    holes = patient.images.copy()
    holes[3, 4, 5, 1] = np.nan
    refused = [
        (
            {"images": patient.images[..., 0]},
            r"must be \(x, y, z, modalities\).*image\[..., None\]",
        ),
        (
            {"lesions": patient.lesions[:40]},
            r"lesions of phantom has shape \(40, 56, 18\) and images \(48",
        ),
        ({"brain": patient.brain.astype(float)}, "brain must be a boolean mask, got dtype float64"),
        ({"modalities": ("FLAIR",)}, "name the 2 channels of images, each once"),
        ({"modalities": ("T1", "T1")}, "name the 2 channels of images, each once"),
        ({"images": holes}, r"1 non-finite values .* index \(3, 4, 5, 1\)"),
        ({"white_matter": nowhere}, "white_matter of phantom is empty"),
        ({"lesions": outside}, "no lesion of phantom lies in its brain"),
    ]
    for fields, message in refused:
        with pytest.raises(ValueError, match=message):
            change(**fields)
    assert isinstance(change(lesions=nowhere), Anatomy)
