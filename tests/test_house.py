"""The house stands: imports go down only, heavy ones are lazy, files stay small, no secrets of the workplace."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Room -> the rooms it may import from. docs/structure.md draws it.
ALLOWED = {
    "agent": {"agent"},
    "journal": {"journal", "agent"},
    "evaluation": {"evaluation", "journal", "agent"},
    "pipeline": {"pipeline", "evaluation", "journal", "agent"},
    "bot": {"bot", "evaluation", "journal", "agent"},
    "door": {"door", "bot", "pipeline", "evaluation", "journal", "agent", "bench"},
}
HEAVY = {
    "torch",
    "transformers",
    "peft",
    "llama_cpp",
    "discord",
    "onnxruntime",
    "onnx",
    "rapidocr",
    "huggingface_hub",
    "playwright",
}
# What the journal may know of the agent: its nouns, not its machinery.
NOUNS = {"agent.character", "agent.dialogue", "agent.picture", "agent.errors", "agent.settings"}
# Modules that are nothing without their library, and that only a factory imports.
EDGES = ("bot/platforms/discord/", "agent/engine/worker.py", "agent/engine/model.py")


def modules(room: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / room).rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text())


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, "imports are absolute"
            yield node.module


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_go_down_only(room: str) -> None:
    rooms = set(ALLOWED)
    for path, tree in modules(room):
        for name in imported(tree):
            top = name.split(".")[0]
            assert top not in rooms - ALLOWED[room], f"{path} imports {name}"


def test_the_journal_knows_only_the_agents_nouns() -> None:
    for path, tree in modules("journal"):
        for name in imported(tree):
            assert not name.startswith("agent") or name in NOUNS, f"{path} imports {name}"


def test_heavy_libraries_are_imported_inside_functions() -> None:
    for room in ALLOWED:
        for path, tree in modules(room):
            if str(path).startswith(EDGES):
                continue
            for node in tree.body:
                names = (
                    list(imported(ast.Module([node], [])))
                    if isinstance(node, ast.Import | ast.ImportFrom)
                    else []
                )
                assert not {n.split(".")[0] for n in names} & HEAVY, f"{path} imports {names} at its top"


def test_the_rooms_do_not_print() -> None:
    for room in ("agent", "journal", "evaluation", "pipeline", "bot"):
        for path, tree in modules(room):
            for node in ast.walk(tree):
                called = (
                    isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
                )
                assert not called, f"{path} prints"


def test_files_are_small() -> None:
    for room in ALLOWED:
        for path, _ in modules(room):
            lines = (ROOT / path).read_text().count("\n")
            assert lines <= 350, f"{path} has {lines} lines"


def test_every_room_is_there_with_a_real_module() -> None:
    for room in ALLOWED:
        assert any(
            sum(isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for n in t.body)
            for _, t in modules(room)
        )


def loaded(*command: str) -> tuple[set[str], str]:
    """Every module that Python imports for this command, and what it shows."""
    run = [sys.executable, "-X", "importtime", *command]
    done = subprocess.run(run, check=True, capture_output=True, text=True, cwd=ROOT)
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}, done.stdout


def test_help_is_quick_and_teaches() -> None:
    """Quick, for it imports next to nothing: a clock would tell how busy the machine is."""
    always, _ = loaded("-c", "pass")
    needed, shown = loaded(str(ROOT / "main.py"), "--help")
    for word in (
        "run",
        "chat",
        "duet",
        "characters",
        "journal",
        "models",
        "doctor",
        "config",
        "pipeline",
        "bench",
    ):
        assert f"\n  {word} " in shown
    new = needed - always
    assert "click" in new
    assert {m.split(".")[0] for m in new} - sys.stdlib_module_names <= {"click", "colorama", "agent"}
    assert {m for m in new if m.startswith("agent")} <= {"agent", "agent.errors"}
    assert not new & {"asyncio", "sqlite3", "ssl", "http.client", "logging", "subprocess"}
    assert len(new) < 120  # 47 when this was written; a library of any size brings hundreds
