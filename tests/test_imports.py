"""The rooms and who may import whom: app -> engine -> cuda_ops, and no toolkit of screens below app."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"app", "engine", "cuda_ops", "tests", "main"}
SCREENS = {"imgui_bundle", "glfw", "OpenGL", "dearpygui", "imgui", "typer", "rich"}
FORBIDDEN = {
    "app": {"tests", "main"},
    "engine": {"app", "tests", "main"} | SCREENS,
    "cuda_ops": OURS - {"cuda_ops"} | SCREENS,
}
BY_NAME = ("import_module", "__import__")


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of all modules that a file imports anywhere in it, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in BY_NAME:
            words = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            names |= {word.partition(".")[0] for word in words}
    return names


def sources(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", FORBIDDEN)
def test_imports_run_one_way(room: str):
    files = sources(room)
    assert files, f"{room}/ has no Python files: the rule would hold for nothing"
    offences = {
        str(path.relative_to(ROOT)): sorted(found)
        for path in files
        if (found := imported(ast.parse(path.read_text(encoding="utf-8"))) & FORBIDDEN[room])
    }
    assert not offences


def test_networks_compute_by_the_operations_of_cuda_ops():
    """torch's own layers know no kernels; attention and mirrored borders (lucidrains') have no operation here."""
    networks = {path.name for path in sources("engine/networks") if "torch.nn.functional" in path.read_text()}
    assert networks == {"lucidrains.py"}
    assert "torch.nn.functional" not in (ROOT / "engine/training/growing.py").read_text()


@pytest.mark.parametrize("room", ["app", "engine", "cuda_ops", "tests"])
def test_no_star_imports_and_no_relative_ones(room: str):
    offences = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources(room)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.level or any(alias.name == "*" for alias in node.names))
    ]
    assert not offences


def test_the_start_needs_nothing_installed():
    for file in (ROOT / "main.py", ROOT / "app" / "cli" / "bootstrap.py"):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        top = imported(ast.Module([node for node in body if isinstance(node, ast.Import | ast.ImportFrom)], []))
        assert top <= set(sys.stdlib_module_names) | {"app"}, file.name


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import glfw", {"glfw"}),
        ("def f():\n  from OpenGL.GL import glClear", {"OpenGL"}),
        ("importlib.import_module('app.live')", {"app"}),
    ],
)
def test_the_rule_sees_every_way_to_import(line: str, found: set[str]):
    assert imported(ast.parse(line)) == found
