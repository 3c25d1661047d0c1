"""Where a patient's files lie: `open_ms`, BIDS-like, or a folder of one's own.

    patient19/FLAIR.nii.gz, T1.nii.gz, T2.nii.gz, lesions.nii.gz                      (lesions alone will do)
    sub-01[/ses-1]/anat/sub-01_FLAIR.nii.gz, sub-01_T1w.nii.gz, sub-01_T2w.nii.gz      (masks also in derivatives/)
    my-patients/anna/anna_flair_n4.nii, anna_T1.nii, anna_lesion_mask.nii

Names are split into words at everything but letters and digits; case does not matter. Where two files answer to one
role the message lists both: name the files yourself with `PatientFiles`.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from synthmix_jax.loaders import _nifti

_UNDERSTOOD = (
    "understood are folders with FLAIR, T1, T2 and lesions (.nii or .nii.gz) in them, BIDS (sub-01/anat/sub-01_FLAIR."
    "nii.gz, masks also below derivatives/), and folders of your own whose file names hold the words FLAIR, T1, T2, "
    "lesion"
)
# Words of file names, tried from left to right: the first pattern that any file answers to decides.
_IMAGE_WORDS = {
    "FLAIR": (r"flair|flairw", r"\w*flair\w*"),
    "T1": (r"t1|t1w", r"t1\w*|\w+t1w?"),
    "T2": (r"t2|t2w", r"t2\w*|\w+t2w?"),
}
_CONTRAST = re.compile(r"t1w?(c|ce|gd|gad|post|k|ks|km)|ce|gd|gad|gadolinium|postcontrast")
_MASK = re.compile(r".*(mask|lesion|seg|label|roi).*|gt|consensus")


@dataclass(frozen=True)
class PatientFiles:
    """Where the files of one patient, or of one session of a patient, lie.

    Attributes:
        name: What the patient is called.
        folder: The folder they were found in.
        images: Modality ("FLAIR", "T1", "T2", or a name of your own) -> file.
        lesions: The lesion mask, or None.
        brain: A brain mask, or None: then the brain is where the images are not zero.
        subject: Whom the images show. Sessions of one subject share it; default the name.
    """

    name: str
    folder: Path
    images: Mapping[str, Path] = field(default_factory=dict)
    lesions: Path | None = None
    brain: Path | None = None
    subject: str = ""

    def __post_init__(self):
        object.__setattr__(self, "folder", Path(self.folder))
        images = {modality: Path(path) for modality, path in self.images.items()}
        object.__setattr__(self, "images", images)
        for role in ("lesions", "brain"):
            path = getattr(self, role)
            object.__setattr__(self, role, None if path is None else Path(path))
        object.__setattr__(self, "subject", self.subject or self.name)


def find_patients(root: str | os.PathLike[str]) -> tuple[PatientFiles, ...]:
    """Find patients below a folder; no file is opened.

    Args:
        root: Holds one folder a patient (as `open_ms`, BIDS or your own), or is the folder of one patient.

    Returns:
        One record a patient and session, in order of their names. Patients with masks alone are among them: their
        `images` are empty.

    Raises:
        FileNotFoundError: No such folder, or no NIfTI file in it; the message says what is understood.
        ValueError: Two files of a patient answer to one role.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root.absolute()}.")
    if any(root.glob("sub-*/")):
        found = _bids(root)
    elif root.name.startswith(("sub-", "ses-")):
        found = [files for files in _bids(_bids_root(root)) if _within(root, files.folder)]
    else:
        folders = [root, *(path for path in sorted(root.iterdir()) if path.is_dir())]
        found = [_patient(folder.name, folder, there) for folder in folders if (there := _files(folder))]
    if not found:
        raise FileNotFoundError(f"{root.absolute()} holds no NIfTI file of a patient; {_UNDERSTOOD}.")
    return tuple(found)


def one_patient(folder: str | os.PathLike[str] | PatientFiles) -> PatientFiles:
    """The files of the one patient of a folder.

    Raises:
        FileNotFoundError, ValueError: As `find_patients`, or several patients lie there.
    """
    if isinstance(folder, PatientFiles):
        return folder
    found = find_patients(folder)
    if len(found) > 1:
        names = ", ".join(files.name for files in found[:6])
        raise ValueError(
            f"{folder} holds {len(found)} patients or sessions ({names}{', ...' if len(found) > 6 else ''}); "
            "read them one by one: [read_patient(files) for files in find_patients(folder)]."
        )
    return found[0]


def _patient(name: str, folder: Path, paths: list[Path], subject: str = "") -> PatientFiles:
    masks = [path for path in paths if any(_MASK.fullmatch(word) for word in _words(path))]
    pictures = [path for path in paths if path not in masks]
    brain = [path for path in masks if "brain" in _stem(path).lower()]
    lesions = [path for path in masks if path not in brain]
    named = [path for path in lesions if "lesion" in _stem(path).lower()]
    images = {modality: _image(name, modality, pictures) for modality in _IMAGE_WORDS}
    return PatientFiles(
        name=name,
        folder=folder,
        images={modality: path for modality, path in images.items() if path is not None},
        lesions=_only(name, "the lesion mask", named or lesions),
        brain=_only(name, "the brain mask", brain),
        subject=subject,
    )


def _image(name: str, modality: str, pictures: list[Path]) -> Path | None:
    """The file of a modality: T1 is not taken from a name that speaks of contrast, nor T2 from one of FLAIR."""
    others = {"T1": _CONTRAST, "T2": re.compile(r"\w*flair\w*")}.get(modality, re.compile(r"(?!)"))
    kept = [path for path in pictures if not any(others.fullmatch(word) for word in _words(path))]
    for pattern in _IMAGE_WORDS[modality]:
        fitting = [path for path in kept if any(re.fullmatch(pattern, word) for word in _words(path))]
        if fitting:
            return _only(name, modality, fitting)
    return None


def _only(name: str, role: str, paths: list[Path]) -> Path | None:
    if len(paths) > 1:
        listed = ", ".join(str(path) for path in paths)
        raise ValueError(
            f"{len(paths)} files of {name} could be {role}: {listed}. Say which: smx.loaders.PatientFiles(name=..., "
            "folder=..., images={'FLAIR': path, ...}, lesions=path)."
        )
    return paths[0] if paths else None


def _bids(root: Path) -> list[PatientFiles]:
    """Patients of a BIDS folder: one record for each subject and session that has images or masks."""
    derived = sorted((root / "derivatives").glob("**/sub-*/"))
    found = []
    for folder in sorted(root.glob("sub-*/")):
        places = [folder, *(place for place in derived if place.name == folder.name)]
        sessions = sorted({path.name for place in places for path in place.glob("ses-*/")})
        for session in sessions or [""]:
            paths = [path for place in places for path in _files(place / session / "anat")]
            name = "_".join(filter(None, [folder.name, session]))
            if paths:
                found.append(_patient(name, folder / session, paths, subject=folder.name))
    return found


def _bids_root(folder: Path) -> Path:
    return folder.parent.parent if folder.name.startswith("ses-") else folder.parent


def _within(folder: Path, place: Path) -> bool:
    return place == folder or folder in place.parents


def _files(folder: Path) -> list[Path]:
    there: Iterable[Path] = folder.iterdir() if folder.is_dir() else ()
    return sorted(
        path
        for path in there
        if path.is_file() and path.name.lower().endswith(_nifti.SUFFIXES) and path.name[0] != "."
    )


def _stem(path: Path) -> str:
    return re.sub(r"\.nii(\.gz)?$", "", path.name, flags=re.IGNORECASE)


def _words(path: Path) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", _stem(path).lower()) if word]
