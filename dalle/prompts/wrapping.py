"""Stage 3: what stands around a prompt: politeness, "a photo of", quotes, emoji characters, flags."""

import re
import unicodedata

from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import NUMBER_WORDS
from dalle.prompts.draft import Draft, Kind
from dalle.prompts.lexicon import ARTICLE, Lexicon
from dalle.prompts.phrases import ARTICLES, FUNCTION_WORDS, POSSESSIVES, named_things, with_article

# All of them at the start of a text of pieces, parted by single spaces.
ASKING = re.compile(
    r"(?:/?imagine(?: prompt)?(?: :)?|prompt :|(?:hi|hello|hey|yo|ok|okay)(?: there)?|please|pls|plz"
    r"|(?:can|could|would|will) (?:you|u|it be possible to)(?: please| maybe| kindly)?"
    r"|(?:i|we) (?:want|wanna|need|would like|would love|'d like|'d love|like|wish)(?: you)?(?: to)?"
    r"|(?:i'd|we'd) (?:like|love)(?: you)?(?: to)?"
    r"|(?:i'm|i am) looking for|let's|lets|how about|what about|maybe|just|try"
    r"|what (?:does|do|would)|(?:see|have|get|imagine|visuali[sz]e)"
    r"|(?:draw|make|create|generate|paint|show|give|design|render|sketch|produce|build|get|do)"
    r"(?: me| us)?(?: please)?"
    r")(?: ,| !| \?)?(?= |$)"
)
DRAW_ALONE = re.compile(r"draw (?!me |us )")
PICTURE = re.compile(
    r"(?:(?:an?|the|some|one|another|this|my) )?"
    r"(?:(?:nice|cool|cute|simple|beautiful|good|small|little|new) )*"
    r"(?:image|photo|photograph|pic|picture|drawing|painting|sketch|logo|emoji|icon|sticker|illustration"
    r"|clip ?art|portrait|render|rendering|depiction|artwork|art|graphic|avatar|wallpaper|design|vector"
    r"|symbol|doodle|emote|pictogram|picture icon|app icon|vector art)"
    r" (?:of|for|with|showing|depicting|featuring|containing|that shows|of only)(?= )"
)
TRAINED_PICTURE = re.compile(  # templates of training captions: they stay
    r"(?:a picture|a drawing|an icon|an illustration|a sticker|clip art|a group) of "
)
THANKS = re.compile(
    r"(?: ,)?(?: (?:look like|please|pls|plz|thanks(?: a lot)?|thank you|thx|ty|lol|now|haha"
    r"|for (?:me|us|(?:my|our|a|the) [a-z]+(?: [a-z]+)?)))+(?: [.!?]+)?$"
)
FLAG_WITHOUT_VALUE = frozenset({"--tile", "--raw", "--hd", "--turbo", "--fast", "--relax"})


def wrapping(draft: Draft, lexicon: Lexicon) -> Draft:
    """The prompt alone: what is to be drawn."""
    draft = _without_flags(draft)
    draft = _with_names_of_emoji(draft, lexicon)
    draft = _without_marks(draft)
    draft = _without_asking(draft)
    draft = _without_thanks(draft)
    return _without_owners(draft, lexicon)


def _without_flags(draft: Draft) -> Draft:
    """No "--ar 16:9"; what follows "--no" is not wanted."""
    while (
        first := next((i for i, word in enumerate(draft.words) if word.startswith("--")), None)
    ) is not None:
        words = draft.words
        flag = words[first]
        last = first + 1
        if flag == "--no":
            while last < len(words) and not words[last].startswith("--"):
                last += 1
            unwanted = " ".join(words[first + 1 : last]).replace(" ,", ",")
            draft = draft.unwanted(unwanted, first, last)
            continue
        if last < len(words) and flag not in FLAG_WITHOUT_VALUE and not words[last].startswith("--"):
            last += 1
        draft = draft.drop(first, last, Kind.WRAPPING)
    return draft


