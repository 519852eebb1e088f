"""Vector files: what is read back, and what is refused with which sentence."""

import numpy as np
import pytest

from app.live.panels.vectorfile import MAX_BYTES, VectorError, read_vector, write_vector


class Boom:
    def __reduce__(self):
        import os

        return (os.mkdir, ("boom-was-run",))


def saved(tmp_path, array, name="w.npy"):
    path = tmp_path / name
    np.save(path, array, allow_pickle=True)
    return path


def refused(path, size=4):
    with pytest.raises(VectorError) as caught:
        read_vector(path, size)
    return str(caught.value)


def test_what_is_written_is_read_back_to_the_bit(tmp_path):
    vector = tuple(np.random.RandomState(0).randn(512).astype(np.float32).tolist())
    path = write_vector(tmp_path / "z", vector)
    assert path == tmp_path / "z.npy"
    assert read_vector(path, 512) == vector
    assert np.load(path).dtype == np.float32
    assert [p.name for p in tmp_path.iterdir()] == ["z.npy"]


@pytest.mark.parametrize("shape", [(4,), (1, 4), (1, 1, 4)])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "f8", "f2", "i8"])
def test_shapes_and_types_that_tools_write(tmp_path, shape, dtype):
    path = saved(tmp_path, np.array([1, 2, 3, 4], dtype).reshape(shape))
    assert read_vector(path, 4) == (1.0, 2.0, 3.0, 4.0)


def test_a_projector_s_equal_rows_are_one_vector(tmp_path):
    assert read_vector(saved(tmp_path, np.tile([1.0, 2, 3, 4], (1, 14, 1))), 4) == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros(5), "w.npy: expected 4 numbers for this network, found 5"),
        (np.arange(8.0).reshape(2, 4), "expected one vector, found 2 that differ (2 x 4)"),
        (np.zeros((2, 3, 4)), "found an array of 2 x 3 x 4"),
        (np.float32(3), "found an array of a single number"),
        (np.zeros(0), "found an array of 0"),
        (np.array([1, np.nan, np.inf, 4]), "expected finite numbers, found 2"),
        (np.array([1, 2, 3, 1e300]), "expected finite numbers, found 1"),
        (np.array([1j, 2, 3, 4]), "expected real numbers, found dtype complex128"),
        (np.array(["a", "b", "c", "d"]), "expected real numbers, found dtype <U1"),
        (np.array([Boom()] * 4, dtype=object), "expected a .npy array of numbers, found something else"),
    ],
)
def test_wrong_arrays_are_named(tmp_path, monkeypatch, array, sentence):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(saved(tmp_path, array))
    assert not (tmp_path / "boom-was-run").exists()


def test_things_that_are_no_arrays(tmp_path):
    page, whole, archive = tmp_path / "page.npy", saved(tmp_path, np.zeros(4)), tmp_path / "many.npz"
    page.write_text("<!DOCTYPE html>")
    assert "found something else" in refused(page)
    (tmp_path / "empty.npy").write_bytes(b"")
    assert "found something else" in refused(tmp_path / "empty.npy")
    whole.write_bytes(whole.read_bytes()[:-3])
    assert "found something else" in refused(whole)
    np.savez(archive, w=np.zeros(4))
    assert "found an .npz archive" in refused(archive)
    assert "cannot be read (No such file or directory)" in refused(tmp_path / "missing.npy")
    assert "cannot be read" in refused(tmp_path) or "found a folder" in refused(tmp_path)


def test_a_header_cannot_ask_for_memory(tmp_path):
    path = tmp_path / "huge.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (2**40,)})
        file.write(b"\0" * 16)
    assert "found something else" in refused(path)


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "sparse.npy"
    with path.open("wb") as file:
        file.truncate(3 * 2**30)
    assert f"under {MAX_BYTES >> 20} MB), found 3072 MB" in refused(path)


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VectorError, match="cannot be written"):
        write_vector(tmp_path / "file" / "w.npy", (1.0,))


def test_an_existing_file_survives_a_failed_write(tmp_path, monkeypatch):
    path = write_vector(tmp_path / "w.npy", (1.0, 2.0))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(VectorError, match="No space left"):
        write_vector(path, (3.0, 4.0))
    assert read_vector(path, 2) == (1.0, 2.0)
    assert [p.name for p in tmp_path.iterdir()] == ["w.npy"]
