"""`python -m dalle`: the command line."""

import sys

from dalle.cli import main

if __name__ == "__main__":
    sys.exit(main())
