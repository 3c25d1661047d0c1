"""`python -m experiments.krr`."""

from .run import main

main()