def _with_names_of_emoji(draft: Draft, lexicon: Lexicon) -> Draft:
    """Emoji characters in a sentence by their names."""
    at = 0
    while at < len(draft.pieces):
        text = draft.pieces[at].text
        if _is_emoji(text) and _is_decoration(draft, at):
            draft = draft.drop(at, at + 1, Kind.WRAPPING)
            continue
        label = emoji_label(text, lexicon) if _is_emoji(text) and _is_in_a_sentence(draft, at) else None
        if label is None:
            at += 1
            continue
        has_article = at > 0 and draft.words[at - 1] in (ARTICLES | {"one"})
        name = ARTICLE.sub("", label) if has_article else label
        draft = draft.replace(at, at + 1, name, Kind.EMOJI)
        at += 1
    return draft


def _is_decoration(draft: Draft, at: int) -> bool:
    """Whether an emoji stands at the end, after a word that does not lead to it: "a rocket 🚀"."""
    words = draft.words
    leads = FUNCTION_WORDS | {*COLOURS, *NUMBER_WORDS.values()}
    return at == len(words) - 1 and at > 0 and words[at - 1].isalpha() and words[at - 1] not in leads


def _is_in_a_sentence(draft: Draft, at: int) -> bool:
    """Whether a piece stands among words; alone before a style or a ground, captions have emoji too."""
    words = draft.words
    before = at > 0 and words[at - 1].isalpha()
    after = at + 1 < len(words) and words[at + 1].isalpha() and words[at + 1] not in ("on", "in", "emoji")
    return before or after


def _is_emoji(text: str) -> bool:
    return any(unicodedata.category(character) == "So" for character in text)


def emoji_label(text: str, lexicon: Lexicon) -> str | None:
    """The label of an emoji character, by the checkpoint's table or by its name in Unicode."""
    if label := lexicon.names.get("emoji", {}).get(text):
        return label
    words = unicodedata.name(text[0], "").lower().split()
    for start in range(len(words)):
        for end in range(len(words), start, -1):
            if noun := lexicon.nouns.get(" ".join(words[start:end])):
                return noun.singular()
    return None


def _without_marks(draft: Draft) -> Draft:
    """Without quotation marks, and without "?" and "!" at the end."""
    for mark in ('"', "“", "”", "„", "«", "»", "'", "*", "#"):
        while mark in (words := draft.words):
            draft = draft.drop(words.index(mark), words.index(mark) + 1)
    at = 0
    while at < len(draft.pieces):
        text = draft.pieces[at].text
        if len(text) > 2 and text[0] == text[-1] == "'":
            draft = draft.replace(at, at + 1, text[1:-1])
        at += 1
    while draft.words and draft.words[-1] in ("?", "!"):
        draft = draft.drop(len(draft.pieces) - 1, len(draft.pieces))
    return draft


def _without_asking(draft: Draft) -> Draft:
    asked = False
    while text := " ".join(draft.words):
        found = ASKING.match(text)
        if found and not asked and DRAW_ALONE.match(text) and found[0] == "draw":
            return draft  # a template of training captions
        if not found and (asked or not TRAINED_PICTURE.match(text)):
            found = PICTURE.match(text)
        if not found or found.end() == len(text):
            return draft
        draft = draft.drop(0, len(found[0].split()), Kind.WRAPPING)
        while draft.words and draft.words[0] in (",", "!", "?", ":"):
            draft = draft.drop(0, 1)
        asked = True
    return draft


def _without_thanks(draft: Draft) -> Draft:
    text = " ".join(draft.words)
    if (found := THANKS.search(text)) and found.start() > 0:
        return draft.drop(len(text[: found.start()].split()), len(draft.pieces), Kind.WRAPPING)
    return draft


def _without_owners(draft: Draft, lexicon: Lexicon) -> Draft:
    """ "my cat" -> "a cat", "the cat" -> "a cat": captions have no other article."""
    for thing in reversed(named_things(draft, lexicon)):
        if (
            thing.first
            and draft.words[thing.first - 1] in POSSESSIVES | {"the"}
            and thing.noun.article == "a"
        ):
            before = draft.words[thing.first - 1]
            kind = None if before == "the" else Kind.WRAPPING
            if thing.plural:
                draft = draft.drop(thing.first - 1, thing.first, kind)
            else:
                head = draft.pieces[thing.first].text
                draft = draft.replace(thing.first - 1, thing.first, with_article(head).split()[0], kind)
    return draft
