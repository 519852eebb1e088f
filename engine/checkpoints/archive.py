"""Zip archives: what `torch.save` writes, read where it lies, and plain archives with one checkpoint inside."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from engine.checkpoints.legacy import stored
from engine.checkpoints.limits import damaged, refusal
from engine.checkpoints.machine import Machine, Rules
from engine.checkpoints.source import Source

MAX_MEMBERS = 100_000
MAX_INFLATION = 16  # a member may be this many times longer than the archive: weights hardly shrink
LOCAL_HEADER = 30  # bytes of a member's own header, before its name


class _View(io.RawIOBase):
    """A source as a seekable file, for `zipfile`."""

    def __init__(self, source: Source):
        self._source = source
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        at = (0, self._at, self._source.length)[whence] + offset
        if at < 0:
            raise damaged("an archive whose directory lies outside of it")
        self._at = at
        return at

    def readinto(self, target: Any) -> int:
        count = max(min(len(target), self._source.length - self._at), 0)
        target[:count] = self._source.read(self._at, count) if count else b""
        self._at += count
        return count


class Archive:
    """The members of a zip archive, by name; nothing is ever unpacked to disk."""

    def __init__(self, source: Source):
        self.source = source
        try:
            self._zip = zipfile.ZipFile(io.BufferedReader(_View(source)))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise damaged("an archive without a readable directory") from error
        self._members = {info.filename: info for info in self._zip.infolist()}
        if len(self._members) > MAX_MEMBERS:
            raise damaged(f"an archive of more than {MAX_MEMBERS} members")

    def names(self) -> list[str]:
        return list(self._members)

    def member(self, name: str) -> Source:
        """A member's bytes: a window of the file, or inflated if they were compressed."""
        info = self._members.get(name)
        if info is None:
            raise damaged(f"an archive without its part {name[:80]!r}")
        if info.flag_bits & 1:
            raise refusal(
                "an archive without password", "an encrypted one", "unpack it and open what is inside"
            )
        if info.compress_type == zipfile.ZIP_STORED:
            return self._stored(info)
        return self._inflated(info)

    def _stored(self, info: zipfile.ZipInfo) -> Source:
        if info.compress_size != info.file_size:
            raise damaged("a part of the archive with two sizes")
        header = self.source.read(info.header_offset, LOCAL_HEADER)
        if header[:4] != b"PK\x03\x04":
            raise damaged("a part of the archive that does not begin like one")
        skip = (
            LOCAL_HEADER + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        )
        return self.source.window(info.header_offset + skip, info.file_size)

    def _inflated(self, info: zipfile.ZipInfo) -> Source:
        if info.file_size > MAX_INFLATION * self.source.length:
            raise refusal(
                "weights, which hardly shrink when compressed",
                "a part that grows enormously",
                "the archive is made to exhaust memory, so do not use it",
            )
        self.source.budget.take(2 * info.file_size)
        try:
            with self._zip.open(info) as member:
                data = member.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
            raise damaged("a part of the archive that cannot be unpacked") from error
        if len(data) != info.file_size:
            raise damaged("a part of the archive with two sizes")
        return self.source.of(data)


def torch_prefix(archive: Archive) -> str | None:
    """The folder inside that `torch.save` made, or None if it did not write this archive."""
    found = [name for name in archive.names() if name == "data.pkl" or name.endswith("/data.pkl")]
    return found[0][: -len("data.pkl")] if len(found) == 1 else None


def read_torch(archive: Archive, prefix: str, rules: Rules) -> Any:
    """The object that `torch.save` wrote; its tensors' values stay in the archive."""
    if f"{prefix}byteorder" in archive.names():
        order = archive.member(f"{prefix}byteorder").head(16)
        if order != b"little":
            raise refusal(
                "numbers in little endian order",
                "another order",
                "save the file again on an ordinary computer",
            )
    persistent = stored({}, lambda key: archive.member(f"{prefix}data/{key}"))
    return Machine(archive.member(f"{prefix}data.pkl"), rules, persistent).load()


def files(archive: Archive) -> Iterator[str]:
    """Members that are files at all; the directories and the bookkeeping of packers are left out."""
    for name in archive.names():
        if not name.endswith("/") and not name.startswith("__MACOSX/"):
            yield name
