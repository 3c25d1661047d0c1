"""`python -m experiments.domain_adaptation`."""

from .run import main

main()
