"""Checkpoints between machines: export as a zip, import of an untrusted one, upload to the Hugging Face Hub.

    checkpoint folder  --export_zip-->  zip  --import_checkpoint-->  checkpoint folder

Only the files of a checkpoint are imported, with weights as safetensors and networks in the sizes of
config.PRESETS, and only if they load.
"""

import io
import shutil
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dalle import images
from dalle.config import PRESETS, Config
from dalle.data.folder import archive
from dalle.data.folder.archive import (
    ImportIssue,
    ImportSource,
    Quota,
    SourceError,
    SourceFile,
    format_size,
    printable,
)
from dalle.errors import ErrorMessage, error_message
from dalle.pipeline.checkpoint import ALL_FILES, CONFIG_FILE, GRID_FILES, REQUIRED_FILES, CheckpointError
from dalle.pipeline.dalle import DALLE

IMPORT_QUOTA = Quota(files=32, file_bytes=2**29, total_bytes=2**29)
MAX_TEXT_BYTES = 2**23  # of a file without weights: its words are kept in memory and compared


def export_zip(folder: Path, name: str) -> bytes:
    """A zip of a checkpoint's files in a folder `name`; not compressed, since weights hardly shrink."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archived:
        for file in ALL_FILES:
            if (folder / file).is_file():
                archived.write(folder / file, f"{name}/{file}")
    return content.getvalue()


def import_checkpoint(source: ImportSource, folder: Path) -> None:
    """Copy a checkpoint from a zip, a folder or files to `folder`, which appears once it could be loaded.

    Raises SourceError for other files than a checkpoint's, CheckpointError where they do not load.
    """
    scratch = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    try:
        with archive.open_source(source, IMPORT_QUOTA) as (files, issues):
            _check_names(files, issues)
            for file in files:
                (scratch / PurePosixPath(file.name).name).write_bytes(_read_file(file))
        _check_sizes(scratch)
        DALLE.from_pretrained(scratch)
        scratch.chmod(0o755)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _check_names(files: list[SourceFile], issues: list[ImportIssue]) -> None:
    """Raise SourceError unless all files are of one checkpoint; hidden files of the system are ignored."""
    for issue in issues:
        if issue.kind != "ignored":
            raise SourceError("not_taken", name=issue.name, reason=ErrorMessage(issue.code, issue.values))
    paths = [PurePosixPath(file.name) for file in files]
    for path in paths:
        if path.name not in ALL_FILES:
            raise SourceError("no_part", name=printable(path.name), files=", ".join(REQUIRED_FILES))
    if len({path.name for path in paths}) < len(paths) or len({path.parent for path in paths}) > 1:
        raise SourceError("several")


def _read_file(file: SourceFile) -> bytes:
    """Raises SourceError where a file cannot be read or is too large, ImageError for a damaged image."""
    try:
        content = file.read()
    except Exception as error:  # a damaged zip makes Python raise zlib.error, EOFError, BadZipFile, ...
        raise SourceError("part_closed", name=printable(file.name), error=str(error)) from error
    path = PurePosixPath(file.name)
    if path.suffix != ".safetensors" and len(content) > MAX_TEXT_BYTES:
        sizes = {"size": format_size(len(content)), "most": format_size(MAX_TEXT_BYTES)}
        raise SourceError("not_taken", name=printable(file.name), reason=error_message("unpacked", **sizes))
    if path.name in GRID_FILES:
        images.read(content)
    return content


def _check_sizes(folder: Path) -> None:
    """Raise CheckpointError for unusual sizes, before networks are made that could fill the memory."""
    try:
        config = Config.from_json((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"there is no config.json of a checkpoint ({error})") from error
    if _all_learnt(config) not in map(_all_learnt, PRESETS.values()):
        raise CheckpointError(f"its networks have other sizes than those of {', '.join(PRESETS)}")


def _all_learnt(config: Config) -> Config:
    """The config without told numbers, which hardly change a network's size."""
    return replace(config, flow=replace(config.flow, learnt=config.flow.code))


def push_to_hub(folder: Path, repository: str, private: bool = False) -> str:
    """Upload all files of a checkpoint to the Hugging Face Hub; -> the repository's address.

    Raises CheckpointError where `folder` is no checkpoint, OSError where the Hub refuses or is not reached.
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
