"""Error messages for invalid user input: a code with values, and its English text; the page translates it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_SIZE_ADVICE = "make it smaller: {megapixels} megapixels and {size} are read at most"
_EXPORT_ADVICE = "open it in a picture editor and export it as PNG"

ENGLISH_TEXTS = {
    # --- a picture
    "pixels": f"the picture is too large, {{width}}x{{height}} pixels; {_SIZE_ADVICE}",
    "bomb": f"the picture is too large ({{error}}); {_SIZE_ADVICE}",
    "bytes": f"the file is too large; {_SIZE_ADVICE}",
    "foreign": f"the file is no PNG, JPEG, WebP or GIF picture, whatever its name says; {_EXPORT_ADVICE}",
    "damaged": f"the picture is damaged or cut short ({{error}}); {_EXPORT_ADVICE}",
    "empty": "the file is empty: choose another, or copy it again from where it came",
    # --- a file among others
    "hidden": "hidden, or made by the system",
    "nested": "an archive inside is not opened; unpack it, or give it alone if it is a zip",
    "unpacked": "{size} when unpacked; a file may have {most}",
    "total": "with it there would be more than {most} in all",
    "closed": "cannot be read ({error}); copy it again",
    "link": "a link to elsewhere is not followed; put the file itself here",
    "irregular": "no regular file",
    "outside": "its path leads out of the zip",
    "encrypted": "encrypted; pack it without a password",
    "method": "packed by an unusual method; pack it as an ordinary zip",
    # --- a picture among others
    "pictures": "more than {most:,} pictures",
    "megapixels": "more than {most:,} megapixels in all",
    "small": "{width}x{height} pixels; {side} a side are needed",
    "duplicate": "the same pixels as {first}, which is kept",
    "removed": "taken out by hand",
    # --- captions
    "not_text": "cannot be read as captions in UTF-8 ({error})",
    "column": "no column {column!r}; it has {columns}",
    "rows": "a table has at most {most:,} rows; the rest is not read",
    "row": "needs the texts file_name and text; it has {row}",
    "long": "a caption has at most {most:,} characters; this one has {length:,}",
    "control": "a caption has no control characters; {caption!r} has {character}",
    "wordless": "the caption is empty",
    "namesakes": "{count} pictures have that name; rename them",
    "captioned": "its picture is captioned by {first} already",
    "pictureless": "no picture has that name",
    # --- all that was handed over
    "files": "more than {most:,} files; leave out what is no picture, or give a part of them",
    "missing": "{path} is not there; give a folder, a zip or pictures",
    "large_zip": "{name} is larger than {most}; give fewer pictures",
    "long_zip": "{name} lists more than {most:,} files; give fewer pictures",
    "bad_zip": "{name} is no zip, or is damaged ({error}); pack it again",
    "not_gathered": "{path} holds no gathered pictures ({error}); gather them again",
    # --- a recipe
    "no_recipe": "the picture carries no recipe: only PNG files saved here do, and chat programs and picture "
    "editors take it out. Use the file as it was downloaded, or the link",
    "not_object": "a recipe is a JSON object; got {value}",
    "other_version": "the recipe has {odd}: it comes from another version of this program, or was altered. "
    "This one reads version {version} with {known}; update it, or enter the prompt by hand",
    "unknown_fields": "unknown fields {fields}",
    "its_version": "version {value}",
    "link_closed": "the link cannot be read ({error}); copy it again, whole",
    "twice": "the link gives {name} twice; copy it again",
    "field_closed": "{name} cannot be read ({error}); got {value}",
    "field_long": "{name} has {length:,} characters; {most:,} are allowed, make it shorter",
    "field_control": "{name} has the control character {known} U+{point:04X} at position {at}: take it out",
    "text": "{name} must be text; got {value}",
    "whole": "{name} must be a whole number from {least} to {most}; got {value}",
    "number": "{name} must be a number from {least:g} to {most:g}; got {value}",
    "numbers": "{name} must be {count} numbers; got {value}",
    "digest": "{name} must be a digest, {most} letters and digits at most; got {value}",
    "choice": "{name} must be one of {known}; got {value}",
    "objects": "edits must be a list of JSON objects; got {value}",
    # --- an edit
    "edits": "there are {count} edits; {most} are allowed",
    "unknown_field": "the edit {kind!r} does not have {name!r}; its fields are {known}",
    "missing_field": "the edit {kind!r} needs {name!r}; its fields are {known}",
    "file_late": "only a recipe's first edit can open a file",
    "blends": "a blend's other picture cannot be a blend itself; blend the other way round",
    "work": "with its edits the picture takes {steps:,} sampling steps, those of blended pictures among "
    "them; {most:,} are allowed. Use fewer steps or edits",
    "mask_empty": "the mask is empty: paint over what is to change",
    "mask_closed": "the mask cannot be read ({error}); paint it again",
    "mask_size": "the mask is not one of {size}x{size} pixels; paint it again",
    "frame": "the frame must move so that some of the picture stays in it, and some of it is new",
    "other_first": "open the other picture first",
    "other_needed": "open the other picture, or say what it shows",
    "not_flat": "the background is not one flat colour, so it cannot be told from the thing; use a picture "
    "on a plain ground",
    "cut_large": "the picture is too large to cut out, {width}x{height} pixels; {most} megapixels at most",
    "enlarged": "{factor} times {width}x{height} pixels are more than {most} megapixels: choose a smaller "
    "factor or picture",
    "upscaler_gone": "it was enlarged by the upscaler {digest}, which is not here: copy its file into the "
    "checkpoint's folder, or enlarge the picture anew",
    # --- a run
    "no_pictures": "there are no pictures to learn from; choose some first",
    "uncaptioned": "{count} pictures have no caption, {first} for one; write one for each, in the table or "
    "in data/metadata.csv",
    "runs_full": "the runs take {used}, all that they may; delete one first",
    "disk_full": "the disk has less than {needed} left, which a run may need; make room",
    "no_checkpoint": "run {name!r} has no checkpoint yet",
    "waiting": "as many runs wait for their turn as may ({most}); try again later",
    "yours_waiting": "as many of your runs wait for their turn as may ({most}); try again when one has "
    "begun, or stop one",
    # --- a checkpoint
    "not_taken": "{name} is not taken: {reason}",
    "no_part": "{name} is no part of a checkpoint; give the zip that was downloaded here, or a folder of "
    "{files}",
    "several": "these are the files of more than one checkpoint; give one at a time",
    "part_closed": "{name} cannot be read ({error}); copy it again",
}


@dataclass(frozen=True)
class ErrorMessage:
    """A code of ENGLISH_TEXTS, and the values of its text's placeholders; a value may be a message itself."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return ENGLISH_TEXTS[self.code].format(**self.values)


def error_message(code: str, **values: Any) -> ErrorMessage:
    """Shorthand for ErrorMessage with `values` as keywords."""
    return ErrorMessage(code, values)


class InputError(ValueError):
    """Invalid input of a user: a file, a field, a link; the message says what is wrong and what to do."""

    def __init__(self, code: str, **values: Any):
        self.message = ErrorMessage(code, values)
        super().__init__(str(self.message))
