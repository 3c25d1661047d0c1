"""`python -m experiments.predicted_curve`."""

from .run import main

main()
