"""From a name or a file to a `Dataset`: digits, CIFAR-10, MNIST, USPS, .npz, folders of images.

    real = smx.load("cifar10", split="train")
    synthetic = smx.load("generated.npz")

Nothing here opens a network connection or unpickles a file. Data that is missing is a
`FileNotFoundError` that names every folder looked in and what fills it.
"""

from ._load import load as load
from ._npz import save as save

__all__ = ["load", "save"]
