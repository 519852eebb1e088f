"""Opens a file: recognises what it is by its content, reads it without running it, and names the networks inside."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from engine.checkpoints.contents import Checkpoint, Contents
from engine.checkpoints.folder import newest_snapshot
from engine.checkpoints.limits import Budget, Watch, damaged, refusal
from engine.checkpoints.recognise import Found, recognise
from engine.checkpoints.source import Source
from engine.checkpoints.statedict import settings_beside
from engine.errors import Cancelled, CheckpointError

READ_BUFFER = 64 << 10  # bytes: jumping about in a small file then costs nothing
_ORDER = ("G_ema", "G", "D")
_STRUCTURE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


def open_checkpoint(
    path: str | os.PathLike,
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    only: str | None = None,
) -> Checkpoint:
    """Read the networks of the file, or of the newest snapshot of the run folder, at `path`; nothing in it is run.

    `progress(fraction, what)` is called now and then; once `cancelled()` is true, `Cancelled` is raised. With `only`
    the tensors of that network alone ("G_ema", "G", "D") are read, and the others are described with an empty state.
    Raises CheckpointError with a sentence that names the file, what was expected, what was found, and what to do.
    """
    given = Path(path)
    watch = Watch(progress, cancelled)
    with naming(given):
        actual, notes = newest_snapshot(given) if given.is_dir() else (given, ())
        with reading(actual, watch) as source:
            found = recognise(source, lambda: settings_beside(actual), actual)
            networks = _networks(found, source, only)
        watch.finish()
        notes += found.notes()
        return Checkpoint(
            actual, found.format, {name: replace(c, notes=notes + c.notes) for name, c in networks.items()}
        )


@contextmanager
def naming(given: Path) -> Iterator[None]:
    """Within `with`, whatever prevents a file from being read becomes a CheckpointError that begins with its name."""
    try:
        yield
    except (Cancelled, CheckpointError) as error:
        raise type(error)(f"{given.name or given}: {error}") from error
    except FileNotFoundError:
        raise CheckpointError(
            f"{given.name}: no such file; check the folder {given.absolute().parent}"
        ) from None
    except PermissionError:
        raise CheckpointError(
            f"{given.name}: expected a file that you may read, found one that you may not; "
            "change its permissions or copy it"
        ) from None
    except OSError as error:
        raise CheckpointError(
            f"{given.name}: could not be read ({error.strerror or error}); check the disk or copy the file"
        ) from error
    except MemoryError:
        raise CheckpointError(
            f"{given.name}: does not fit into the memory of this computer; close other programs"
        ) from None


@contextmanager
def reading(path: Path, watch: Watch) -> Iterator[Source]:
    """The bytes of a file; parts that do not fit together are said to be so, whatever error they led to."""
    with path.open("rb", buffering=READ_BUFFER) as file:
        size = os.fstat(file.fileno()).st_size
        watch.begin(size)
        watch.advance(0, "looking at the file")
        try:
            yield Source(file, 0, size, Budget(size), watch)
        except _STRUCTURE as error:
            raise damaged("parts that do not belong together") from error


def _networks(found: Found, source: Source, only: str | None) -> dict[str, Contents]:
    networks: dict[str, Contents] = {}
    for name in sorted(found.readers, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER)):
        try:
            draft = found.readers[name]()
            networks[name] = draft.read(source) if only in (None, name) else draft.described()
        except Cancelled:
            raise
        except CheckpointError as error:
            if name != "D":
                raise
            note = f"Left out the discriminator, which no picture depends on: {error}."
            networks = {key: replace(c, notes=(*c.notes, note)) for key, c in networks.items()}
    if not any(c.kind == "generator" for c in networks.values()):
        inside = ", ".join(repr(name) for name in [*found.readers, *found.others][:12]) or "nothing"
        raise refusal("a generator inside", f"none (only {inside})", 'pick a full snapshot, one with "G_ema"')
    return networks
