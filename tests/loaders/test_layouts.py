"""Where a patient's files lie: the three layouts, what is ambiguous, what is not there. No file is opened."""

import dataclasses

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.loaders import PatientFiles, find_patients


@pytest.fixture
def touch(tmp_path):
    """A function that makes empty files: finding them must not open them."""

    def touch(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return touch


def roles(files):
    """What was found, by the ends of the paths."""
    found = {**files.images, "lesions": files.lesions, "brain": files.brain}
    return {role: str(path.relative_to(files.folder)) for role, path in found.items() if path}


def test_open_ms(touch):
    images = [f"patient07/{role}.nii.gz" for role in ("FLAIR", "T1", "T2", "lesions")]
    root = touch(*images, "patient01/lesions.nii.gz", "LICENSE.txt", ".cache/FLAIR.nii")
    masked, whole = find_patients(root)
    assert (masked.name, whole.name, whole.subject) == ("patient01", "patient07", "patient07")
    assert roles(masked) == {"lesions": "lesions.nii.gz"}
    assert roles(whole) == {role: f"{role}.nii.gz" for role in ("FLAIR", "T1", "T2", "lesions")}
    assert find_patients(root / "patient07") == (whole,)


def test_bids_with_sessions_and_derivatives(touch):
    root = touch(
        "sub-01/anat/sub-01_FLAIR.nii.gz",
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/anat/sub-01_ce-gadolinium_T1w.nii.gz",
        "sub-01/anat/sub-01_T2w.nii.gz",
        "sub-01/func/sub-01_task-rest_bold.nii.gz",
        "sub-02/ses-a/anat/sub-02_ses-a_FLAIR.nii",
        "sub-02/ses-b/anat/sub-02_ses-b_FLAIR.nii",
        "derivatives/raters/sub-01/anat/sub-01_label-lesion_mask.nii.gz",
        "derivatives/fmriprep/sub-01/anat/sub-01_dseg.nii.gz",
        "derivatives/fmriprep/sub-01/anat/sub-01_label-GM_probseg.nii.gz",
        "derivatives/fmriprep/sub-01/anat/sub-01_desc-brain_mask.nii.gz",
        "derivatives/fmriprep/sub-01/anat/sub-01_desc-preproc_T1w.nii.gz",
        "derivatives/deep/er/sub-02/ses-b/anat/sub-02_ses-b_dseg.nii",
    )
    first, a, b = find_patients(root)
    assert [(f.name, f.subject) for f in (first, a, b)] == [
        ("sub-01", "sub-01"),
        ("sub-02_ses-a", "sub-02"),
        ("sub-02_ses-b", "sub-02"),
    ]
    assert {m: path.name for m, path in first.images.items()} == {
        "FLAIR": "sub-01_FLAIR.nii.gz",
        "T1": "sub-01_T1w.nii.gz",
        "T2": "sub-01_T2w.nii.gz",
    }
    assert first.lesions.name == "sub-01_label-lesion_mask.nii.gz"
    assert first.brain.name == "sub-01_desc-brain_mask.nii.gz"
    assert (a.lesions, b.lesions.name) == (None, "sub-02_ses-b_dseg.nii")
    assert find_patients(root / "sub-01") == find_patients(root / "sub-01/anat") == (first,)
    assert find_patients(root / "sub-02") == (a, b)
    assert find_patients(root / "sub-02/ses-b") == (b,)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["Anna_Flair_n4.NII", "anna_t1.nii", "anna_t2.nii", "anna_lesion_mask.nii"],
            {
                "FLAIR": "Anna_Flair_n4.NII",
                "T1": "anna_t1.nii",
                "T2": "anna_t2.nii",
                "lesions": "anna_lesion_mask.nii",
            },
        ),
        (["T2_FLAIR.nii", "T2.nii"], {"FLAIR": "T2_FLAIR.nii", "T2": "T2.nii"}),
        (
            ["3DFLAIR.nii", "FLAIR_lesions.nii"],
            {"FLAIR": "3DFLAIR.nii", "lesions": "FLAIR_lesions.nii"},
        ),
        (["T1.nii", "T1_ce.nii", "T1gd.nii", "t1_n4.nii.json"], {"T1": "T1.nii"}),
        (["FLAIR.nii", "T1w_ce.nii", "T1gd.nii"], {"FLAIR": "FLAIR.nii"}),
        (["mprage_t1mpr.nii", "t2star.nii"], {"T1": "mprage_t1mpr.nii"}),
        (
            ["flair_brain.nii", "brain_mask.nii", "gt.nii"],
            {"FLAIR": "flair_brain.nii", "brain": "brain_mask.nii", "lesions": "gt.nii"},
        ),
        (
            ["raw/flair.nii", "masks/lesion.nii"],
            {"FLAIR": "raw/flair.nii", "lesions": "masks/lesion.nii"},
        ),
    ],
)
def test_folders_of_ones_own(touch, names, expected):
    (found,) = find_patients(touch(*(f"study/anna/{name}" for name in names)) / "study")
    assert found.name == "anna"
    assert roles(found) == expected


