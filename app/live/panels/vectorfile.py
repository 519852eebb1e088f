"""One latent vector as a `.npy` file: read with every check a stranger's file needs, written aside and renamed."""

import zipfile
from pathlib import Path

import numpy as np

from engine import files
from engine.errors import StyleScopeError

MAX_BYTES = 4 * 2**20  # a w for each of 64 layers at 8192 numbers in float64


class VectorError(StyleScopeError):
    """A vector file cannot be used."""


def read_vector(path: str | Path, size: int) -> tuple[float, ...]:
    """The `size` numbers in the file at `path`, as float32 values.

    Accepts [D], [1, D] and the [1, L, D] of projectors if its L rows are the same. VectorError for anything else.
    """
    path = Path(path)
    data = _loaded(path)
    if data.dtype.kind not in "fiu":
        raise VectorError(f"{path.name}: expected real numbers, found dtype {data.dtype}; save it as float32.")
    vector = _single_row(data, path.name)
    if vector.size != size:
        raise VectorError(
            f"{path.name}: expected {size} numbers for this network, found {vector.size}; "
            "pick a vector of this network, or open the network that made it."
        )
    with np.errstate(over="ignore"):  # too large for float32 is said below
        vector = vector.astype(np.float32)
    if not np.isfinite(vector).all():
        bad = int((~np.isfinite(vector)).sum())
        raise VectorError(f"{path.name}: expected finite numbers, found {bad} that are NaN or too large.")
    return tuple(float(v) for v in vector)


def write_vector(path: str | Path, vector: tuple[float, ...]) -> Path:
    """Save as float32 [D]; the file is whole or not there. Returns the path, with `.npy` added if it had no ending."""
    path = Path(path)
    path = path if path.suffix else path.with_suffix(".npy")
    try:
        with files.aside(path) as temporary, temporary.open("wb") as file:
            np.save(file, np.asarray(vector, dtype=np.float32), allow_pickle=False)
    except OSError as error:
        raise VectorError(f"{path}: cannot be written ({error.strerror}); choose another folder.") from None
    return path


def _loaded(path: Path) -> np.ndarray:
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise VectorError(f"{path.name}: expected a .npy file, found a folder or device.")
        if size > MAX_BYTES:
            raise VectorError(
                f"{path.name}: expected one vector (under {MAX_BYTES >> 20} MB), found {size >> 20} MB; "
                "save a single latent as .npy."
            )
        data = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: a header cannot ask for memory
    except OSError as error:
        raise VectorError(f"{path.name}: cannot be read ({error.strerror or error}).") from None
    except (ValueError, EOFError, SyntaxError, zipfile.BadZipFile, MemoryError):
        raise VectorError(
            f"{path.name}: expected a .npy array of numbers, found something else; save it with numpy.save."
        ) from None
    if not isinstance(data, np.ndarray):  # a .npz archive
        data.close()
        raise VectorError(f"{path.name}: expected a .npy array, found an .npz archive; save one array with numpy.save.")
    return np.array(data)


def _single_row(data: np.ndarray, name: str) -> np.ndarray:
    """The one vector [D] in an array whose last axis is D."""
    found = " x ".join(map(str, data.shape)) or "a single number"
    if data.ndim not in (1, 2, 3) or data.size == 0 or (data.ndim == 3 and data.shape[0] != 1):
        raise VectorError(f"{name}: expected one vector, found an array of {found}.")
    rows = data.reshape(-1, data.shape[-1])  # [L, D]
    if len(rows) > 1 and not np.array_equal(rows, np.broadcast_to(rows[0], rows.shape), equal_nan=True):
        raise VectorError(
            f"{name}: expected one vector, found {len(rows)} that differ ({found}); save the row you want by itself."
        )
    return rows[0]
