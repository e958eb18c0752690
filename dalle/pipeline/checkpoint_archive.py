"""A checkpoint on its way: out as a zip, in from a zip or from files, up to the Hugging Face Hub.

    checkpoint  --pack-->  zip  --unpack-->  checkpoint

What comes in is not trusted: nothing but the parts of a checkpoint is taken, weights as safetensors alone, in
sizes that this version trains; and it counts only once it was loaded.
"""

import io
import shutil
import tempfile
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

from dalle import images
from dalle.config import PRESETS, Config
from dalle.data.folder import archive
from dalle.data.folder.archive import Entry, FolderError, ImportIssue, Quota, Source, mib, shown
from dalle.errors import ErrorMessage, error_message
from dalle.pipeline.checkpoint import ALL_FILES, FILES, GRID_FILES, CheckpointError
from dalle.pipeline.dalle import DALLE
from dalle.serving.studio import Checkpoint

QUOTA = Quota(files=32, file_bytes=2**29, total_bytes=2**29)

MOST_TEXT = 2**23  # bytes of a part that is no weights: all of them are kept in memory, and words compared


def export_zip(folder: Path, name: str) -> bytes:
    """A zip of a checkpoint's parts, in a folder `name`; stored as they are, since weights hardly shrink."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for part in ALL_FILES:
            if (folder / part).is_file():
                packed.write(folder / part, f"{name}/{part}")
    return file.getvalue()


def import_checkpoint(source: Source, folder: Path) -> None:
    """Take a checkpoint in: from a zip, a folder or files, to `folder`, which appears when it was loaded.

    Raises FolderError where anything else is among them, CheckpointError where they are no checkpoint.
    """
    scratch = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    try:
        with archive.opened(source, QUOTA) as (entries, problems):
            _check(entries, problems)
            for entry in entries:
                (scratch / PurePosixPath(entry.name).name).write_bytes(_content(entry))
        _check_sizes(scratch)
        Checkpoint(scratch)
        scratch.chmod(0o755)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _check(entries: list[Entry], problems: list[ImportIssue]) -> None:
    """Raise FolderError unless all are parts of one checkpoint; what systems hide among them is left out."""
    for problem in problems:
        if problem.kind != "ignored":
            raise FolderError(
                "not_taken", name=problem.name, reason=ErrorMessage(problem.code, problem.values)
            )
    paths = [PurePosixPath(entry.name) for entry in entries]
    for path in paths:
        if path.name not in ALL_FILES:
            raise FolderError("no_part", name=shown(path.name), files=", ".join(FILES))
    twice = [name for name, count in Counter(path.name for path in paths).items() if count > 1]
    if twice or len({path.parent for path in paths}) > 1:
        raise FolderError("several")


def _content(entry: Entry) -> bytes:
    try:
        content = entry.read()
    except Exception as error:  # a damaged zip makes Python raise zlib.error, EOFError, BadZipFile, ...
        raise FolderError("part_closed", name=shown(entry.name), error=str(error)) from error
    name = PurePosixPath(entry.name)
    if name.suffix != ".safetensors" and len(content) > MOST_TEXT:
        sizes = {"size": mib(len(content)), "most": mib(MOST_TEXT)}
        raise FolderError("not_taken", name=shown(entry.name), reason=error_message("unpacked", **sizes))
    if name.name in GRID_FILES:
        images.read(content)
    return content


def _check_sizes(folder: Path) -> None:
    """Before the networks are made: a stranger's sizes could fill the memory."""
    try:
        config = Config.from_json((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"there is no config.json of a checkpoint ({error})") from error
    if config not in PRESETS.values():
        raise CheckpointError(f"its networks have other sizes than those of {', '.join(PRESETS)}")


def push(folder: Path, repository: str, private: bool = False) -> str:
    """Upload a checkpoint to the Hugging Face Hub, with all that stands beside its weights; -> its address.

    Raises CheckpointError where the folder is none, OSError where the Hub refuses or is not reached.
    """
    import httpx
    from huggingface_hub import HfApi

    DALLE.from_pretrained(folder)
    api = HfApi()
    try:
        url = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(folder_path=folder, repo_id=url.repo_id, allow_patterns=list(ALL_FILES))
    except httpx.TransportError as error:
        raise OSError(f"the Hugging Face Hub cannot be reached ({error}); is this machine online?") from error
    return str(url)