@pytest.mark.parametrize(
    ("names", "role"),
    [
        (["a_FLAIR.nii", "b_FLAIR.nii"], "FLAIR"),
        (["FLAIR.nii", "a_lesions.nii", "b_lesions.nii.gz"], "the lesion mask"),
        (["FLAIR.nii", "a_seg.nii", "gt.nii"], "the lesion mask"),
        (["FLAIR.nii", "brain_mask.nii", "brainmask.nii"], "the brain mask"),
    ],
)
def test_two_files_for_one_role_are_listed(touch, names, role):
    root = touch(*(f"anna/{name}" for name in names))
    with pytest.raises(
        ValueError, match=rf"2 files of anna could be {role}: .*PatientFiles\("
    ) as raised:
        find_patients(root)
    assert all(str(root / "anna" / name) in str(raised.value) for name in names[-2:])


def test_nothing_to_find_says_what_is_understood(touch):
    root = touch("anna/notes.txt", "other/bold.nii.gz")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        find_patients(root / "nobody")
    with pytest.raises(
        FileNotFoundError, match=r"holds no patient \(no .nii.*Understood are.*BIDS"
    ):
        find_patients(root / "anna")
    with pytest.raises(FileNotFoundError, match=r"holds no patient \(only bold.nii.gz\)"):
        find_patients(root)


def test_several_patients_are_not_one(write_patient):
    folder = write_patient("anna")
    write_patient("bert")
    with pytest.raises(
        ValueError, match=r"holds 2 patients or sessions \(anna, bert\); read them one by one"
    ):
        smx.loaders.read_patient(folder.parent)


def test_leave_one_patient_out_keeps_sessions_together(tmp_path):
    files = [
        PatientFiles(name=name, folder=tmp_path, subject=subject)
        for name, subject in [("s1_a", "s1"), ("s2", ""), ("s1_b", "s1"), ("s3", "s3")]
    ]
    folds = smx.loaders.leave_one_patient_out(files)
    assert [fold.subject for fold in folds] == ["s1", "s2", "s3"]
    for fold in folds:
        assert sorted(f.name for f in (*fold.training, *fold.test)) == ["s1_a", "s1_b", "s2", "s3"]
        assert not {f.subject for f in fold.training} & {f.subject for f in fold.test}
    assert [f.name for f in folds[0].test] == ["s1_a", "s1_b"]
    with pytest.raises(ValueError, match="at least two subjects, got s1"):
        smx.loaders.leave_one_patient_out([files[0], files[2]])
    with pytest.raises(ValueError, match="hold s2 twice"):
        smx.loaders.leave_one_patient_out([files[1], dataclasses.replace(files[1])])


def test_nothing_of_one_patient_reaches_another(write_patient, volumes, rng):
    """Garbage in every voxel of B, and then files that are none, change no bit of what is made of A."""

    def made_of_a():
        files, _ = find_patients(folder.parent)
        a = smx.loaders.read_patient(files)
        patches = smx.loaders.lesion_patches(a, size=7, min_area=2, key=jax.random.key(0))
        crops = smx.loaders.lesion_crops(a, size=8, count=9, key=jax.random.key(1))
        arrays = (a.images, a.lesions, a.brain, a.white_matter, a.slices().x)
        return [
            *arrays,
            *(getattr(p, n) for p in (patches, crops) for n in ("x", "y", "centres", "groups")),
        ]

    folder = write_patient("a")
    write_patient("b")
    before = made_of_a()
    garbage = {m: (1e4 * rng.normal(size=v.shape)).astype(np.float32) for m, v in volumes.items()}
    garbage["lesions"] = (garbage["lesions"] > 0).astype(np.uint8)
    other = write_patient("b", **garbage)
    for again in (
        made_of_a(),
        [path.write_bytes(b"garbage") for path in other.iterdir()] and made_of_a(),
    ):
        for left, right in zip(before, again, strict=True):
            np.testing.assert_array_equal(left, right)
