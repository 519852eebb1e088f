"""Launching through a driver that is a stand-in: structs, grids, contexts of threads, errors, the cache on disk."""

import ctypes
import threading

import pytest
import torch

from cuda_ops.gpu import adain, cache, driver, epilogue, fir, program, rgba
from cuda_ops.gpu.fir import End
from tests.cuda_ops.gpu.host import FakeGpu, HostCompiler, build, fake_gpu, needs_gpp, twin_text
from tests.cuda_ops.paths import randn

pytestmark = needs_gpp


@pytest.fixture
def gpu():
    with fake_gpu() as gpu, torch.inference_mode():
        yield gpu


@pytest.mark.parametrize(
    ("name", "constants", "struct"),
    [
        ("rgba", rgba.constants(torch.float32), rgba.Params),
        ("epilogue", epilogue.constants(torch.float16, True, 8), epilogue.Params),
        ("adain", adain.constants(torch.float32, 32, adain.STYLE), adain.Params),
        ("fir", fir.constants(fir.Shape(torch.float16, 4, 2, 24, 12, 3, 2, 2, False)), fir.params_type(24, 12, 3)),
        ("fir", fir.constants(fir.Shape(torch.float32, 1, 1, 1, 31, 1, 0, 0, True)), fir.params_type(1, 31, 1)),
    ],
)
def test_structs_have_the_size_that_the_kernel_sees(gpu: FakeGpu, name: str, constants, struct):
    twin = build(twin_text(program.source(name, constants)))
    assert gpu.lib.fake_params_size(str(twin).encode()) == ctypes.sizeof(struct)


def test_a_new_thread_gets_the_context_before_it_launches(gpu: FakeGpu):
    rgba.pack(randn(3, 4, 4))
    gpu.calls()
    thread = threading.Thread(target=rgba.pack, args=(randn(3, 4, 4),))
    thread.start()
    thread.join()
    assert gpu.calls() == ["set", "launch"]


def test_each_gpu_has_its_own_context(gpu: FakeGpu):
    image = program.image("rgba", rgba.constants(torch.float32), 0)
    kernels = [driver.Kernel(image, "rgba", 256, index) for index in (0, 1)]
    x, out = randn(3, 4, 4), torch.zeros(4, 4, 4, dtype=torch.uint8)
    params = rgba.Params(x=x.data_ptr(), out=out.data_ptr(), sc=16, sh=4, sw=1, H=4, W=4)
    gpu.calls()
    for kernel in (*kernels, kernels[1], kernels[0]):
        kernel.launch((1, 1, 1), params, 0)
    assert gpu.calls() == ["set", "launch", "set", "launch", "launch", "set", "launch"]


def test_a_kernel_is_compiled_once_and_then_read_from_disk(gpu: FakeGpu):
    for _ in range(2):
        rgba.pack(randn(3, 4, 4))
    program.forget()
    rgba.pack(randn(3, 4, 4))
    assert len(gpu.compiler.compiled) == 1
    assert gpu.calls().count("load") == 2


def test_another_compiler_and_a_damaged_file_mean_compiling_anew(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch):
    rgba.pack(randn(3, 4, 4))
    (file,) = cache.folder().glob("rgba-*.bin")
    file.write_bytes(file.read_bytes()[:-1])
    program.forget()
    rgba.pack(randn(3, 4, 4))
    assert len(gpu.compiler.compiled) == 2
    monkeypatch.setattr(HostCompiler, "version", (0, 1))
    program.forget()
    rgba.pack(randn(3, 4, 4))
    assert len(gpu.compiler.compiled) == 3


def test_a_folder_that_cannot_be_written_costs_only_time(gpu: FakeGpu, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STYLESCOPE_KERNEL_CACHE", str(tmp_path / "file" / "below"))
    assert rgba.pack(torch.zeros(3, 1, 1)).tolist() == [[[128, 128, 128, 255]]]
    assert "compiled at each start" in caplog.text


def test_errors_of_the_driver_have_their_name_and_number(gpu: FakeGpu):
    gpu.lib.fake_fail_launch(719)
    with pytest.raises(driver.CudaError, match=r"cuLaunchKernel failed with error 719 \(unspecified launch failure\)"):
        rgba.pack(randn(3, 4, 4))


def test_an_image_that_is_none_is_refused(gpu: FakeGpu):
    with pytest.raises(driver.CudaError, match="cuModuleLoadData failed with error 200"):
        driver.Kernel(b"junk", "rgba", 256, 0)
    good = program.image("rgba", rgba.constants(torch.float32), 0)
    with pytest.raises(driver.CudaError, match="cuModuleGetFunction failed with error 500"):
        driver.Kernel(good, "another", 256, 0)


def test_the_fake_refuses_what_a_gpu_refuses(gpu: FakeGpu):
    """A stand-in that accepts any grid would prove nothing."""
    kernel = program.kernel("rgba", rgba.constants(torch.float32), 0)
    for grid in ((0, 1, 1), (1, 65536, 1), (1, 1, 65536)):
        with pytest.raises(driver.CudaError, match="error 1 "):
            kernel.launch(grid, rgba.Params(), 0)


def test_threads_that_miss_a_barrier_are_found(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch):
    whole = program.text("fir.cu")
    broken = whole.replace("        __syncthreads();\n", "        if (threadIdx.x < 32) __syncthreads();\n", 1)
    assert broken != whole
    real = program.text
    monkeypatch.setattr(program, "text", lambda file: broken if file == "fir.cu" else real(file))
    with pytest.raises(driver.CudaError, match="719"):
        fir.filtered_lrelu(randn(1, 1, 8, 8), None, None, 1, 1, (0, 0, 0, 0), End())


def test_versions_and_attributes(gpu: FakeGpu):
    assert driver.version() == "12.4"
    assert driver.attribute(driver.MULTIPROCESSORS, 0) == 1
