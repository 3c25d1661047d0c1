"""From a name or a file to data: digits, CIFAR-10, MNIST, USPS, .npz, folders of images; and brain MRI.

    real = smx.load("cifar10", split="train")
    synthetic = smx.load("generated.npz")
    patient = smx.loaders.read_patient("patients/anna")

Nothing here opens a network connection or unpickles a file. Data that is missing is a
`FileNotFoundError` that names every folder looked in and what fills it.
"""

from ._folds import Fold as Fold
from ._folds import leave_one_patient_out as leave_one_patient_out
from ._hard_negatives import lesion_prior as lesion_prior
from ._layouts import PatientFiles as PatientFiles
from ._layouts import find_patients as find_patients
from ._lesion_crops import lesion_crops as lesion_crops
from ._lesion_patches import lesion_patches as lesion_patches
from ._lesion_scores import LesionScores as LesionScores
from ._lesion_scores import lesion_scores as lesion_scores
from ._load import load as load
from ._masks import lesion_components as lesion_components
from ._npz import save as save
from ._patches import Patches as Patches
from ._patient import OPEN_MS_CITATION as OPEN_MS_CITATION
from ._patient import Patient as Patient
from ._read_patient import read_lesions as read_lesions
from ._read_patient import read_patient as read_patient
from ._slices import Slices as Slices

__all__ = [
    "OPEN_MS_CITATION",
    "Fold",
    "LesionScores",
    "Patches",
    "Patient",
    "PatientFiles",
    "Slices",
    "find_patients",
    "leave_one_patient_out",
    "lesion_components",
    "lesion_crops",
    "lesion_patches",
    "lesion_prior",
    "lesion_scores",
    "load",
    "read_lesions",
    "read_patient",
    "save",
]
