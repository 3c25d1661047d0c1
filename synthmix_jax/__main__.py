"""`python -m synthmix_jax`: the command line where the scripts folder is not on the path."""

import sys

from synthmix_jax.cli import main

if __name__ == "__main__":
    sys.exit(main())
