"""Patients from files: brain, white matter, intensities, masks, voxels of other sizes, and every refusal."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import synthmix_jax as smx
from synthmix_jax.loaders import find_patients, read_lesions, read_patient


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_white_matter_is_one(write_patient, volumes, brain, suffix):
    patient = read_patient(write_patient(suffix=suffix))
    assert (patient.name, patient.subject, patient.notes) == ("anna", "anna", ())
    assert (patient.modalities, patient.voxel_size) == (("FLAIR", "T1", "T2"), (1.0, 1.0, 1.0))
    assert (patient.images.dtype, patient.num_lesions) == (np.float32, 3)
    np.testing.assert_array_equal(patient.affine, np.eye(4))
    np.testing.assert_array_equal(patient.brain, brain)
    np.testing.assert_array_equal(patient.lesions, volumes["lesions"] == 1)
    # The prior, by sorting: the largest 40 % of T1 in the brain.
    inside = np.sort(volumes["T1"][brain])
    count = int(patient.white_matter.sum())
    assert abs(count - 0.4 * len(inside)) <= 1
    np.testing.assert_array_equal(np.sort(volumes["T1"][patient.white_matter]), inside[-count:])
    for i, modality in enumerate(patient.modalities):
        median = np.median(volumes[modality][patient.white_matter])
        np.testing.assert_allclose(patient.images[..., i], volumes[modality] / median, rtol=1e-6)


def test_units_of_the_scanner_do_not_matter(write_patient, volumes):
    one = read_patient(write_patient("one"))
    other = read_patient(write_patient("other", FLAIR=8 * volumes["FLAIR"], T2=volumes["T2"] / 4))
    np.testing.assert_array_equal(one.images, other.images)  # powers of two: exact


def test_lesion_labels_touch_no_image(write_patient, volumes, rng):
    folder = write_patient("one")
    for how in ("white matter", "z-score"):
        one = read_patient(folder, normalize=how)
        for labels in (
            np.zeros_like(volumes["lesions"]),
            rng.integers(0, 2, volumes["lesions"].shape, np.uint8),
        ):
            other = read_patient(write_patient("other", lesions=labels * one.brain), normalize=how)
            for name in ("images", "brain", "white_matter"):
                np.testing.assert_array_equal(getattr(other, name), getattr(one, name))


def test_other_normalisations(write_patient, volumes, brain):
    folder = write_patient()
    inside = read_patient(folder, normalize="z-score").images[brain]
    np.testing.assert_allclose(inside.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(inside.std(0), 1, atol=1e-5)
    raw = read_patient(folder, normalize="none", modalities=("T2", "FLAIR"))
    np.testing.assert_array_equal(raw.images, np.stack([volumes["T2"], volumes["FLAIR"]], -1))
    with pytest.raises(
        ValueError, match="normalize must be one of 'white matter', 'z-score', 'none'"
    ):
        read_patient(folder, normalize="minmax")


def test_without_t1_the_prior_is_the_middle_of_flair(write_patient, volumes, brain):
    patient = read_patient(write_patient(T1=None), modalities=("T2", "FLAIR"))
    low, high = np.quantile(volumes["FLAIR"][brain], (0.2, 0.6))
    middle = brain & (volumes["FLAIR"] >= low) & (volumes["FLAIR"] <= high)
    np.testing.assert_array_equal(patient.white_matter, middle)
    assert patient.notes == (
        "T1 was not read: the white-matter prior is the middle (20 % to 60 % quantile) of FLAIR",
    )


def test_what_is_not_asked_for_is_not_opened(write_patient):
    folder = write_patient()
    (folder / "T2.nii.gz").write_bytes(b"nothing that could be opened")
    patient = read_patient(folder, modalities=("FLAIR", "T1"))
    assert patient.images.shape == (24, 28, 20, 2)
    (folder / "FLAIR.nii.gz").unlink()
    (folder / "T1.nii.gz").write_bytes(b"nothing")
    assert read_lesions(folder).sum() == patient.lesions.sum()


def test_arrays_cannot_be_written_to(write_patient):
    patient = read_patient(write_patient())
    for name in ("images", "lesions", "brain", "white_matter"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(patient, name)[0, 0, 0] = 1


def test_the_brain_is_one_part_without_holes(write_patient, volumes, brain):
    flair, t2 = volumes["FLAIR"].copy(), volumes["T2"].copy()
    flair[11, 14, 10] = 0  # a hole inside
    flair[0, 0, :3] = 9  # a speck outside, in all modalities
    t2[0, 0, :3] = volumes["T1"][0, 0, :3] = 9
    t2[0, 27, 0] = 9  # nonzero in one modality only
    patient = read_patient(write_patient(FLAIR=flair, T2=t2, T1=volumes["T1"]))
    np.testing.assert_array_equal(patient.brain, brain)
    assert (patient.images[~brain] == 0).all()


def test_a_brain_mask_is_used(write_patient, volumes, brain):
    head = {m: np.where(brain, volumes[m], 50).astype(np.float32) for m in ("FLAIR", "T1", "T2")}
    with pytest.raises(
        ValueError, match=r"100% of the voxels .* more than a brain.*skull-stripped.*brain_mask"
    ):
        read_patient(write_patient("skull", **head))
    patient = read_patient(write_patient("masked", brain_mask=brain.astype(np.uint8), **head))
    np.testing.assert_array_equal(patient.images, read_patient(write_patient("stripped")).images)
    with pytest.raises(ValueError, match="the brain mask is empty"):
        read_patient(write_patient("empty", brain_mask=np.zeros(brain.shape, np.uint8)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"T2": None}, r"anna has no T2: looked in .*found FLAIR \(FLAIR.nii.gz\), T1"),
        ({"lesions": None}, "anna has no lesion mask: .*mask of zeros.*need_lesions=False"),
        (
            {"FLAIR": np.zeros((24, 28, 20), np.float32)},
            "the brain is empty: no voxel is nonzero in all of FLAIR, T1",
        ),
        (
            {"T2": np.ones((24, 28, 21), np.float32)},
            "T2 has 24 x 28 x 21 voxels and FLAIR 24 x 28 x 20",
        ),
        ({"lesions": np.ones((24, 28, 21), np.uint8)}, "lesions has 24 x 28 x 21 voxels"),
    ],
)
def test_what_does_not_fit_is_refused(write_patient, changes, message):
    with pytest.raises(ValueError, match=message):
        read_patient(write_patient(**changes))


def test_intensities_that_cannot_be_normalised(write_patient, volumes, brain):
    flat = np.where(brain, 7, 0).astype(np.float32)
    with pytest.raises(ValueError, match=r"T2 of anna is constant inside the brain \(7\)"):
        read_patient(write_patient(T2=flat), normalize="z-score")
    with pytest.raises(ValueError, match=r"white matter's median of FLAIR of anna is -\d.*z-score"):
        read_patient(write_patient(FLAIR=-volumes["FLAIR"], T2=volumes["T2"]))


@pytest.mark.parametrize("modalities", [(), ("T1", "T1")])
def test_modalities_are_named_once(write_patient, modalities):
    with pytest.raises(ValueError, match="at least one and none twice"):
        read_patient(write_patient(), modalities=modalities)


def test_masks_of_other_kinds(write_patient, volumes):
    mask = volumes["lesions"]
    patient = read_patient(write_patient(lesions=mask * np.uint8(255)))
    assert patient.notes == ("lesions.nii.gz holds 255 where 1 is usual",)
    np.testing.assert_array_equal(patient.lesions, mask == 1)
    labels = np.where(patient.brain, 2, 0).astype(np.uint8) + mask
    folder = write_patient(lesions=labels)
    with pytest.raises(
        ValueError, match=r"not a mask of one kind: it holds the labels 0, 2, 3.*lesion_label="
    ) as raised:
        read_patient(folder)
    assert str(folder / "lesions.nii.gz") in str(raised.value)
    chosen = read_patient(folder, lesion_label=3)
    np.testing.assert_array_equal(chosen.lesions, mask == 1)
    np.testing.assert_array_equal(read_lesions(folder, lesion_label=3), mask == 1)
    assert chosen.notes == ("lesions are the label 3 of lesions.nii.gz",)
    with pytest.raises(ValueError, match=r"lesion_label is 5, but .*holds the labels 0, 2, 3"):
        read_patient(folder, lesion_label=5)
    with pytest.raises(
        ValueError, match=r"is no mask: it holds 0, 0.1, 0.2.*\.\.\. \(11 values\).*> threshold"
    ):
        read_patient(
            write_patient(
                lesions=np.linspace(0, 1, 11, dtype=np.float32)[
                    volumes["lesions"].cumsum() % 11
                ].reshape(mask.shape)
            )
        )
    with pytest.raises(ValueError, match="holds the labels -1, 0"):
        read_patient(write_patient(lesions=-mask.astype(np.int16)))


def test_a_patient_without_lesions_is_allowed(write_patient, volumes):
    patient = read_patient(write_patient(lesions=np.zeros_like(volumes["lesions"])))
    assert (patient.num_lesions, patient.lesions.any()) == (0, False)
    assert patient.notes == ("no lesions: the mask is empty",)
    unknown = read_patient(write_patient("bert", lesions=None), need_lesions=False)
    assert unknown.notes == ("no lesion mask: lesions are unknown, not absent",)


def test_masks_must_overlap_the_brain(write_patient, volumes, brain):
    mask = volumes["lesions"].copy()
    mask[0, 0, :5] = 1
    total = int(mask.sum())
    assert read_patient(write_patient(lesions=mask)).notes == (
        f"5 of {total} lesion voxels lie outside the brain",
    )
    turned = np.zeros_like(mask)
    turned[:3, :3] = 1
    with pytest.raises(
        ValueError, match=r"180 of 180 lesion voxels lie outside the brain.*one is turned"
    ):
        read_patient(write_patient(lesions=turned))


def test_files_named_by_hand(write_patient, volumes):
    folder = write_patient()
    (found,) = find_patients(folder)
    named = smx.loaders.PatientFiles(
        name="x", folder=folder, images={"mine": found.images["FLAIR"]}, lesions=found.lesions
    )
    patient = read_patient(named, modalities="mine")
    assert (patient.name, patient.subject, patient.modalities) == ("x", "x", ("mine",))
    np.testing.assert_array_equal(read_lesions(named), read_lesions(folder / "lesions.nii.gz"))
    with pytest.raises(FileNotFoundError, match=r"there is no file .*gone\.nii"):
        read_patient(dataclasses.replace(named, lesions=folder / "gone.nii"), modalities="mine")
    with pytest.raises(ValueError, match="x has no lesion mask"):
        read_lesions(dataclasses.replace(named, lesions=None))


def test_a_patient_as_an_anatomy(write_patient):
    folder = write_patient()
    patient = read_patient(folder)
    anatomy = patient.anatomy(("T1", "FLAIR"))
    assert (anatomy.name, anatomy.modalities) == ("anna", ("T1", "FLAIR"))
    np.testing.assert_array_equal(anatomy.images, patient.images[..., [1, 0]])
    assert patient.anatomy().images.shape == patient.images.shape
    with pytest.raises(
        ValueError, match=r"anna was read without PD: it has FLAIR, T1, T2. Read it with"
    ):
        patient.anatomy(("PD",))
    with pytest.raises(
        ValueError, match="read with normalize='z-score', and lesions are painted in units"
    ):
        read_patient(folder, normalize="z-score").anatomy()


ROTATED = np.eye(4)
ROTATED[:3, :3] = Rotation.from_euler("xyz", (4, -7, 10), degrees=True).as_matrix()


@pytest.mark.parametrize(
    ("affine", "message"),
    [
        (np.diag((1, 1, 3, 1)), "voxels of 1 x 1 x 3 mm; cubes of 1 mm"),
        (np.diag((0.5, 0.5, 0.5, 1)), "voxels of 0.5 x 0.5 x 0.5 mm"),
        (ROTATED, r"voxels of 1 x 1 x 1 mm, turned by 12\.\d degrees.*on_other_voxels='resample'"),
    ],
)
def test_other_voxels_are_refused(write_patient, affine, message):
    folder = write_patient(affine=affine)
    with pytest.raises(ValueError, match=message):
        read_patient(folder)
    with pytest.raises(ValueError, match=message):
        read_lesions(folder)
    with pytest.raises(ValueError, match="on_other_voxels must be one of 'refuse', 'resample'"):
        read_patient(folder, on_other_voxels="keep")


@pytest.mark.parametrize("edges", [(2.0, 1.0, 1.5), (1.0, 1.0, 1.0)])
def test_resampling_is_exact_for_what_is_linear_in_space(write_patient, brain, edges):
    affine = ROTATED @ np.diag((*edges, 1.0))
    affine[:3, 3] = (-20, 3, 8)

    def field(at, voxels):
        places = np.stack(np.indices(voxels), -1) @ at[:3, :3].T + at[:3, 3]
        return 300 + places @ (1.0, -2.0, 3.0)

    flair = np.where(brain, field(affine, brain.shape), 0).astype(np.float32)
    folder = write_patient(affine=affine, FLAIR=flair, T1=None, T2=None)
    patient = read_patient(folder, modalities="FLAIR", normalize="none", on_other_voxels="resample")
    expected = field(patient.affine, patient.brain.shape)
    # Deep inside, where all eight neighbours are brain; at the rim, one to three of them are missing.
    deep = _eroded(patient.brain, 3)
    assert deep.sum() > 100
    np.testing.assert_allclose(patient.images[deep, 0], expected[deep], rtol=1e-5)
    np.testing.assert_allclose(
        patient.images[patient.brain, 0], expected[patient.brain], atol=6 * max(edges)
    )
    assert (patient.images[~patient.brain] == 0).all()
    assert patient.voxel_size == (1.0, 1.0, 1.0)
    volume = np.prod(edges)
    assert abs(patient.brain.sum() / (brain.sum() * volume) - 1) < 0.02
    (note,) = [note for note in patient.notes if "resampled" in note]
    assert (
        f"to 1 mm from voxels of {edges[0]:g} x {edges[1]:g} x {edges[2]:g} mm, turned by 12"
        in note
    )
    np.testing.assert_array_equal(read_lesions(folder, on_other_voxels="resample"), patient.lesions)


def test_resampled_masks_take_the_nearest_voxel(write_patient, volumes):
    affine = np.diag((3.0, 3.0, 1.0, 1.0))
    mask = read_lesions(write_patient(affine=affine), on_other_voxels="resample")
    assert mask.shape == (70, 82, 20)
    x, y = (np.round(np.arange(n) / 3).astype(int) for n in mask.shape[:2])  # thirds: no ties
    np.testing.assert_array_equal(mask, volumes["lesions"][x][:, y] == 1)


def test_a_head_is_told_by_its_volume(write_patient):
    folder = write_patient(affine=np.diag((12.0, 12.0, 12.0, 1.0)))
    with pytest.raises(
        ValueError, match=r"\(5\.\d litres\) are nonzero in FLAIR: more than a brain"
    ):
        read_patient(folder, modalities="FLAIR", on_other_voxels="resample")


def _eroded(mask, times):
    for _ in range(times):
        for axis in range(3):
            mask = mask & np.roll(mask, 1, axis) & np.roll(mask, -1, axis)
    return mask
