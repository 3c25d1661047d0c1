"""`python -m experiments.ms_mri`."""

from .run import main

main()
