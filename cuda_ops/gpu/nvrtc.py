"""NVRTC by ctypes: CUDA's compiler as a library. It came with torch and needs no toolkit, headers or host compiler."""

import ctypes
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OPTIONS = ("--std=c++17", "-default-device")


class CompileError(RuntimeError):
    """NVRTC is missing or refused a kernel; the text is its own log."""


@dataclass(frozen=True)
class Image:
    """A compiled kernel: machine code for one architecture, or PTX that the driver finishes; `log` of the compiler."""

    data: bytes
    arch: str
    log: str


class Nvrtc:
    """One NVRTC library, opened."""

    def __init__(self, library: ctypes.CDLL):
        self._lib = library
        library.nvrtcGetErrorString.restype = ctypes.c_char_p
        self.version = self._version()
        self.archs = self._archs()

    def arch_for(self, capability: int) -> str:
        """`sm_86` where this compiler knows the GPU, else the newest older `compute_..`, for PTX."""
        if capability in self.archs:
            return f"sm_{capability}"
        older = [arch for arch in self.archs if arch <= capability]
        if not older:
            raise CompileError(
                f"NVRTC {self.version[0]}.{self.version[1]} makes code for compute capability "
                f"{self.archs[0] / 10} and newer, this GPU has {capability / 10}"
            )
        return f"compute_{max(older)}"

    def compile(self, source: str, arch: str, options: tuple[str, ...] = ()) -> Image:
        """Compile `source` for `arch`, which is `sm_86` or, for PTX, `compute_86`. Raises CompileError."""
        program = ctypes.c_void_p()
        self._check(
            self._lib.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None)
        )
        try:
            words = [word.encode() for word in (f"--gpu-architecture={arch}", *OPTIONS, *options)]
            code = self._lib.nvrtcCompileProgram(program, len(words), (ctypes.c_char_p * len(words))(*words))
            log = self._text(program, "nvrtcGetProgramLog").decode(errors="replace").strip("\0\n ")
            if code:
                raise CompileError(log or self._reason(code))
            kind = "nvrtcGetCUBIN" if arch.startswith("sm_") else "nvrtcGetPTX"
            return Image(self._text(program, kind), arch, log)
        finally:
            self._lib.nvrtcDestroyProgram(ctypes.byref(program))

    def _text(self, program: ctypes.c_void_p, name: str) -> bytes:
        size = ctypes.c_size_t()
        self._check(getattr(self._lib, name + "Size")(program, ctypes.byref(size)))
        buffer = ctypes.create_string_buffer(max(size.value, 1))
        self._check(getattr(self._lib, name)(program, buffer))
        return buffer.raw[: size.value]

    def _version(self) -> tuple[int, int]:
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._check(self._lib.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
        return major.value, minor.value

    def _archs(self) -> tuple[int, ...]:
        count = ctypes.c_int()
        self._check(self._lib.nvrtcGetNumSupportedArchs(ctypes.byref(count)))
        archs = (ctypes.c_int * count.value)()
        self._check(self._lib.nvrtcGetSupportedArchs(archs))
        return tuple(sorted(archs))

    def _reason(self, code: int) -> str:
        return self._lib.nvrtcGetErrorString(code).decode()

    def _check(self, code: int) -> None:
        if code:
            raise CompileError(self._reason(code))


@functools.cache
def load(major: int) -> Nvrtc:
    """The NVRTC of CUDA `major`, torch's own first. Raises CompileError that names where it was sought."""
    tried = []
    for place in places(major):
        tried.append(str(place))
        try:
            return Nvrtc(ctypes.CDLL(str(place)))
        except OSError:
            continue  # the next place; all of them are named below
    raise CompileError(f"NVRTC of CUDA {major} was not found; sought as {', '.join(tried)}")


def places(major: int) -> Iterator[Path | str]:
    """Where NVRTC may be, in the order of trust: torch's folder, NVIDIA's wheels, cuda-pathfinder, the system."""
    import torch

    site = Path(torch.__path__[0]).parent
    name = f"nvrtc64_{major}0_0.dll" if sys.platform == "win32" else f"libnvrtc.so.{major}"
    for folder in (
        "torch/lib", f"nvidia/cu{major}/lib", f"nvidia/cu{major}/bin/x86_64", f"nvidia/cu{major}/bin",
        "nvidia/cuda_nvrtc/lib", "nvidia/cuda_nvrtc/bin",
    ):  # fmt: skip
        if (site / folder / name).exists():
            yield site / folder / name
    found = _by_pathfinder(name)
    if found:
        yield found
    yield name


def _by_pathfinder(name: str) -> str | None:
    """What NVIDIA's own finder says, where it is installed and means the same CUDA version."""
    try:
        from cuda.pathfinder import load_nvidia_dynamic_lib  # type: ignore[import-not-found]
    except ImportError:
        return None
    try:
        path = load_nvidia_dynamic_lib("nvrtc").abs_path
    except RuntimeError:  # its own error for a library that is nowhere
        return None
    return path if path and Path(path).name.startswith(name) else None
