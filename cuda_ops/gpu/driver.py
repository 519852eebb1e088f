"""The driver API by ctypes: modules, launches, OpenGL buffers. libcuda comes with the display driver itself."""

import ctypes
import functools
import sys

Handle, Uint, Int, Size = ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_size_t
Out = ctypes.POINTER

SIGNATURES = {
    "cuInit": (Uint,),
    "cuDriverGetVersion": (Out(Int),),
    "cuGetErrorString": (Int, Out(ctypes.c_char_p)),
    "cuDeviceGetAttribute": (Out(Int), Int, Int),
    "cuCtxGetCurrent": (Out(Handle),),
    "cuCtxSetCurrent": (Handle,),
    "cuDevicePrimaryCtxRetain": (Out(Handle), Int),
    "cuModuleLoadData": (Out(Handle), ctypes.c_char_p),
    "cuModuleUnload": (Handle,),
    "cuModuleGetFunction": (Out(Handle), Handle, ctypes.c_char_p),
    "cuLaunchKernel": (Handle, Uint, Uint, Uint, Uint, Uint, Uint, Uint, Handle, Handle, Handle),
    "cuMemcpyDtoDAsync_v2": (Handle, Handle, Size, Handle),
    "cuGraphicsGLRegisterBuffer": (Out(Handle), Uint, Uint),
    "cuGraphicsUnregisterResource": (Handle,),
    "cuGraphicsMapResources": (Uint, Out(Handle), Handle),
    "cuGraphicsUnmapResources": (Uint, Out(Handle), Handle),
    "cuGraphicsResourceGetMappedPointer_v2": (Out(Handle), Out(Size), Handle),
}


MULTIPROCESSORS, CLOCK_RATE = 16, 13  # attributes of a device; the clock is in kHz


class CudaError(RuntimeError):
    """A call of the driver failed; `code` is its number."""

    def __init__(self, call: str, code: int, text: str):
        super().__init__(f"{call} failed with error {code} ({text})")
        self.code = code


@functools.cache
def library() -> ctypes.CDLL:
    """The driver's library. Raises OSError where there is no NVIDIA driver."""
    return typed(ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"))


def typed(lib: ctypes.CDLL) -> ctypes.CDLL:
    """Give every function that is used its signature."""
    for name, arguments in SIGNATURES.items():
        function = getattr(lib, name)
        function.argtypes, function.restype = arguments, Int
    return lib


def call(name: str, *arguments: object) -> None:
    """One call of the driver API. Raises CudaError."""
    code = getattr(library(), name)(*arguments)
    if code:
        text = ctypes.c_char_p()
        library().cuGetErrorString(code, ctypes.byref(text))
        raise CudaError(name, code, (text.value or b"unknown").decode())


def primary_context(device: int) -> ctypes.c_void_p:
    """The context of a device that torch works in too."""
    context = Handle()
    call("cuInit", 0)
    call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    return context


def make_current(context: ctypes.c_void_p) -> None:
    """Work in this context from now on in this thread: a new one has none, and torch may be on another GPU."""
    now = Handle()
    call("cuCtxGetCurrent", ctypes.byref(now))
    if now.value != context.value:
        call("cuCtxSetCurrent", context)


class Kernel:
    """A kernel loaded on a device. It takes one argument, a struct, which the driver copies at the launch."""

    def __init__(self, image: bytes, name: str, threads: int, device: int):
        self.threads = threads
        self._context, self._module, self._function = primary_context(device), Handle(), Handle()
        make_current(self._context)
        call("cuModuleLoadData", ctypes.byref(self._module), image)
        call("cuModuleGetFunction", ctypes.byref(self._function), self._module, name.encode())

    def launch(self, grid: tuple[int, int, int], params: ctypes.Structure, stream: int) -> None:
        """Queue the kernel on `stream`; it may be captured into a graph."""
        make_current(self._context)
        arguments = (Handle * 1)(ctypes.addressof(params))
        call("cuLaunchKernel", self._function, *grid, self.threads, 1, 1, 0, stream, arguments, None)


def version() -> str:
    """CUDA version that the driver supports, like 12.4."""
    number = Int()
    call("cuInit", 0)
    call("cuDriverGetVersion", ctypes.byref(number))
    return f"{number.value // 1000}.{number.value % 1000 // 10}"


def attribute(number: int, device: int) -> int:
    """One attribute of a device, by CUDA's own number."""
    value = Int()
    call("cuInit", 0)
    call("cuDeviceGetAttribute", ctypes.byref(value), number, device)
    return value.value
