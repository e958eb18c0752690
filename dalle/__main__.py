"""`python -m dalle`: the command line."""

import sys

from dalle.cli.main import main


def limit_threads() -> None:
    """Use no more threads than this process has cores: torch counts those of the whole machine."""
    import torch  # imported only once a command is known, so that `--help` answers at once

    from dalle import runtime

    torch.set_num_threads(min(torch.get_num_threads(), runtime.available_cores()))


if __name__ == "__main__":
    sys.exit(main(prepare=limit_threads))
