"""Tells by its content what a file is, and how the networks inside are to be read."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.checkpoints import (
    allowed,
    archive,
    legacy,
    lucidrains,
    native,
    nvlabs,
    rosinality,
    statedict,
    tensorflow,
)
from engine.checkpoints.fit import Draft
from engine.checkpoints.limits import refusal
from engine.checkpoints.machine import Machine
from engine.checkpoints.records import kindof
from engine.checkpoints.source import Source

Settings = Callable[[], dict[str, Any] | None]
MODELS = (".pkl", ".pt", ".pth", ".safetensors")
TEXT_PICKLE = re.compile(
    rb"c[\w.]+\n[\w.]+\n"
)  # of protocol 0: no network, but what it asks for can be named
PEEK = 512  # bytes that tell one kind of file from another
PACKED = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
}
KINDS = "a .pkl, .pt or .safetensors file of StyleGAN, StyleGAN2 or StyleGAN3"
_BYSTANDERS = {
    "augment_pipe": "it is the augmentation of training and takes no part in a picture",
    "training_set_kwargs": "it describes the training images",
    "version": "it is the version of the program that trained the network",
    "D": "it is a discriminator of a kind that StyleScope does not run, and no picture depends on it",
    "g_optim": "it is the optimiser of training", "d_optim": "it is the optimiser of training",
    "args": "it is the command line of training", "ada_aug_p": "it is the strength of augmentation in training",
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What a file is: its format, how to read each network in it, and what else is inside."""

    format: str
    readers: dict[str, Callable[[], Draft]]
    others: list[str]

    def notes(self) -> tuple[str, ...]:
        """A note for each entry of the file that is no network."""
        return tuple(
            f"Ignored {name!r}: {_BYSTANDERS.get(name, 'it is not a network, and no picture depends on it')}."
            for name in self.others[:50]
        )


def recognise(source: Source, settings: Settings, path: Path | None = None) -> Found:
    """What the bytes are; raises CheckpointError that says what they are instead. Names and suffixes play no part.

    `settings` finds the JSON beside a bare state dict. `path` is that of the file itself, to be mapped into memory;
    None if it lies inside of an archive.
    """
    head = source.head(PEEK)
    if head.startswith(b"PK\x03\x04"):
        return _zip(archive.Archive(source), settings, path)
    if native.recognise(source):
        return _safetensors(source, settings, path)
    if head.startswith(legacy.SIGNATURE):
        return _object(legacy.read(source, allowed.find), ".pt", source, settings)
    if (len(head) > 2 and head[0] == 0x80 and head[1] <= 5) or TEXT_PICKLE.match(head):
        return _object(Machine(source, allowed.find).load(), "pickle", source, settings)
    raise refusal(KINDS, *instead(head))


def instead(head: bytes) -> tuple[str, str]:
    """What a file that holds no network is, and what to do about it."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "an empty file", "the download or copy did not finish, so repeat it"
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<script", b"<!--")):
        return (
            "what looks like a web page",
            "the download probably failed, so open its address in a browser and save the file itself",
        )
    if text.startswith(b"version https://git-lfs"):
        return (
            "a Git LFS pointer, not the file itself",
            "run `git lfs pull` in its repository, or download the file by its own link",
        )
    if text.startswith((b"{", b"[")):
        return "what looks like JSON text", "the download probably failed; read what it says"
    for magic, name in PACKED.items():
        if head.startswith(magic):
            return f"a packed file ({name})", "unpack it and open what is inside"
    if head[257:262] == b"ustar":
        return "a packed file (tar)", "unpack it and open what is inside"
    if not head.strip(b"\0"):
        return "zeros at its beginning", "the download or copy did not finish, so repeat it"
    shown = " ".join(f"{byte:02x}" for byte in head[:8])
    return f"something else, which begins with the bytes {shown}", "check that this is the file you meant"


def _zip(members: archive.Archive, settings: Settings, path: Path | None) -> Found:
    prefix = archive.torch_prefix(members)
    if prefix is not None:
        return _object(archive.read_torch(members, prefix, allowed.find), ".pt", members.source, settings)
    names = [name for name in archive.files(members) if name.endswith(MODELS)]
    if path is None or len(names) != 1:
        raise refusal(
            "an archive with one model file inside",
            f"one with {len(names)}",
            "unpack it and open the file you want",
        )
    beside = [name for name in archive.files(members) if name.endswith(".json")]
    inner = recognise(members.member(names[0]), lambda: _packed_settings(members, beside))
    return replace(inner, format=f"{inner.format} in a zip archive")


def _packed_settings(members: archive.Archive, names: list[str]) -> dict[str, Any] | None:
    if len(names) != 1:
        return None
    member = members.member(names[0])
    return statedict.parse_settings(member.head(statedict.LONGEST_SETTINGS), names[0])


def _safetensors(source: Source, settings: Settings, path: Path | None) -> Found:
    entries, metadata = native.read_header(source, path)
    if "stylescope" in metadata:
        return Found("StyleScope safetensors", native.networks(entries, metadata), [])
    if not statedict.recognise(entries):
        raise refusal(KINDS, "tensors of another kind of model", "check that this is the file you meant")
    readers, others = statedict.networks(dict(entries), settings())
    return Found("state dict (safetensors)", readers, others)


def _object(top: Any, kind: str, source: Source, settings: Settings) -> Found:
    """What the object of a pickle is, whoever wrote it."""
    if nvlabs.recognise(top):
        return Found(nvlabs.describe(top), *nvlabs.networks(top))
    if tensorflow.recognise(top):
        return Found(tensorflow.describe(top), *tensorflow.networks(top, source))
    if rosinality.recognise(top):
        return Found("rosinality .pt", *rosinality.networks(top))
    if lucidrains.recognise(top):
        return Found("lucidrains .pt", *lucidrains.networks(top, settings()))
    if statedict.recognise(top):
        return Found(f"state dict ({kind})", *statedict.networks(top, settings()))
    inside = kindof(top)
    if isinstance(top, dict):
        inside = "only " + (
            ", ".join(repr(key[:40]) for key in list(top)[:8] if isinstance(key, str)) or "nothing"
        )
    raise refusal("a StyleGAN generator inside", inside, 'pick a full snapshot, one with "G_ema"')
