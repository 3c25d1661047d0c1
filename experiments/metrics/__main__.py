"""`python -m experiments.metrics`."""

from .run import main

main()
