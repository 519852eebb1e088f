"""From a kernel's text and the constants that specialise it to a kernel loaded on a device."""

import functools
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from cuda_ops.gpu import cache, device, driver, nvrtc

KERNELS = Path(__file__).parent / "kernels"

Defines = tuple[tuple[str, int | str], ...]


class Compiler(Protocol):
    """What turns text into an image that the driver loads: NVRTC, or in the tests a compiler for the host."""

    version: tuple[int, int]

    def arch_for(self, capability: int) -> str: ...

    def compile(self, source: str, arch: str, options: tuple[str, ...] = ()) -> nvrtc.Image: ...


def compiler() -> Compiler:
    return nvrtc.load(device.here.cuda_major())


def defines(**constants: int | str) -> Defines:
    return tuple(constants.items())


def source(name: str, constants: Defines) -> str:
    """The whole text of a kernel: constants first (-D would break NVRTC's own header), then prelude and kernel."""
    head = "".join(f"#define {k} {v}\n" for k, v in (("KERNEL", name), *constants))
    return head + "".join(text(file) for file in ("prelude.cuh", "common.cuh", f"{name}.cu"))


@functools.cache
def text(file: str) -> str:
    return (KERNELS / file).read_text(encoding="utf-8")


def fingerprint() -> str:
    """Name of the state of all kernels and of the code that launches them."""
    room = Path(__file__).parent
    files = sorted([*room.glob("*.py"), *KERNELS.iterdir()])
    return cache.key(*(file.read_text(encoding="utf-8") for file in files if file.is_file()))


_loaded: dict[tuple[str, Defines, int], driver.Kernel] = {}
_lock = threading.Lock()


def kernel(name: str, constants: Defines, index: int) -> driver.Kernel:
    """The kernel `name` with these constants on GPU number `index`; compiled once, then from memory or disk."""
    found = _loaded.get((name, constants, index))
    if found is None:
        with _lock:
            found = _loaded.get((name, constants, index)) or _load(name, constants, index)
            _loaded[name, constants, index] = found
    return found


def forget() -> None:
    """Let go of all loaded kernels."""
    _loaded.clear()


def _load(name: str, constants: Defines, index: int) -> driver.Kernel:
    values: Mapping[str, int | str] = dict(constants)
    return driver.Kernel(image(name, constants, index), name, int(values["NT"]), index)


def image(name: str, constants: Defines, index: int) -> bytes:
    """Machine code or PTX for this GPU, from the user's cache where it is there."""
    whole = source(name, constants)
    made_by = compiler()
    arch = made_by.arch_for(device.here.capability(index))
    file = f"{name}-{cache.key(whole, arch, made_by.version, nvrtc.OPTIONS)}.bin"
    data = cache.read(file)
    if data is None:
        data = made_by.compile(whole, arch).data
        cache.write(file, data)
    return data
