"""`python -m experiments.cifar10`."""

from .run import main

main()
