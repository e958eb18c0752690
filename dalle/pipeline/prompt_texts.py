"""The two texts that the model is told of a recipe: what to draw, and what not."""

from dalle.prompts.reader import Reader


def prompt_texts(reader: Reader, prompt: str, negative: str = "") -> tuple[str, str]:
    """What a prompt and a negative prompt say -> (wanted, unwanted).

    Unwanted is all that the negative prompt names, and what the prompt says is not wanted ("a cat, no hat").
    Raises InputError for a text that is too long.
    """
    wanted, unwanted = reader.read(prompt), reader.read(negative)
    parts = (unwanted.text, unwanted.negative, wanted.negative)
    return wanted.text, ", ".join(dict.fromkeys(part for part in parts if part))
