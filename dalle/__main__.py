"""`python -m dalle`: the command line."""

import sys

from dalle.cli.main import main


def use_the_cores_granted() -> None:
    """Compute with no more threads than there are cores for this process: torch counts the machine's."""
    import torch  # not before a command is known, so that `--help` answers at once

    from dalle import runtime

    torch.set_num_threads(min(torch.get_num_threads(), runtime.threads()))


if __name__ == "__main__":
    sys.exit(main(prepare=use_the_cores_granted))
