"""NIfTI files: one canonical grid whatever the axes, headers before voxels, and every refusal."""

import gzip
import itertools
import sys

import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.loaders import _nifti

AXES = list(
    itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3))
)


def stored(values, permutation, signs):
    """The same voxels with axes in another order and direction, and the affine that says so."""
    values, affine = np.transpose(values, permutation), np.eye(4)[:, [*permutation, 3]]
    affine[:3, 3] = (-10, 20, 5)
    for axis, sign in enumerate(signs):
        if sign < 0:
            values = np.flip(values, axis)
            affine[:3, 3] += affine[:3, axis] * (values.shape[axis] - 1)
            affine[:3, axis] *= -1
    return values, affine


def test_flips_and_permutations_give_the_same_array(tmp_path, rng, write_nifti):
    values = rng.normal(size=(3, 4, 5)).astype(np.float32)
    assert len(AXES) == 48
    for number, (permutation, signs) in enumerate(AXES):
        path = write_nifti(tmp_path / f"{number}.nii", *stored(values, permutation, signs))
        volume = _nifti.open_volume(path)
        assert volume.shape == (3, 4, 5)
        np.testing.assert_array_equal(volume.read(), values)
        np.testing.assert_allclose(volume.affine[:3], np.c_[np.eye(3), (-10, 20, 5)], atol=1e-6)


def test_a_whole_patient_is_the_same_from_turned_files(write_patient, volumes):
    straight = smx.loaders.read_patient(write_patient("straight"))
    turned = {role: stored(v, (1, 2, 0), (-1, 1, -1)) for role, v in volumes.items()}
    affine = turned["FLAIR"][1]
    folder = write_patient("turned", affine=affine, **{role: v for role, (v, _) in turned.items()})
    other = smx.loaders.read_patient(folder)
    for name in ("images", "lesions", "brain", "white_matter"):
        np.testing.assert_array_equal(getattr(other, name), getattr(straight, name))


@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (2, 4)])
def test_either_form_tells_the_axes(tmp_path, rng, write_nifti, codes):
    values = rng.normal(size=(3, 4, 5)).astype(np.float32)
    path = write_nifti(tmp_path / "a.nii.gz", *stored(values, (2, 0, 1), (1, -1, -1)), codes=codes)
    np.testing.assert_array_equal(_nifti.open_volume(path).read(), values)


def test_scaled_integers_and_a_fourth_axis_of_one(tmp_path, write_nifti):
    import nibabel

    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 8 - 1
    image = nibabel.Nifti1Image(values[..., None], np.eye(4))
    image.set_data_dtype(np.int16)
    nibabel.save(image, tmp_path / "a.nii")
    volume = _nifti.open_volume(tmp_path / "a.nii")
    assert volume.shape == (2, 3, 4)
    np.testing.assert_allclose(volume.read(np.float32), values, atol=1e-4)  # int16 steps


def test_files_that_are_not_compressed_are_mapped(tmp_path, rng, write_nifti):
    path = write_nifti(
        tmp_path / "a.nii", rng.normal(size=(3, 4, 5)).astype(np.float32), np.diag((-1, 1, 1, 1))
    )
    held = _nifti.open_volume(path).read(np.float32)
    while held.base is not None and not isinstance(held, np.memmap):
        held = held.base
    assert isinstance(held, np.memmap)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[: len(data) // 2], "cut short or damaged. Copy it again"),
        (lambda data: b"not a picture at all", "cannot be read as NIfTI"),
        (lambda data: b"", "cannot be read as NIfTI"),
        (lambda data: data[:10] + bytes(200) + data[210:], "damaged"),
    ],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_damaged_files_are_named(tmp_path, rng, write_nifti, change, message, suffix):
    path = write_nifti(tmp_path / f"a{suffix}", rng.normal(size=(9, 9, 9)))
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=message) as raised:
        _nifti.open_volume(path).read()
    assert str(path) in str(raised.value)


def test_other_things_are_refused(tmp_path, write_nifti):
    import nibabel

    def refused(message):
        with pytest.raises(ValueError, match=message):
            _nifti.open_volume(path)

    path = write_nifti(tmp_path / "series.nii", np.zeros((3, 3, 3, 2), np.float32))
    refused(r"shape \(3, 3, 3, 2\); one volume")
    path = write_nifti(tmp_path / "flat.nii", np.zeros((3, 3), np.float32))
    refused(r"shape \(3, 3\); one volume")
    path = write_nifti(tmp_path / "lost.nii", np.zeros((3, 3, 3), np.float32), codes=(0, 0))
    refused("qform and sform codes are 0.*left and right.*nibabel.Nifti1Image")
    path = tmp_path / "other.nii"
    path.write_bytes(nibabel.MGHImage(np.zeros((3, 3, 3), np.float32), np.eye(4)).to_bytes())
    refused("cannot be read as NIfTI|MGHImage, not NIfTI")
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3), np.float32), np.eye(4))
    image.set_qform(np.diag((-1, 1, 1, 1)), 1)
    image.set_sform(np.eye(4), 1)
    path = tmp_path / "torn.nii"
    nibabel.save(image, path)
    refused("two orientations: LAS by its qform and RAS by its sform")
    image.set_sform(np.diag((0, 1, 1, 1)), 1)
    image.header["qform_code"] = 0
    nibabel.save(image, path)
    refused("affine that maps no volume")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        _nifti.open_volume(tmp_path / "none.nii")


def test_colours_are_no_intensities(tmp_path):
    import nibabel

    colour = np.zeros((3, 3, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(colour, np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(ValueError, match="real numbers"):
        _nifti.open_volume(tmp_path / "a.nii").read()


@pytest.mark.parametrize("bad", [[np.nan], [np.inf, -np.inf]])
def test_voxels_that_are_not_finite_are_counted(tmp_path, write_nifti, bad):
    values = np.zeros((3, 4, 5), np.float32)
    values[2, 1, 3 : 3 + len(bad)] = bad
    path = write_nifti(tmp_path / "a.nii", values)
    with pytest.raises(ValueError, match=rf"{len(bad)} voxels.*first at \(2, 1, 3\)"):
        _nifti.open_volume(path).read()


def test_grids_must_agree(tmp_path, write_nifti):
    def written(name, shape=(4, 4, 4), shift=0.0):
        affine = np.eye(4)
        affine[0, 3] = shift
        return _nifti.open_volume(write_nifti(tmp_path / name, np.zeros(shape, np.float32), affine))

    first = written("a.nii")
    _nifti.check_same_grid({"FLAIR": first, "T1": written("b.nii", shift=0.05)})
    with pytest.raises(
        ValueError, match=r"T1 and FLAIR lie on grids up to 0\.5 mm apart.*Register"
    ):
        _nifti.check_same_grid({"FLAIR": first, "T1": written("c.nii", shift=0.5)})
    with pytest.raises(ValueError, match="lesions has 4 x 5 x 4 voxels and FLAIR 4 x 4 x 4"):
        _nifti.check_same_grid({"FLAIR": first, "lesions": written("d.nii", (4, 5, 4))})


def test_a_missing_nibabel_says_how_to_install_it(monkeypatch, write_patient):
    folder = write_patient()
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'synthmix-jax\[mri\]'"):
        smx.loaders.read_patient(folder)


def test_a_compressed_file_under_the_wrong_name_is_refused(tmp_path, rng, write_nifti):
    path = write_nifti(tmp_path / "a.nii.gz", rng.normal(size=(3, 3, 3)))
    path.write_bytes(gzip.decompress(path.read_bytes()))
    with pytest.raises(ValueError, match="cannot be read as NIfTI"):
        _nifti.open_volume(path)
