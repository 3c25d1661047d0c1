"""Leave one patient out: the protocol wherever patients are few."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from synthmix_jax.loaders._layouts import PatientFiles
from synthmix_jax.loaders._patient import Patient


class Fold(NamedTuple):
    """One subject left out.

    Attributes:
        subject: Who is left out.
        training: The records given of all others.
        test: The records given of the subject: one, or one a session.
    """

    subject: str
    training: tuple[Any, ...]
    test: tuple[Any, ...]


def leave_one_patient_out(patients: Sequence[Patient | PatientFiles]) -> tuple[Fold, ...]:
    """Every way to keep one subject for the test, with all its sessions.

    Args:
        patients: Patients, or files of patients, of at least two subjects.

    Returns:
        One fold a subject, in order of first appearance.

    Raises:
        ValueError: Fewer than two subjects, or a name twice.
    """
    names = [patient.name for patient in patients]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"patients hold {', '.join(twice)} twice; give every record once.")
    subjects = list(dict.fromkeys(patient.subject or patient.name for patient in patients))
    if len(subjects) < 2:
        raise ValueError(
            f"leaving one patient out needs at least two subjects, got {', '.join(subjects) or 'none'}."
        )
    return tuple(
        Fold(
            subject,
            tuple(p for p in patients if (p.subject or p.name) != subject),
            tuple(p for p in patients if (p.subject or p.name) == subject),
        )
        for subject in subjects
    )
