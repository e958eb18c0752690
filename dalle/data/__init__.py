"""What the networks learn from: the emoji set, captioned scenes made of it, and people's own folders."""
