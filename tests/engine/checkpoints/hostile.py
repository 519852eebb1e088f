"""A corpus of files that are made to harm: each is written to a folder, none of them may do anything."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.checkpoints.legacy import SIGNATURE
from tests.engine.checkpoints import makers

SENTINEL = "sentinel-of-code-that-ran"
CORPUS: dict[str, Callable[[Path], bytes]] = {}  # name -> bytes of the file, given the folder of the sentinel


def hostile(make: Callable[[Path], bytes]) -> Callable[[Path], bytes]:
    CORPUS[make.__name__] = make
    return make


# --- assembling pickles by hand -----------------------------------------------------------------------------------


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def name(module: str, member: str) -> bytes:
    return b"c" + f"{module}\n{member}\n".encode()


def number(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def sized(value: bytes) -> bytes:
    return b"\x8e" + struct.pack("<Q", len(value)) + value


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def called(module: str, member: str, *arguments: bytes) -> bytes:
    return name(module, member) + b"(" + b"".join(arguments) + b"tR"


def snapshot(value: bytes) -> bytes:
    """A network pickle whose G_ema is `value`."""
    return b"\x80\x04}" + text("G_ema") + value + b"s."


def module(*entries: tuple[str, bytes]) -> bytes:
    """A persistent network object with these entries in its state."""
    state = b"}" + b"".join(text(key) + value + b"s" for key, value in entries)
    meta = b"}" + text("type") + text("class") + b"s" + text("class_name") + text("Generator") + b"s"
    return called(
        "torch_utils.persistence", "_reconstruct_persistent_obj", meta + text("state") + state + b"s"
    )


def storage(
    count: int = 4, claimed: int | None = None, body: bytes | None = None, kind: str = "FloatStorage"
) -> bytes:
    """The call that makes a storage from a file of its own, whose size and body can lie."""
    claimed = count if claimed is None else claimed
    reference = (
        b"(" + text("storage") + name("torch", kind) + text("0") + text("cpu") + number(claimed) + b"NtQ."
    )
    info = b"\x80\x02}" + text("little_endian") + b"\x88s."
    keys = b"\x80\x02]" + text("0") + b"a."
    values = struct.pack("<q", claimed) + bytes(4 * count)
    inner = SIGNATURE + b"\x80\x02M\xe9\x03." + info + b"\x80\x02" + (body or reference) + keys + values
    return called("torch.storage", "_load_from_bytes", sized(inner))


def tensor(stored: bytes, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    return called(
        "torch._utils",
        "_rebuild_tensor_v2",
        stored,
        number(offset),
        numbers(*shape),
        numbers(*stride),
        b"\x89N",
    )


def weights(value: bytes) -> bytes:
    """A network pickle with `value` for its one tensor."""
    synthesis = module(("_parameters", b"}" + text("const") + value + b"s"))
    return snapshot(module(("_modules", b"}" + text("synthesis") + synthesis + b"s")))


# --- code ---------------------------------------------------------------------------------------------------------


def command(folder: Path) -> str:
    return f"touch {folder / SENTINEL}"


@hostile
def os_system(folder: Path) -> bytes:
    return snapshot(called("os", "system", text(command(folder))))


@hostile
def posix_system(folder: Path) -> bytes:
    return snapshot(called("posix", "system", text(command(folder))))


@hostile
def os_system_by_stack(folder: Path) -> bytes:
    return snapshot(text("os") + text("system") + b"\x93(" + text(command(folder)) + b"tR")


@hostile
def os_system_by_memo(folder: Path) -> bytes:
    names = text("os") + b"q\x00" + text("system") + b"q\x01"
    return b"\x80\x04" + names + b"00h\x00h\x01\x93(" + text(command(folder)) + b"tR."


@hostile
def os_system_first(folder: Path) -> bytes:
    return b"\x80\x03" + called("os", "system", text(command(folder))) + b"."


@hostile
def os_system_in_text_protocol(folder: Path) -> bytes:
    return f"cos\nsystem\n(S'{command(folder)}'\ntR.".encode()


@hostile
def os_system_by_inst(folder: Path) -> bytes:
    return b"\x80\x03(" + text(command(folder)) + b"ios\nsystem\n."


@hostile
def os_system_by_obj(folder: Path) -> bytes:
    return b"\x80\x03(" + name("os", "system") + text(command(folder)) + b"o."


@hostile
def builtins_eval(folder: Path) -> bytes:
    return snapshot(called("builtins", "eval", text(f"open({str(folder / SENTINEL)!r}, 'w')")))


@hostile
def builtins_exec(folder: Path) -> bytes:
    return snapshot(called("builtins", "exec", text(f"open({str(folder / SENTINEL)!r}, 'w')")))


@hostile
def python2_eval(folder: Path) -> bytes:
    return snapshot(called("__builtin__", "eval", text("1")))


@hostile
def builtins_getattr(folder: Path) -> bytes:
    return snapshot(called("builtins", "getattr", b"}" + text("__class__")))


@hostile
def subprocess_popen(folder: Path) -> bytes:
    return snapshot(
        called("subprocess", "Popen", b"](" + text("touch") + text(str(folder / SENTINEL)) + b"e")
    )


@hostile
def importlib_import(folder: Path) -> bytes:
    return snapshot(called("importlib", "import_module", text("antigravity")))


@hostile
def dunder_import(folder: Path) -> bytes:
    return snapshot(called("builtins", "__import__", text("os")))


@hostile
def genuine_load_from_torch(folder: Path) -> bytes:
    return snapshot(called("torch", "load", text(str(folder))))


@hostile
def attribute_of_an_allowed_name(folder: Path) -> bytes:
    return snapshot(text("torch._utils") + text("_rebuild_tensor_v2.__globals__") + b"\x93")


@hostile
def lookalike_package(folder: Path) -> bytes:
    return snapshot(called("os;torch_utils.persistence", "_reconstruct_persistent_obj", b"}"))


@hostile
def code_in_a_nested_storage(folder: Path) -> bytes:
    return weights(tensor(storage(body=called("os", "system", text(command(folder))) + b"."), 0, (4,), (1,)))


@hostile
def nested_storage_in_a_nested_storage(folder: Path) -> bytes:
    return weights(tensor(storage(body=storage() + b"."), 0, (4,), (1,)))


@hostile
def code_in_module_source(folder: Path) -> bytes:
    source = f"open({str(folder / SENTINEL)!r}, 'w')"
    meta = b"}" + text("type") + text("class") + b"s" + text("module_src") + text(source) + b"s"
    meta += text("class_name") + text("Generator") + b"s" + text("state") + b"}s"
    return snapshot(called("torch_utils.persistence", "_reconstruct_persistent_obj", meta))


@hostile
def code_in_a_torch_archive(folder: Path) -> bytes:
    return archive({"x/data.pkl": b"\x80\x02" + called("os", "system", text(command(folder))) + b"."})


@hostile
def code_in_tensorflow_settings(folder: Path) -> bytes:
    network = name("dnnlib.tflib.network", "Network") + b")\x81}" + text("static_kwargs")
    return b"\x80\x04" + network + called("os", "system", text(command(folder))) + b"sb."


@hostile
def state_set_on_a_class(folder: Path) -> bytes:
    return snapshot(
        name("collections", "OrderedDict")
        + b"}"
        + text("__init__")
        + name("collections", "OrderedDict")
        + b"sb"
    )


@hostile
def state_set_on_a_list(folder: Path) -> bytes:
    return snapshot(b"]}" + text("append") + b"Nsb")


@hostile
def extension_registry(folder: Path) -> bytes:
    return snapshot(b"\x82\x01")


@hostile
def keywords_for_a_constructor(folder: Path) -> bytes:
    return snapshot(name("argparse", "Namespace") + b")}" + text("a") + b"Ns\x92")


# --- sizes that lie -----------------------------------------------------------------------------------------------


@hostile
def tensor_of_10_to_the_15(folder: Path) -> bytes:
    return weights(tensor(storage(), 0, (10**15,), (1,)))


@hostile
def broadcast_of_10_to_the_13(folder: Path) -> bytes:
    return weights(tensor(storage(), 0, (10**13,), (0,)))


@hostile
def storage_of_10_to_the_15(folder: Path) -> bytes:
    return weights(tensor(storage(claimed=10**15), 0, (4,), (1,)))


@hostile
def shape_that_overflows(folder: Path) -> bytes:
    return weights(tensor(storage(), 0, (2**62, 2**62, 0), (1, 1, 1)))


@hostile
def negative_stride(folder: Path) -> bytes:
    return weights(tensor(storage(), 3, (4,), (-1,)))


@hostile
def negative_offset(folder: Path) -> bytes:
    return weights(tensor(storage(), -1, (4,), (1,)))


@hostile
def negative_size(folder: Path) -> bytes:
    return weights(tensor(storage(), 0, (-4,), (1,)))


@hostile
def storage_shorter_than_its_tensor(folder: Path) -> bytes:
    return weights(tensor(storage(), 0, (5,), (1,)))


@hostile
def strides_beyond_the_storage(folder: Path) -> bytes:
    return weights(tensor(storage(), 0, (2, 2), (3, 1)))


@hostile
def truth_value_for_a_size(folder: Path) -> bytes:
    return weights(
        called("torch._utils", "_rebuild_tensor_v2", storage(), number(0), b"\x88\x85", b"\x88\x85", b"\x89N")
    )


@hostile
def text_of_10_to_the_18(folder: Path) -> bytes:
    return b"\x80\x04\x8d" + struct.pack("<Q", 10**18) + b"short."


@hostile
def bytes_of_10_to_the_18(folder: Path) -> bytes:
    return b"\x80\x04\x8e" + struct.pack("<Q", 10**18) + b"short."


@hostile
def frame_of_10_to_the_18(folder: Path) -> bytes:
    return b"\x80\x04\x95" + struct.pack("<Q", 10**18) + b"}."


@hostile
def memo_index_of_4_billion(folder: Path) -> bytes:
    return b"\x80\x04}r\xff\xff\xff\xff0j\xff\xff\xff\xfe."


# --- arrays -------------------------------------------------------------------------------------------------------


def array(dtype: bytes, shape: tuple[int, ...], data: bytes) -> bytes:
    made = called(
        "numpy.core.multiarray", "_reconstruct", name("numpy", "ndarray"), number(0) + b"\x85", sized(b"b")
    )
    return made + b"(" + number(1) + numbers(*shape) + dtype + b"\x89" + data + b"tb"


def dtype(code: str, state: bytes = b"") -> bytes:
    return called("numpy", "dtype", text(code), b"\x89\x88") + state


def variable(value: bytes) -> bytes:
    """A TensorFlow network whose one variable is `value`."""
    network = name("dnnlib.tflib.network", "Network") + b")\x81"
    component = network + b"}" + text("variables") + b"](" + text("x") + value + b"\x86esb"
    parts = text("components") + b"}" + text("synthesis") + component + b"ss"
    return b"\x80\x04" + network + b"}" + parts + b"b."


@hostile
def objects_in_an_array(folder: Path) -> bytes:
    return pickle.dumps((np.array([print], object),), 4)


@hostile
def objects_in_a_variable(folder: Path) -> bytes:
    return variable(array(dtype("O8"), (1,), b"](" + called("os", "system", text(command(folder))) + b"e"))


@hostile
def records_in_a_variable(folder: Path) -> bytes:
    state = b"(" + number(3) + text("<") + b"N" + text("a") + b"\x85}" + text("a") + b"Ns"
    return variable(
        array(dtype("V8", state + number(8) + number(1) + number(0) + b"tb"), (1,), sized(bytes(8)))
    )


@hostile
def variable_longer_than_its_bytes(folder: Path) -> bytes:
    return variable(array(dtype("f4"), (10**6,), sized(bytes(16))))


@hostile
def variable_of_10_to_the_15(folder: Path) -> bytes:
    return variable(array(dtype("f4"), (10**15,), sized(bytes(16))))


@hostile
def text_array_with_endless_items(folder: Path) -> bytes:
    return variable(array(dtype("U999999999"), (0,), sized(b"")))


# --- bombs and knots ----------------------------------------------------------------------------------------------


@hostile
def list_in_itself(folder: Path) -> bytes:
    return snapshot(b"]q\x00h\x00a")


@hostile
def dict_in_itself(folder: Path) -> bytes:
    return snapshot(b"}q\x00" + text("_modules") + b"h\x00s")


@hostile
def module_in_itself(folder: Path) -> bytes:
    children = b"}q\x00"
    knot = module(("_modules", children)) + b"q\x01h\x00" + text("synthesis") + b"h\x01s0"
    return snapshot(knot)


@hostile
def modules_that_double_fourteen_times(folder: Path) -> bytes:
    """Each level holds the one below twice: 2^14 layers for whoever walks them all."""
    body = module() + b"q\x00"
    for _ in range(14):
        body += (
            b"0"
            + module(("_modules", b"}" + text("a") + b"h\x00s" + text("synthesis") + b"h\x00s"))
            + b"q\x00"
        )
    return snapshot(body)


@hostile
def lists_that_double_forty_times(folder: Path) -> bytes:
    return snapshot(b"]q\x00" + b"0](h\x00h\x00eq\x00" * 40)


@hostile
def tuples_a_million_deep(folder: Path) -> bytes:
    return b"\x80\x04)" + b"\x85" * 1_000_000 + b"."


@hostile
def deep_tuple_as_a_name(folder: Path) -> bytes:
    return b"\x80\x04})" + b"\x85" * 200_000 + b"Ns."


@hostile
def deep_tuple_as_a_set_member(folder: Path) -> bytes:
    return b"\x80\x04\x8f()" + b"\x85" * 200_000 + b"\x90."


@hostile
def dicts_a_hundred_thousand_deep(folder: Path) -> bytes:
    return b"\x80\x04" + (b"}" + text("a")) * 100_000 + b"N" + b"s" * 100_000 + b"."


@hostile
def three_million_sets(folder: Path) -> bytes:
    return b"\x80\x04(" + b"\x8f" * 3_000_000 + b"t."


@hostile
def three_million_steps(folder: Path) -> bytes:
    return b"\x80\x04" + b"N0" * 1_500_000 + b"N."


@hostile
def numbers_whose_hashes_collide(folder: Path) -> bytes:
    keys = (k * (2**61 - 1) for k in range(40_000))
    return b"\x80\x04}(" + b"".join(b"\x8a\x0d" + key.to_bytes(13, "little") + b"N" for key in keys) + b"u."


@hostile
def long_text_encoded_again_and_again(folder: Path) -> bytes:
    once = b"0" + name("_codecs", "encode") + b"h\x00" + text("latin1") + b"\x86Rq\x01"
    return b"\x80\x04(" + text("x" * 1_000_000) + b"q\x00" + (once[1:]) * 2_000 + b"t."


@hostile
def set_of_a_long_list_again_and_again(folder: Path) -> bytes:
    members = b"".join(text(f"{i}") for i in range(5_000))
    return b"\x80\x03(](" + members + b"eq\x00" + (name("builtins", "set") + b"h\x00\x85R") * 20_000 + b"t."


@hostile
def storage_read_again_and_again(folder: Path) -> bytes:
    blob = storage()
    start = blob.index(b"(")
    argument = blob[start + 1 : -2]
    again = name("torch.storage", "_load_from_bytes") + b"h\x00\x85R"
    return b"\x80\x04(" + argument + b"q\x00" + again * 50_000 + b"t."


@hostile
def nested_json(folder: Path) -> bytes:
    return safetensors(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}")


# --- archives -----------------------------------------------------------------------------------------------------


def archive(members: dict[str, bytes], packed: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as target:
        for member, data in members.items():
            target.writestr(member, data)
    return buffer.getvalue()


@hostile
def zip_bomb(folder: Path) -> bytes:
    return archive({"x/data.pkl": b"\x80\x02" + b"N0" * 50_000_000}, zipfile.ZIP_DEFLATED)


@hostile
def zip_bomb_of_a_model_file(folder: Path) -> bytes:
    return archive({"model.pkl": bytes(100_000_000)}, zipfile.ZIP_DEFLATED)


@hostile
def zip_of_a_zip(folder: Path) -> bytes:
    inner = archive({"a.pkl": b"\x80\x04."})
    for _ in range(20):
        inner = archive({"a.pkl": inner})
    return inner


@hostile
def path_out_of_the_archive(folder: Path) -> bytes:
    return archive({f"../../../..{folder}/{SENTINEL}/data.pkl": b"\x80\x02}."})


@hostile
def absolute_path_for_a_storage(folder: Path) -> bytes:
    reference = (
        b"(" + text("storage") + name("torch", "FloatStorage") + text("../../../../etc/passwd") + text("cpu")
    )
    body = b"\x80\x02" + tensor(reference + number(4) + b"tQ", 0, (4,), (1,)) + b"."
    return archive({"x/data.pkl": body, "x/version": b"3"})


@hostile
def directory_beyond_the_archive(folder: Path) -> bytes:
    data = bytearray(archive({"x/data.pkl": b"\x80\x02}."}))
    at = data.rindex(b"PK\x05\x06") + 16
    data[at : at + 4] = struct.pack("<I", 0xFFFFFF00)
    return bytes(data)


@hostile
def member_larger_than_the_archive(folder: Path) -> bytes:
    data = bytearray(archive({"x/data.pkl": b"\x80\x02}."}))
    at = data.rindex(b"PK\x01\x02") + 20
    data[at : at + 8] = struct.pack("<II", 0xFFFFFF00, 0xFFFFFF00)
    return bytes(data)


# --- safetensors --------------------------------------------------------------------------------------------------


def safetensors(header: bytes, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + body


def described(**changes: Any) -> bytes:
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} | changes
    keys = ("mapping.fc0.weight", "synthesis.b4.const", "synthesis.b4.conv1.weight")
    return safetensors(json.dumps(dict.fromkeys(keys, entry)).encode(), bytes(16))


@hostile
def header_longer_than_the_file(folder: Path) -> bytes:
    return struct.pack("<Q", 2**62) + b"{}"


@hostile
def tensor_beyond_the_file(folder: Path) -> bytes:
    return described(data_offsets=[0, 10**15], shape=[25 * 10**13])


@hostile
def tensor_before_the_file(folder: Path) -> bytes:
    return described(data_offsets=[-16, 0])


@hostile
def tensor_of_fractions(folder: Path) -> bytes:
    return described(shape=[4.0])


@hostile
def tensor_of_negative_size(folder: Path) -> bytes:
    return described(shape=[-2, -2])


@hostile
def native_configuration_of_a_billion_layers(folder: Path) -> bytes:
    path = makers.native(folder / "good.safetensors", makers.stylegan2())
    data = path.read_bytes().replace(b'\\"num_layers\\": 2', b'\\"num_layers\\": 999999999')
    return struct.pack("<Q", int.from_bytes(data[:8], "little") + 8) + data[8:]


# --- networks that ask for the impossible -------------------------------------------------------------------------


@hostile
def picture_of_a_million_pixels_without_noise(folder: Path) -> bytes:
    """Tiny tensors that together claim a huge picture, whose noise the reader would have to make."""
    state = makers.rosinality_state(makers.stylegan2())
    state = {key: value for key, value in state.items() if not key.startswith("noises")}
    state["input.input"] = torch.zeros(1, 4, 100_000, 1)
    buffer = io.BytesIO()
    torch.save({"g_ema": state}, buffer)
    return buffer.getvalue()


@hostile
def latents_of_a_million_numbers(folder: Path) -> bytes:
    """A mapping network so wide that its average would take gigabytes to find."""
    state = makers.rosinality_state(makers.stylegan2())
    state["style.1.weight"] = torch.zeros(4, 1_000_000)
    buffer = io.BytesIO()
    torch.save({"g_ema": state}, buffer)
    return buffer.getvalue()


def write(folder: Path) -> dict[str, Path]:
    """Name -> file, for the whole corpus."""
    files = {}
    for title, make in CORPUS.items():
        files[title] = folder / f"{title}.pkl"
        files[title].write_bytes(make(folder))
    return files
