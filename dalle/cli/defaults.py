"""Values that several commands share."""

from pathlib import Path

DEFAULT_CHECKPOINT = Path("checkpoints/emoji")
