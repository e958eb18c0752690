"""How a prompt is read, as HTML for the line under it.

It reads this as [a grey wolf].        what the model is told; what stands for other words is marked
gray → grey (spelling)                 the changes, with why
It leaves out please. Never seen: a lathe. Or did you mean [a wolf] [a fox]
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from dalle.prompts.draft import Kind, Note, Reading
from dalle.ui.shared.texts import Translator

MARKS = " ,;.!?，、。！？"
MAX_SHOWN = 8  # notes of a sort: the line is to stay short whatever was typed
LEFT_OUT = {Kind.WRAPPING, Kind.SYNTAX}
CHANGES = {*Kind} - LEFT_OUT - {Kind.NEGATION, Kind.UNKNOWN}  # to other words; texts "reason_" + kind say why

# A click on one of the other texts puts it in the prompt.
CHOOSE_JS = """
element.setAttribute("aria-live", "polite");
element.addEventListener("click", (event) => {
    const other = event.target.closest("button");
    if (other) trigger("select", { prompt: other.textContent });
});
"""
# Waits until nobody types, so that half a word is not read; gives the handler the text as it is then.
SETTLED_JS = """async (language) => {
    const field = document.querySelector("#prompt :is(input, textarea)");
    let text;
    do {
        text = field?.value ?? "";
        await new Promise((resolve) => setTimeout(resolve, 300));
    } while (field && field.value !== text);
    return [language, text];
}"""


def reading_html(translate: Translator, reading: Reading, unread: str) -> str:
    """Empty where nothing of a prompt is read otherwise than typed. `unread`: the end that is too long."""
    return "".join(f"<p>{line}</p>" for line in _lines(translate, reading, unread))


def _lines(translate: Translator, reading: Reading, unread: str) -> Iterator[str]:
    notes = sorted(reading.notes, key=lambda note: note.start)
    unknown = [note.source for note in notes if note.kind is Kind.UNKNOWN]
    changes = [note for note in notes if note.kind in CHANGES and note.target]
    dropped = [note for note in notes if note.kind in LEFT_OUT or (note.kind in CHANGES and not note.target)]
    left_out = _left_out(reading.typed, dropped)
    if reading.text and (changes or left_out or reading.negative):
        yield translate("read_as", read=f'<b lang="en">{_marked_text(translate, reading, changes)}</b>')
    # A phrase that was read anew as a whole stands there already.
    listed = [note for note in changes if note.target != reading.text]
    if listed:
        yield _joined(translate, (_change(translate, note) for note in listed), len(listed))
    if left_out:
        yield translate("read_left_out", words=_quoted(translate, left_out))
    if reading.negative:
        yield translate("read_without", words=f'<b lang="en">{escape(reading.negative)}</b>')
    if unknown:
        yield translate("unknown", words=_quoted(translate, unknown))
    if unread:
        yield translate("too_long", rest=escape(unread))
    if reading.alternatives:
        yield _alternatives(translate, reading.alternatives)


def _left_out(typed: str, notes: Iterable[Note]) -> list[str]:
    """What is dropped of the typed text; neighbours as one."""
    places: list[list[int]] = []
    for note in notes:
        if places and not typed[places[-1][1] : note.start].strip(MARKS):
            places[-1][1] = max(places[-1][1], note.end)
        else:
            places.append([note.start, note.end])
    words = (typed[start:end].strip(MARKS) for start, end in places)
    return [word for word in words if word]


def _change(translate: Translator, note: Note) -> str:
    """ "hawk → eagle (the nearest it knows)"."""
    source = f"<i>{escape(note.source)}</i>"
    target = f'<b lang="en">{escape(note.target)}</b>'
    return f"{source} → {target} {_reason(translate, note)}"


def _reason(translate: Translator, note: Note) -> str:
    """Why it was changed: "(the nearest it knows)"."""
    return translate(f"reason_{note.kind}")


def _quoted(translate: Translator, words: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(words))
    return _joined(translate, (f"<b>{escape(word)}</b>" for word in distinct), len(distinct))


def _joined(translate: Translator, parts: Iterable[str], count: int) -> str:
    """The first MAX_SHOWN parts as a list."""
    shown = [part for _, part in zip(range(MAX_SHOWN), parts, strict=False)]
    return translate("list_join").join(shown) + (" …" if count > MAX_SHOWN else "")


def _alternatives(translate: Translator, texts: Iterable[str]) -> str:
    buttons = "".join(f'<button type="button" lang="en">{escape(text)}</button>' for text in texts)
    label = escape(translate("read_or"))
    return f'<span class="chips" role="group" aria-label="{label}"><span>{label}</span>{buttons}</span>'


def _marked_text(translate: Translator, reading: Reading, changes: Sequence[Note]) -> str:
    """The text that the model is told, with <mark> around what stands for other words."""
    text, html, at = reading.text, "", 0
    for start, end, note in _changed_places(reading, changes):
        change = f"{note.source} → {note.target} {_reason(translate, note)}"
        html += escape(text[at:start]) + f'<mark title="{escape(change)}">{escape(text[start:end])}</mark>'
        at = end
    return html + escape(text[at:])


def _changed_places(reading: Reading, changes: Sequence[Note]) -> list[tuple[int, int, Note]]:
    """Where the targets of changes stand in the text that the model is told, from left to right.

    Of changes at one place the last one counts, since it is what became of the others.
    """
    text, places = reading.text, list[tuple[int, int, Note]]()
    for _, note in sorted(enumerate(changes), key=lambda item: (item[1].start, -item[0])):
        found = re.finditer(rf"(?<!\w){re.escape(note.target)}(?!\w)", text, re.IGNORECASE)
        free = [m for m in found if all(m.end() <= start or m.start() >= end for start, end, _ in places)]
        if free:
            # Of equal words the one that stands about as far in the text as the typed one did.
            share = note.start / len(reading.typed)
            match = min(free, key=lambda m: abs(m.start() / len(text) - share))
            places.append((match.start(), match.end(), note))
    return sorted(places, key=lambda place: place[0])
