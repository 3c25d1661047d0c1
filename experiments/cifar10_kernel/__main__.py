"""`python -m experiments.cifar10_kernel`."""

from .run import main

main()
