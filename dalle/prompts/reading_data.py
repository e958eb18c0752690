"""A reading as plain data, the same for the command line and the HTTP API."""

from typing import Any

from dalle.prompts.draft import Reading


def to_dict(reading: Reading) -> dict[str, Any]:
    """A JSON object: what the model is told, what is not wanted, and each change with its place."""
    notes = [
        {
            "kind": str(note.kind),
            "span": [note.start, note.end],  # characters of the typed text
            "from": note.source,
            "to": note.target,
        }
        for note in reading.notes
    ]
    return {
        "text": reading.text,
        "negative": reading.negative,
        "style": reading.style,
        "notes": notes,
        "alternatives": list(reading.alternatives),
    }
