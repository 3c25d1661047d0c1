"""How far source and synthetic images are from the target, beside what target images show among themselves.

Target images are those set aside as unlabelled, in two halves: one is the target, the other the floor. Their labels
are used by the labelled distance alone, which describes and chooses nothing.
"""

import synthmix_jax as smx

from .config import Digits, Generator
from .data import Domains, parts, pool


def distances(domains: Domains, plan: Digits, generator: Generator | None, seed: int) -> dict:
    """W2 of inputs and of labelled images: of a generator's, or (None) of source and floor."""
    number = plan.compared
    drawn = parts(domains, plan, number, seed)
    target, other = drawn.unlabelled[:number], drawn.unlabelled[number : 2 * number]
    if generator is None:
        return {"source": between(target, drawn.source), "floor": between(target, other)}
    return {"synthetic": between(target, pool(generator, drawn.others, number, seed))}


def between(target: smx.Dataset, other: smx.Dataset) -> dict[str, float]:
    """Both distances; classes mean on both sides what they look like in the target."""
    shared = smx.distances.labelled_wasserstein(target, other, labels="shared")
    return {
        "inputs": float(smx.distances.wasserstein(target.x, other.x)),
        "labelled": float(shared),
    }
