"""What a lab may do to the window: nothing. Frozen, killed, strange or hostile ones, and what they leave behind."""

import itertools
import os
import select
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from app.lab import door, guest, needs, protocol
from app.lab.client import Client
from app.lab.guest import Guest
from app.lab.protocol import Array, Challenge, Hello, Set, Subscribe, Update, Want
from engine.errors import StyleScopeError
from tests.app.lab.labstage import LabStage, listened

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def stage(tmp_path):
    with LabStage(tmp_path) as stage:
        yield stage


def shared_memory() -> int:
    """Pieces of shared memory that this process holds."""
    links = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return len({os.stat(link).st_ino for link in links if "memfd:stylescope-lab" in os.path.realpath(link)})


def exhaust(work) -> None:
    """Do something until it fails."""
    for _ in range(100_000):
        work()


def move(stage, count: int) -> None:
    """Frames in each of which the scene changes."""
    for i in range(count):
        stage.app.edit(stage.scene.set("latent.seed", (stage.scene.latent.seed + 1 + i % 2) % 1000))
        stage.run_frames()


# --- frozen -----------------------------------------------------------------------------------------------------


def test_a_lab_that_does_not_read_is_skipped_then_dropped(stage, monkeypatch):
    monkeypatch.setattr(guest, "MOST_SKIPPED", 40)
    monkeypatch.setattr(protocol, "MOST_RATE", 1000.0)
    frozen = stage.client(Subscribe(rate=60, arrays=(Want(0, "b16.conv1", 60.0),)))
    stage.hear(frozen, Array)  # its slot is lent, and stays so
    one = stage.server.guests[0]
    one.line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # so that the line is soon full
    lent, most, frames = one.slots[0].serial, 0, 0
    while stage.server.guests and frames < 20_000:
        move(stage, 1)
        frames += 1
        most = max(most, one.unsent)
        assert one.slots == {} or one.slots[0].serial == lent
    assert stage.server.guests == [] and one.skipped == 41
    assert most < guest.MOST_UNSENT  # one update waited, not hundreds
    frozen.close()
    assert shared_memory() == 0  # neither side holds on to any
    move(stage, 3)
    stage.happens(lambda: stage.app.shown.scene == stage.scene)


def test_memory_for_a_lab_that_does_not_read_is_bounded():
    ours, theirs = socket.socketpair()
    one = Guest(ours, 0.0)
    one.greet()
    with pytest.raises(guest.Overflow):
        exhaust(lambda: one.say(protocol.Rejected("x", "y" * 1000)))
    assert guest.MOST_UNSENT < one.unsent < guest.MOST_UNSENT + 2000
    one.close()
    theirs.close()


def test_a_lab_stopped_by_a_signal_goes_on_where_it_was(stage):
    script = """
for word in ("read", "again"):
    for _ in range(3):
        client.take(hear(Array))
    print(word, flush=True)
hear(None)"""
    process = lab_process(stage.note, script)
    wait_for_line(stage, process, "read")
    process.send_signal(signal.SIGSTOP)
    serial = stage.app.shown.serial
    move(stage, 50)
    stage.happens(lambda: stage.app.shown.scene == stage.scene)
    assert stage.app.shown.serial > serial and stage.server.guests
    process.send_signal(signal.SIGCONT)
    wait_for_line(stage, process, "again")
    process.kill()
    process.wait(10)
    stage.happens(lambda: not stage.server.guests)


# --- killed -----------------------------------------------------------------------------------------------------


def lab_process(note: Path, script: str) -> subprocess.Popen:
    """A lab in a process of its own that runs `script`."""
    code = f"""
import sys
from pathlib import Path
from app.lab.client import Client
from app.lab.protocol import Array, Subscribe, Want
client = Client(Path({str(note)!r}), "other")
client.send(Subscribe(rate=60, arrays=(Want(0, "b8.conv1", 60.0),)))
def hear(kind):
    while True:
        message = client.receive()
        if kind and isinstance(message, kind):
            return message
{script}
"""
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def wait_for_line(stage, process, line: str) -> None:
    """The process has said so; the window goes on meanwhile."""
    def said() -> bool:
        move(stage, 1)
        return bool(select.select([process.stdout], [], [], 0)[0])

    stage.happens(said)
    assert process.stdout.readline() == f"{line}\n"


def test_a_killed_lab_leaves_nothing(stage):
    before = shared_memory()
    process = lab_process(stage.note, "hear(Array)\nprint('holding', flush=True)\nhear(None)")
    wait_for_line(stage, process, "holding")
    assert shared_memory() == before + 1
    process.kill()
    process.wait(10)
    stage.happens(lambda: not stage.server.guests)
    assert shared_memory() == before
    move(stage, 3)


