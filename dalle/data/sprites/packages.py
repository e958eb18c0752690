"""Packages: downloaded by npm or apt-get at an exact version, checked against a digest, and unpacked.

    package --npm pack, apt-get download--> archive --sha512--> folder of files

A package that was unpacked before is not asked for again, so that a build which was stopped goes on.
"""

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from dalle.data.sprites.sources import Package

AR_MAGIC = b"!<arch>\n"
AR_HEADER = 60  # bytes; the name is the first 16, the size the 10 from byte 48 on


def fetch(package: Package, folder: Path, members: Collection[str] = ()) -> Path:
    """The folder of a package's files, below `folder`; downloaded unless it is there already.

    `members`: the start of the names of the files that are wanted; all where empty.
    Raises RuntimeError where the client is missing or fails, ValueError where the archive is damaged.
    """
    into = folder / package.name.replace("/", "+")
    if into.is_dir():
        return into
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as scratch:
        archive = _download(package, Path(scratch))
        _check(package, archive)
        unpacked = Path(scratch) / "unpacked"
        try:
            _unpack(package, archive, unpacked, tuple(members))
        except (tarfile.TarError, EOFError, OSError, ValueError) as error:
            raise ValueError(f"the package {package.name} {package.version} is damaged: {error}") from error
        os.replace(unpacked, into)
    return into


def _download(package: Package, scratch: Path) -> Path:
    """Have npm or apt-get put the package's archive into the folder `scratch`."""
    if package.origin == "npm":
        client, advice = (
            "npm",
            "install Node.js from https://nodejs.org (on Debian or Ubuntu: apt install npm)",
        )
        command = ["npm", "pack", "--ignore-scripts", "--silent", f"{package.name}@{package.version}"]
    else:
        client, advice = "apt-get", "build on Debian or Ubuntu, or leave this package's sources out"
        command = ["apt-get", "download", f"{package.name}={package.version}"]
    if shutil.which(client) is None:
        raise RuntimeError(f"{client}, which downloads {package.name}, was not found: {advice}")
    ended = subprocess.run(
        command, cwd=scratch, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    archives = sorted(scratch.glob("*.tgz")) + sorted(scratch.glob("*.deb"))
    if ended.returncode or len(archives) != 1:
        last = "\n".join((ended.stderr or ended.stdout).strip().splitlines()[-12:])
        raise RuntimeError(
            f"{client} could not download {package.name} {package.version} "
            f"(exit status {ended.returncode}):\n{last}"
        )
    return archives[0]


def _check(package: Package, archive: Path) -> None:
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package.integrity:
        raise ValueError(
            f"the package {package.name} {package.version} is damaged: its digest is {found}, "
            f"and should be {package.integrity}; try again, or clear the cache of {package.origin}"
        )


def _unpack(package: Package, archive: Path, into: Path, members: tuple[str, ...]) -> None:
    """Unpack what `members` asks for. An npm archive's one top folder is left out."""
    data = _data_of_deb(archive.read_bytes()) if package.origin == "debian" else archive.read_bytes()
    into.mkdir()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if package.origin == "npm":
                name = name.partition("/")[2]
            if member.isfile() and name and (not members or name.startswith(members)):
                tar.extract(member.replace(name=name, deep=False), into, filter="data")
    if not any(into.iterdir()):
        raise ValueError(f"it holds none of {', '.join(members) or 'any files'}")


def _data_of_deb(archive: bytes) -> bytes:
    """The compressed tar file within a Debian package, which is an ar archive."""
    if not archive.startswith(AR_MAGIC):
        raise ValueError("it is no Debian package")
    for name, content in _ar_members(archive):
        if name.startswith("data.tar"):
            return content
    raise ValueError("it has no data.tar")


def _ar_members(archive: bytes) -> Iterator[tuple[str, bytes]]:
    at = len(AR_MAGIC)
    while at + AR_HEADER <= len(archive):
        header = archive[at : at + AR_HEADER]
        size = int(header[48:58])
        yield header[:16].decode("ascii").strip().rstrip("/"), archive[at + AR_HEADER :][:size]
        at += AR_HEADER + size + size % 2
