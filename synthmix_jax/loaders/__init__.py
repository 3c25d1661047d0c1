"""From a name or a file to a `Dataset`: digits, CIFAR-10, MNIST, USPS, .npz, folders of images; and brain MRI.

    real = smx.load("cifar10", split="train")
    synthetic = smx.load("generated.npz")
    patient = smx.loaders.read_patient("patients/anna")

Nothing here opens a network connection or unpickles a file. Data that is missing is a
`FileNotFoundError` that names every folder looked in and what fills it.
"""

from ._layouts import PatientFiles as PatientFiles
from ._layouts import find_patients as find_patients
from ._lesion_crops import lesion_crops as lesion_crops
from ._lesion_patches import lesion_patches as lesion_patches
from ._load import load as load
from ._masks import lesion_components as lesion_components
from ._npz import save as save
from ._patches import Patches as Patches
from ._patient import OPEN_MS_CITATION as OPEN_MS_CITATION
from ._patient import Patient as Patient
from ._patient import read_lesions as read_lesions
from ._patient import read_patient as read_patient

__all__ = [
    "OPEN_MS_CITATION",
    "Patches",
    "Patient",
    "PatientFiles",
    "find_patients",
    "lesion_components",
    "lesion_crops",
    "lesion_patches",
    "load",
    "read_lesions",
    "read_patient",
    "save",
]