def test_a_killed_window_leaves_nothing_that_the_next_does_not_take_away(tmp_path):
    code = """
import sys, time
from pathlib import Path
from app.lab.server import Server
server = Server(lambda question: None, lambda: None)
server.start(Path(sys.argv[1]))
print("open", flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "open\n"
    (path,) = door.find(tmp_path)
    client = Client(path)
    place = Path(door.read(path).address)
    process.kill()
    process.wait(10)
    with pytest.raises(StyleScopeError, match="The window was closed"):
        exhaust(lambda: client.receive(5.0))
    with pytest.raises(StyleScopeError, match="nobody answers there"):
        Client(path)
    assert place.exists()
    door.sweep(tmp_path)
    assert not path.exists() and not place.exists() and not place.parent.exists()


def test_a_closed_window_takes_its_door_away(tmp_path):
    with LabStage(tmp_path) as stage:
        note, place = stage.note, Path(door.read(stage.note).address)
        client = stage.client()
        stage.app.lab.close()
        with pytest.raises(StyleScopeError, match="The window was closed"):
            client.receive(5.0)
        assert not note.exists() and not place.parent.exists()


def test_sweeping_removes_nothing_but_doors(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    note = tmp_path / "lab-1.json"
    note.write_bytes(msgspec.json.encode(door.Note(1, str(precious), "00", 1)))
    note.chmod(0o600)
    door.sweep(tmp_path)
    assert precious.read_text() == "mine" and not note.exists()


# --- strange ----------------------------------------------------------------------------------------------------


def test_only_its_person_can_read_the_token_and_reach_the_door(stage):
    assert stat.S_IMODE(stage.note.stat().st_mode) == 0o600
    note = door.read(stage.note)
    assert stat.S_IMODE(Path(note.address).parent.stat().st_mode) == 0o700
    assert len(bytes.fromhex(note.token)) == 32
    stage.note.chmod(0o644)
    with pytest.raises(StyleScopeError, match="only you can read, found mode 644"):
        Client(stage.note)


def knock(stage, hello) -> str:
    """What the window says to a `Hello` made from its challenge."""
    line = door.connect(door.read(stage.note))
    frames = protocol.Frames()
    messages = []
    while data := line.recv(4096):
        messages += [protocol.unpack(body, protocol.FromWindow) for body in frames.feed(data)]
        if len(messages) == 1:
            assert isinstance(messages[0], Challenge)
            line.sendall(hello(messages[0]))
    line.close()
    return messages[-1].reason


def test_a_wrong_token_is_refused(stage):
    words = knock(stage, lambda c: protocol.pack(Hello(c.protocol, protocol.digest(b"guess", c.nonce))))
    assert words.startswith("The lab does not know this window's token")
    assert stage.app.lab.attached == 0


def test_another_version_is_refused_with_both_numbers(stage):
    token = bytes.fromhex(door.read(stage.note).token)
    words = knock(stage, lambda c: protocol.pack(Hello(99, protocol.digest(token, c.nonce))))
    assert "expected 1, found 99" in words


def test_a_client_refuses_a_window_of_another_version(stage, monkeypatch):
    monkeypatch.setattr(protocol, "VERSION", 2)
    note = stage.note
    ours, theirs = socket.socketpair()
    theirs.sendall(protocol.pack(Challenge(1, b"x" * 32)))
    monkeypatch.setattr(door, "connect", lambda note: ours)
    with pytest.raises(StyleScopeError, match="expected 2, found 1"):
        Client(note)
    theirs.close()


def test_an_old_proof_is_worth_nothing(stage):
    """The nonce is new for each connection."""
    token, nonces = bytes.fromhex(door.read(stage.note).token), []
    knock(stage, lambda c: nonces.append(c.nonce) or b"\0\0\0\0")
    words = knock(stage, lambda c: protocol.pack(Hello(1, protocol.digest(token, nonces[0]))))
    assert "token" in words


def test_there_is_a_most_of_labs(stage, monkeypatch):
    monkeypatch.setattr("app.lab.server.MOST_GUESTS", 1)
    stage.client()
    with pytest.raises(StyleScopeError, match="serves 1 labs already"):
        Client(stage.note)


def test_who_says_nothing_is_sent_away(tmp_path):
    from app.lab.server import Server

    now = [0.0]
    server = Server(lambda question: None, lambda: None, clock=lambda: now[0])
    server.start(tmp_path)
    line = door.connect(door.read(server.door.path))
    line.settimeout(30)
    assert line.recv(4096)
    now[0] = 6.0
    server._ring()
    assert b"expected Hello within five seconds" in line.recv(4096)
    server.close()


def test_too_many_edits_cost_the_lab_its_place(stage):
    client = stage.client()
    paths = itertools.cycle(("latent.x", "latent.y"))
    with pytest.raises(StyleScopeError, match="does not keep up"):  # for nobody takes them meanwhile
        exhaust(lambda: client.send(Set(next(paths), 1.0)))
    stage.run_frames(3)
    assert len(stage.server.guests) == 0


def test_of_a_drag_only_the_newest_value_waits(stage):
    client = stage.client()
    for i in range(1000):
        client.send(Set("latent.x", i / 1000, last=i == 999))
    stage.happens(lambda: stage.scene.latent.x == 0.999)
    stage.app.undo()
    assert stage.scene.latent.x == 0.0


# --- hostile ----------------------------------------------------------------------------------------------------

DEEP = b"\x91" * 5000 + b"\xc0"  # lists in lists
SEEDS = [
    b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\0" * 64, DEEP, msgspec.msgpack.encode({"type": "Set"}),
    msgspec.msgpack.encode({"type": "Set", "path": "latent.vector", "value": [[[[1]]]]}),
    msgspec.msgpack.encode({"type": "Set", "path": "x" * 9999, "value": 1}),
    msgspec.msgpack.encode({"type": "Subscribe", "rate": 0}),
    msgspec.msgpack.encode({"type": "Subscribe", "rate": -1e9}),
    msgspec.msgpack.encode({"type": "Subscribe", "arrays": [{"slot": 99, "step": "", "rate": 1.0}]}),
    msgspec.msgpack.encode({"type": "Release", "slot": 3}), msgspec.msgpack.encode({"type": "Welcome", "pid": 1}),
    msgspec.msgpack.encode({"type": "Set", "path": "model.path", "value": "a\0b"}),
    msgspec.msgpack.encode({"type": "Set", "path": "latent.seed", "value": 1 << 63}),
]  # fmt: skip


def test_no_bytes_break_the_window(stage):
    """Whatever a lab sends, before and after it proved itself: the window goes on, and the next lab is served."""

    @hypothesis.settings(max_examples=80)
    @hypothesis.given(st.one_of(st.sampled_from(SEEDS), st.binary(max_size=300)), st.booleans(), st.booleans())
    def attack(garbage: bytes, known: bool, framed: bool) -> None:
        rude = Client(stage.note).line if known else door.connect(door.read(stage.note))
        rude.sendall(len(garbage).to_bytes(4, "little") + garbage if framed else garbage)
        rude.close()
        stage.run_frames(2)

    attack()
    stage.happens(lambda: not stage.server.guests)
    stage.app.edit(stage.scene.reset("model").set("latent.seed", 3))
    client = stage.client(Subscribe(rate=60))
    listened(stage, client)
    stage.happens(lambda: stage.app.shown.scene == stage.scene and not stage.app.shown.error)
    assert stage.hear(client, Update, lambda m: m.serial == stage.app.shown.serial).error == ""


@pytest.mark.parametrize("body", [DEEP, b"\xc1", b"", b"\x80", b"\x81\xa4type\xa5Hello"])
def test_what_is_no_message_is_a_sentence(body):
    with pytest.raises(protocol.ProtocolError, match=r"The line: expected a message"):
        protocol.unpack(body, protocol.FromLab)


def test_a_message_that_announces_itself_as_too_long_is_not_waited_for():
    frames = protocol.Frames(1000)
    assert list(frames.feed((1000).to_bytes(4, "little"))) == []
    with pytest.raises(protocol.ProtocolError, match="at most 10 bytes, found one of 11"):
        list(protocol.Frames(10).feed((11).to_bytes(4, "little")))


def test_messages_arrive_whole_however_the_bytes_are_cut():
    bends = [{"step": "a", "channels": [1, 2]}]
    messages = [Set("latent.x", 0.5), Set("bends", bends), Subscribe(arrays=(Want(1, "b"),))]
    stream = b"".join(protocol.pack(m) for m in messages)
    for size in (1, 2, 7, 1000):
        frames = protocol.Frames()
        found = [b for i in range(0, len(stream), size) for b in frames.feed(stream[i : i + size])]
        assert [protocol.unpack(body, protocol.FromLab) for body in found] == messages


# --- without ----------------------------------------------------------------------------------------------------


def test_without_dear_pygui_the_window_says_so_and_goes_on(stage, monkeypatch):
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    stage.app.ui.act("lab.open")
    stage.run_frames(2)
    assert any("needs Dear PyGui" in words for words in stage.said)


def test_without_a_display_the_window_says_so_and_goes_on(stage, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    stage.app.ui.act("lab.open")
    stage.run_frames(2)
    assert any("needs a display" in words for words in stage.said)


def test_a_lab_that_fails_to_start_is_told_of(stage, monkeypatch):
    monkeypatch.setattr(needs, "check", lambda: None)
    monkeypatch.setattr("app.live.lab.MAIN", ROOT / "no such file")
    stage.app.ui.act("lab.open")
    stage.happens(lambda: any("The lab closed unexpectedly" in words for words in stage.said))


def test_the_window_loads_nothing_of_the_lab_before_it_is_wanted():
    code = """
import sys, app.live.app
print([m for m in sys.modules if m.startswith(("dearpygui", "app.lab"))])
import app.lab.server
print("dearpygui" in sys.modules)"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["[]", "False"]
