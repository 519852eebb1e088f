"""The shared libraries that the window needs on Linux, and the line that installs those that are missing."""

import ctypes
import shutil
import sys

# library -> its packages for apt, dnf and pacman, with Mesa's drivers where a library is of no use without one
NEEDED = {
    "libX11.so.6": ("libx11-6", "libX11", "libx11"),
    "libGL.so.1": ("libgl1 libglx-mesa0 libgl1-mesa-dri", "mesa-libGL mesa-dri-drivers", "libglvnd mesa"),
    "libEGL.so.1": ("libegl1 libegl-mesa0", "mesa-libEGL", "libglvnd mesa"),
    "libOpenGL.so.0": ("libopengl0", "libglvnd-opengl", "libglvnd"),
    "libXrandr.so.2": ("libxrandr2", "libXrandr", "libxrandr"),
    "libXinerama.so.1": ("libxinerama1", "libXinerama", "libxinerama"),
    "libXcursor.so.1": ("libxcursor1", "libXcursor", "libxcursor"),
    "libXi.so.6": ("libxi6", "libXi", "libxi"),
}
INSTALLERS = {"apt-get": "sudo apt install", "dnf": "sudo dnf install", "pacman": "sudo pacman -S --needed"}


def missing_libraries() -> tuple[str, ...]:
    """Names of the libraries that the loader cannot find; empty on systems that bring their own."""
    return tuple(name for name in NEEDED if not _loads(name)) if sys.platform == "linux" else ()


def install_line(libraries: tuple[str, ...]) -> str:
    """The command that installs `libraries` with this machine's package manager (apt's where none is known)."""
    tool = next((tool for tool in INSTALLERS if shutil.which(tool)), "apt-get")
    column = list(INSTALLERS).index(tool)
    packages = dict.fromkeys(word for name in libraries for word in NEEDED[name][column].split())
    return f"{INSTALLERS[tool]} {' '.join(packages)}"


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
