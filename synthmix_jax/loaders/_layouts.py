"""Where a patient's files lie: `open_ms`, BIDS-like, or a folder of one's own.

    patient19/FLAIR.nii.gz, T1.nii.gz, T2.nii.gz, lesions.nii.gz                      (lesions alone will do)
    sub-01[/ses-1]/anat/sub-01_FLAIR.nii.gz, sub-01_T1w.nii.gz, sub-01_T2w.nii.gz      (masks also in derivatives/)
    my-patients/anna/anna_flair_n4.nii, anna_T1.nii, anna_lesion_mask.nii

File names are split into words at everything but letters and digits; case does not matter. Where two files answer
to one role the message lists both, and `PatientFiles` names them by hand.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from synthmix_jax.loaders import _nifti

_UNDERSTOOD = (
    "Understood are folders that hold FLAIR, T1, T2 and lesions as .nii or .nii.gz, BIDS (sub-01/anat/sub-01_FLAIR."
    "nii.gz, masks also below derivatives/), and folders of your own whose file names hold the words FLAIR, T1, T2 "
    "or lesion"
)
# Words of file names, tried in order: the first pattern that any file answers to decides.
_IMAGE_WORDS = {
    "FLAIR": (r"flair", r"\w*flair\w*"),
    "T1": (r"t1w?", r"t1\w*|\w+t1w?"),
    "T2": (r"t2w?", r"t2\w*|\w+t2w?"),
}
# Words that say that the file is something else: T1 after contrast, "T2_FLAIR".
_OTHER_WORDS = {
    "FLAIR": r"(?!)",
    "T1": r"t1w?(c|ce|gd|gad|post|k|ks|km)|ce|gd|gad|gadolinium|\w*contrast\w*",
    "T2": r"\w*flair\w*|t2star\w*",
}
_MASK_WORDS = r"\w*(mask|lesion)\w*|[a-z]*seg|segmentation|label|rois?|gt|consensus"


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


def find_patients(root: str | os.PathLike[str]) -> tuple[PatientFiles, ...]:
    """Find patients below a folder; no file is opened.

    Args:
        root: Holds one folder a patient (as `open_ms`, BIDS or your own), or is the folder of one patient.

    Returns:
        One record a patient and session, in order of their names. Patients with a lesion mask alone are among them:
        their `images` are empty.

    Raises:
        FileNotFoundError: No such folder, or no image or lesion mask in it; the message says what is understood.
        ValueError: Two files of a patient answer to one role.
    """
    root = Path(root).expanduser().absolute()
    if not root.is_dir():
        raise FileNotFoundError(
            f"there is no folder {root}: give the folder that holds the patients' folders, or one patient's."
        )
    root = root.parent if root.name == "anat" else root
    if any(root.glob("sub-*/")):
        found = _bids(root)
    elif root.name.startswith(("sub-", "ses-")):
        above = root.parent.parent if root.name.startswith("ses-") else root.parent
        found = [files for files in _bids(above) if root in (files.folder, *files.folder.parents)]
    else:
        found = _own(root)
    kept = [files for files in found if files.images or files.lesions]
    if not kept:
        seen = sorted(path.name for path in root.rglob("*.nii*"))[:6]
        there = f"only {', '.join(seen)}" if seen else "no .nii or .nii.gz file"
        raise FileNotFoundError(f"{root} holds no patient ({there}). {_UNDERSTOOD}.")
    return tuple(kept)


def one_patient(folder: str | os.PathLike[str] | PatientFiles) -> PatientFiles:
    """The files of the one patient of a folder.

    Raises:
        FileNotFoundError, ValueError: As `find_patients`, or several patients lie there.
    """
    if isinstance(folder, PatientFiles):
        return folder
    first, *others = find_patients(folder)
    if others:
        names = ", ".join(files.name for files in (first, *others[:5])) + (
            ", ..." if others[5:] else ""
        )
        raise ValueError(
            f"{folder} holds {1 + len(others)} patients or sessions ({names}); read them one by one: "
            "[smx.loaders.read_patient(files) for files in smx.loaders.find_patients(folder)]."
        )
    return first


def _own(root: Path) -> list[PatientFiles]:
    """A folder of files is one patient; else every folder in it is, with whatever lies below."""
    direct = _files(root)
    if direct:
        return [_patient(root.name, root, [direct])]
    found = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] != "."):
        paths = _files(folder) or [
            path for below in sorted(folder.rglob("*/")) for path in _files(below)
        ]
        found.append(_patient(root.name if folder.name == "anat" else folder.name, folder, [paths]))
    return found


def _bids(root: Path) -> list[PatientFiles]:
    """Patients of a BIDS folder, one record for each session: what is raw comes before what is derived."""
    derived = sorted((root / "derivatives").glob("**/sub-*/"))
    found = []
    for folder in sorted(root.glob("sub-*/")):
        places = [place for place in derived if place.name == folder.name]
        sessions = {path.name for place in [folder, *places] for path in place.glob("ses-*/")}
        for session in sorted(sessions) or [""]:
            name = f"{folder.name}_{session}" if session else folder.name
            raw = _anatomical(folder / session)
            other = [path for place in places for path in _anatomical(place / session)]
            found.append(_patient(name, folder / session, [raw, other], subject=folder.name))
    return found


def _anatomical(folder: Path) -> list[Path]:
    return _files(folder / "anat") or _files(folder)


def _patient(
    name: str, folder: Path, tiers: Sequence[Sequence[Path]], *, subject: str = ""
) -> PatientFiles:
    """Give each file its role; a role is filled from the first of the tiers that has a file for it."""
    masks = [[path for path in tier if _has(path, _MASK_WORDS)] for tier in tiers]
    pictures = [[path for path in tier if not _has(path, _MASK_WORDS)] for tier in tiers]
    brain = [[path for path in tier if "brain" in path.name.lower()] for tier in masks]
    others = [[path for path in tier if "brain" not in path.name.lower()] for tier in masks]
    lesions = [[path for path in tier if "lesion" in path.name.lower()] for tier in others]
    hard = [[path for path in tier if not _has(path, "probseg")] for tier in others]
    images = {modality: _image(name, modality, pictures) for modality in _IMAGE_WORDS}
    return PatientFiles(
        name=name,
        folder=folder,
        images={modality: path for modality, path in images.items() if path is not None},
        lesions=_only(name, "the lesion mask", [*lesions, *hard]),
        brain=_only(name, "the brain mask", brain),
        subject=subject or name,
    )


def _image(name: str, modality: str, tiers: list[list[Path]]) -> Path | None:
    kept = [[path for path in tier if not _has(path, _OTHER_WORDS[modality])] for tier in tiers]
    fitting = [
        [path for path in tier if _has(path, pattern)]
        for tier in kept
        for pattern in _IMAGE_WORDS[modality]
    ]
    return _only(name, modality, fitting)


def _only(name: str, role: str, choices: Sequence[Sequence[Path]]) -> Path | None:
    """The one path of the first choice that is not empty."""
    paths = next((paths for paths in choices if paths), [])
    if len(paths) > 1:
        raise ValueError(
            f"{len(paths)} files of {name} could be {role}: {', '.join(map(str, paths))}. Take one away, "
            "or name the files yourself: smx.loaders.PatientFiles(name=..., folder=..., images={'FLAIR': "
            "path, ...}, lesions=path)."
        )
    return paths[0] if paths else None


def _has(path: Path, pattern: str) -> bool:
    """Whether a word of the file's name is of this pattern."""
    stem = re.sub(r"\.nii(\.gz)?$", "", path.name.lower())
    return any(re.fullmatch(pattern, word) for word in re.split(r"[^a-z0-9]+", stem))


def _files(folder: Path) -> list[Path]:
    there = folder.iterdir() if folder.is_dir() else ()
    return sorted(
        path
        for path in there
        if path.name.lower().endswith(_nifti.SUFFIXES) and path.name[0] != "." and path.is_file()
    )
