"""Training data: the emoji set, captioned scenes composed from it, and folders of users' images."""
