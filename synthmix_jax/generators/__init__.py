"""Generators: models of the data that synthetic points are drawn from, and dials of mismatch.

A generator is frozen once fitted; `sample(labels, *, key)` is a pure function of its key.
"""

from ._anatomy import Anatomy as Anatomy
from ._files import load as load
from ._files import save as save
from ._flow import Flow as Flow
from ._flow_config import FlowConfig as FlowConfig
from ._gaussian import ClassGaussian as ClassGaussian
from ._joint import JointGaussian as JointGaussian
from ._lesion_facts import LesionFacts as LesionFacts
from ._lesions import LesionDials as LesionDials
from ._lesions import Lesions as Lesions
from ._mixture import ClassMixture as ClassMixture
from ._sampling import balanced_labels as balanced_labels
from ._sampling import draw as draw
from ._sampling import refit as refit
from ._seen import Seen as Seen
from ._shift import Shifted as Shifted
from ._smote import SMOTE as SMOTE
