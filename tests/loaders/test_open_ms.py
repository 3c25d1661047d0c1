"""The real patients: known facts, which a change of reading or sampling would break."""

import jax
import numpy as np
import pytest
from scipy import ndimage

import synthmix_jax as smx
from synthmix_jax.loaders import find_patients, lesion_crops, lesion_patches, read_patient

pytestmark = pytest.mark.data

# Lesion voxels, lesions in space, parts of at least 8 pixels in axial slices.
FACTS = {"patient07": (1300, 37, 56), "patient19": (49769, 98, 525), "patient26": (8227, 19, 139)}


@pytest.fixture(scope="module")
def patients(data_dir):
    """The three patients, FLAIR alone."""
    found = [files for files in find_patients(data_dir / "open_ms") if files.images]
    return {files.name: read_patient(files, modalities=("FLAIR",)) for files in found}


def test_thirty_patients_of_whom_three_have_images(data_dir):
    found = find_patients(data_dir / "open_ms")
    assert len(found) == 30
    assert all(files.lesions for files in found)
    imaged = {files.name: sorted(files.images) for files in found if files.images}
    assert imaged == {name: ["FLAIR", "T1", "T2"] for name in FACTS}


@pytest.mark.parametrize("name", FACTS)
def test_lesions(patients, name):
    patient = patients[name]
    voxels, lesions, parts = FACTS[name]
    assert patient.images.shape == (182, 218, 182, 1)
    assert (patient.lesions.sum(), patient.num_lesions) == (voxels, lesions)
    outside = [note for note in patient.notes if "outside" in note]
    assert outside == (
        ["3 of 49769 lesion voxels lie outside the brain"] if name == "patient19" else []
    )
    # FLAIR inside against a ring two and three voxels away: 1.30 to 1.39.
    box = tuple(
        slice(max(s.start - 4, 0), s.stop + 4) for s in ndimage.find_objects(patient.lesions * 1)[0]
    )
    mask, flair = patient.lesions[box], patient.images[(*box, 0)]
    away = ndimage.distance_transform_edt(~mask)
    ring = (away > 1.5) & (away < 3.5) & patient.brain[box]
    assert 1.25 < np.median(flair[mask]) / np.median(flair[ring]) < 1.45
    p = lesion_patches(patient, key=jax.random.key(0))
    assert p.y.tolist() == [1] * parts + [0] * parts
    assert 1.3 < np.median(p.x[p.y == 1, 12, 12]) < 1.5
    assert 0.9 < np.median(p.x[p.y == 0, 12, 12]) < 1.3
    # y runs to the front and z up: what lies lowest, the cerebellum, lies behind the rest.
    places = np.argwhere(patient.brain)
    low = places[:, 2] < np.quantile(places[:, 2], 0.1)
    assert places[low, 1].mean() < places[~low, 1].mean() - 5


def test_one_confluent_lesion_forbids_a_split_by_groups(patients):
    p = lesion_patches(patients["patient19"], key=jax.random.key(0))
    with pytest.raises(ValueError, match="cannot be split"):
        p.split(0.5, key=jax.random.key(1))
    low, high = p.apart("y")
    assert min(len(low), len(high)) > 300
    small = lesion_patches(patients["patient26"], key=jax.random.key(0))
    one, other = small.split(0.5, key=jax.random.key(1))
    assert min(len(one), len(other)) > 100


def test_whole_patients_and_crops(patients):
    patient = patients["patient26"]
    s = patient.slices()
    assert (len(s), *s.x.shape[1:]) == (121, 128, 168, 1)
    np.testing.assert_array_equal(s.volume(s.maps), patient.lesions)
    crops = lesion_crops(patient, key=jax.random.key(0), count=50)
    assert 0.5 <= crops.y.any((1, 2)).mean() < 1


def test_the_prior_of_white_matter_is_bright_in_t1(data_dir):
    patient = read_patient(data_dir / "open_ms/patient26")
    inside = patient.images[patient.brain]
    white = patient.images[patient.white_matter]
    np.testing.assert_allclose(np.median(white, 0), 1, rtol=1e-6)
    _, t1, t2 = np.median(inside, 0)
    assert t1 < 0.9
    assert t2 > 1.1
    assert "Lesjak" in smx.loaders.OPEN_MS_CITATION
