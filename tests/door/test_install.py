"""llama.cpp is compiled for the CPU at hand, tried before it is used, and never taken from another CPU's cache."""

import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.engine.cpu import Cpu, this_cpu
from agent.engine.selftest import Verdict
from door.install import __main__ as command
from door.install import llama, pip, troubles
from door.install.recipes import AMX, NATIVE, NO_AMX, Recipe, recipes
from door.install.wheels import kept

PLAIN = Cpu("Some CPU", "x86_64", "6 85", ("avx", "avx2", "fma", "sse4_2"))
WITH_AMX = dataclasses.replace(PLAIN, flags=(*PLAIN.flags, "amx_int8"))
FIT = dataclasses.asdict(Verdict("CPU : AVX = 1", 0.001, 0.98, 0.5, 0.01, 1.0, 0.02))
Tried = tuple[dict[str, float | str] | None, str]


def test_with_amx_it_is_kept_where_it_can_be() -> None:
    assert [r.name for r in recipes(WITH_AMX)] == ["amx", "no-amx", "portable"]


def test_without_amx_nothing_speaks_of_it() -> None:
    assert recipes(PLAIN)[0] == NATIVE
    assert not NATIVE.defines


def test_the_last_resort_assumes_no_more_than_the_kernel_says() -> None:
    portable = recipes(PLAIN)[-1]
    assert {"GGML_NATIVE=OFF", "GGML_AVX2=ON", "GGML_BMI2=OFF"} <= set(portable.defines)


def test_a_cpu_is_read_from_the_kernels_words(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    words = "processor\t: 0\nvendor_id\t: A\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: Fast\nflags\t\t: fpu {}\n"
    keys = set()
    for flags in ("avx2 md_clear", "avx2 ibrs", "avx2 amx_int8"):
        info.write_text(words.format(flags) + "\nprocessor\t: 1\n")
        keys.add(this_cpu(info).key)
    assert len(keys) == 2, "mitigations come and go, instruction sets decide"
    assert this_cpu(info).name == "Fast"
    assert this_cpu(info).amx


def test_this_machine_has_a_cpu() -> None:
    assert this_cpu().name
    assert this_cpu() == this_cpu()


class Workshop:
    """The install with its two long parts played: `builds` counts compilations, `verdicts` says what each brings."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.built, self.tried = folder, list[str](), list[str]()
        self.verdicts: dict[str, Tried] = {}

    def build(self, version: str, recipe: Recipe) -> Path:
        self.built.append(recipe.name)
        wheel = self.folder / f"llama_cpp_python-{version}-py3-none-any.whl"
        wheel.write_text(recipe.name)
        return wheel

    def try_it(self, recipe: Recipe) -> Tried:
        self.tried.append(recipe.name)
        return self.verdicts.get(recipe.name, (dict(FIT), ""))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    shop = Workshop(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("CFLAGS", "CXXFLAGS", "CMAKE_ARGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(llama, "RECORD", tmp_path / "llama.json")
    monkeypatch.setattr(llama, "build", shop.build)
    monkeypatch.setattr(llama, "try_it", shop.try_it)
    monkeypatch.setattr(llama, "this_cpu", lambda: WITH_AMX)
    monkeypatch.setattr(pip, "run", lambda *_, **__: None)
    return shop


def test_what_stands_is_left_alone(shop: Workshop) -> None:
    assert llama.install()
    assert not llama.install()
    assert shop.built == ["amx"]


def test_an_environment_that_moved_to_another_cpu_is_installed_anew(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    llama.install()
    monkeypatch.setattr(llama, "this_cpu", lambda: PLAIN)
    assert llama.install()
    assert shop.built == ["amx", "native"]


def test_a_wheel_built_here_before_is_used_and_tried_again(shop: Workshop) -> None:
    llama.install()
    llama.RECORD.unlink()
    assert llama.install()
    assert shop.built == ["amx"]
    assert shop.tried == ["amx", "amx"]


@pytest.mark.parametrize(("name", "value"), [("CFLAGS", "-O1"), ("CMAKE_ARGS", "-DGGML_CUDA=ON")])
def test_a_wheel_cached_under_other_flags_is_not_used(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    llama.install()
    llama.RECORD.unlink()
    monkeypatch.setenv(name, value)
    llama.install()
    assert shop.built == ["amx", "amx"]


def test_every_way_to_build_has_its_own_folder(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    places = {
        kept(version, recipe, cpu, {**env, **more}).folder
        for version in ("1", "2")
        for recipe in (AMX, NO_AMX)
        for cpu in (PLAIN, WITH_AMX)
        for more in ({}, {"CXXFLAGS": "-O1"})
    }
    assert len(places) == 16
    assert all(tmp_path in place.parents for place in places)


@pytest.mark.parametrize(
    "why", ["crashes here (signal 11)", "counts wrongly (KL 3 nats, 2% of first choices equal)"]
)
def test_a_self_test_that_fails_leads_to_the_second_build(
    shop: Workshop, capsys: pytest.CaptureFixture[str], why: str
) -> None:
    shop.verdicts["amx"] = (None, why)
    assert llama.install()
    assert shop.built == ["amx", "no-amx"]
    said = [line for line in capsys.readouterr().out.splitlines() if why in line]
    assert len(said) == 1, "one line says so"
    assert json.loads(llama.RECORD.read_text())["recipe"] == "no-amx"
    llama.RECORD.unlink()
    assert llama.install()
    assert shop.built == ["amx", "no-amx"], "neither is compiled again: one failed here, one is kept"


def test_where_nothing_passes_it_says_so_and_leaves_no_record(shop: Workshop) -> None:
    for recipe in recipes(WITH_AMX):
        shop.verdicts[recipe.name] = (None, "crashes here (signal 4)")
    with pytest.raises(pip.Failed, match=r"(?s)signal 4.*use a server"):
        llama.install()
    assert not llama.RECORD.exists()


@pytest.mark.model
def test_the_llama_cpp_that_is_installed_passes_its_self_test(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One round: the second only makes its times better, and no time is asked for here."""
    monkeypatch.setattr(llama, "SELFTEST", [sys.executable, "-c", ONCE])
    verdict, reason = llama.try_it(NATIVE)
    assert not reason
    assert verdict
    assert verdict["system"]
    assert "tokens a second" in capfd.readouterr().out


ONCE = "import agent.engine.selftest as s; s.ROUNDS = 1; s.main()"
CRASH = """
import agent.engine.selftest as selftest, os, signal
def die(ll, ctx, tokens, *, at=0):
    if len(tokens) >= 8:
        os.kill(os.getpid(), signal.SIGSEGV)
selftest._decode = die
selftest.main()
"""
WRONG = "import json; print(json.dumps({'sound': False, 'kl': 2.0, 'same': 0.1, 'prefill': 1, 'plain_prefill': 1}))"
SLOW = "import json; print(json.dumps({'sound': True, 'kl': 0.0, 'same': 1.0, 'prefill': 3, 'plain_prefill': 1}))"


@pytest.mark.parametrize(
    ("script", "recipe", "told"),
    [
        pytest.param(CRASH, NATIVE, "signal 11", marks=pytest.mark.model),
        (WRONG, NATIVE, "counts wrongly"),
        (SLOW, AMX, "slower with AMX"),
        ("raise SystemExit('no such model')", NATIVE, "no such model"),
        ("print('nonsense')", NATIVE, "fails its self-test"),
    ],
)
def test_what_the_self_test_found_is_said(
    monkeypatch: pytest.MonkeyPatch, script: str, recipe: Recipe, told: str
) -> None:
    """A real process each: the first really loads the model, and really dies of the signal."""
    monkeypatch.setattr(llama, "SELFTEST", [sys.executable, "-c", script])
    assert told in llama.try_it(recipe)[1]


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("c++: fatal error: Killed signal terminated program cc1plus", "out of memory"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("No CMAKE_CXX_COMPILER could be found", "C++ compiler"),
        ("NameResolutionError: Failed to resolve 'pypi.invalid'", "needs the network"),
        ("PermissionError: [Errno 13] Permission denied: '/x'", "cannot be written"),
        ("ld: No space left on device\nc++: fatal error: Killed signal terminated program", "disk is full"),
        ("something else", ""),
    ],
)
def test_a_failure_is_explained_in_a_sentence(log: str, told: str) -> None:
    assert told in troubles.explain(log)
    assert bool(troubles.explain(log)) == bool(told)


def test_no_compiler_and_no_room_are_told_before_minutes_are_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here: Callable[[], str] = lambda: troubles.before_building(venv=tmp_path, cache=tmp_path / "a" / "b")  # noqa: E731
    assert not here()
    monkeypatch.setattr(troubles, "DISK", 1 << 60)
    assert "MB left" in here()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "build-essential" in here()


def test_short_memory_compiles_one_file_at_a_time() -> None:
    assert troubles.jobs(8, 1_000_000_000) == 1
    assert troubles.jobs(8, 100) == 1
    assert troubles.jobs(2, 64_000_000_000) == 2
    assert troubles.jobs(4, None) == 4


def test_memory_is_read_from_the_kernels_words(tmp_path: Path) -> None:
    info, none = tmp_path / "meminfo", tmp_path / "none"
    info.write_text("MemTotal: 2000 kB\nMemAvailable:    1000 kB\n")
    assert troubles.memory_available(info, none) == 1_024_000
    assert troubles.memory_available(none, none) is None


@pytest.mark.parametrize(
    ("limit", "used", "unlimited", "cached"),
    [
        ("memory.max", "memory.current", "max", "inactive_file"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "9223372036854771712",
            "total_inactive_file",
        ),
    ],
    ids=["version 2", "version 1"],
)
def test_a_container_has_less_memory_than_its_machine(
    tmp_path: Path, limit: str, used: str, unlimited: str, cached: str
) -> None:
    info, none, groups = tmp_path / "meminfo", tmp_path / "none", tmp_path / "cgroup"
    info.write_text("MemAvailable:    1000 kB\n")
    for path in (groups / limit, groups / used):
        path.parent.mkdir(parents=True, exist_ok=True)
    (groups / limit).write_text(f"{unlimited}\n")
    assert troubles.memory_available(info, groups) == 1_024_000
    assert troubles.memory_available(none, groups) is None, "no limit is no figure"
    (groups / limit).write_text("500000\n")
    assert troubles.memory_available(info, groups) == 500_000, "what is used is not told"
    (groups / used).write_text("300000\n")
    assert troubles.memory_available(none, groups) == 200_000
    (groups / used).with_name("memory.stat").write_text(f"cache 250000\n{cached} 100000\n{cached}_x 7\n")
    assert troubles.memory_available(info, groups) == 300_000, "idle pages of files are given up"
    (groups / used).write_text("700000\n")
    assert troubles.memory_available(info, groups) == 0
    (groups / limit).write_text("9000000\n")
    assert troubles.memory_available(info, groups) == 1_024_000, "the machine itself has less"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--index-url", "http://127.0.0.1:9/simple", "--retries", "1"], "needs the network"),
        (["--no-index"], "no fitting release"),
    ],
)
def test_what_pip_cannot_fetch_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    """The real pip, without an index to ask."""
    for name in [n for n in os.environ if n.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    log = tmp_path / "pip.log"
    with pytest.raises(pip.Failed, match=told) as caught:
        pip.run(["install", *arguments, "vignette-has-no-such-package==1"], log=log)
    assert str(log) in str(caught.value)


def test_a_failed_install_ends_with_its_sentence_and_no_stamp(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def build(version: str, recipe: Recipe) -> Path:
        raise pip.Failed("There is no C++ compiler.")

    monkeypatch.setattr(llama, "build", build)
    stamp = tmp_path / "stamp"
    monkeypatch.setattr(sys, "argv", ["install", "llama", str(stamp)])
    assert command.main() == 1
    assert capsys.readouterr().out.strip().endswith("There is no C++ compiler.")
    assert not stamp.exists()


def test_a_stamp_keeps_its_date_where_nothing_was_done(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stamp = tmp_path / "stamp"
    monkeypatch.setattr(sys, "argv", ["install", "llama", str(stamp)])
    assert command.main() == 0
    os.utime(stamp, (1, 1))
    assert command.main() == 0
    assert stamp.stat().st_mtime == 1


@pytest.mark.parametrize(
    ("line", "percent"), [("  [68/136] /usr/bin/g++ ...", 50), ("[  5%] Building", 5), ("no step", None)]
)
def test_progress_is_read_from_the_compilers_steps(line: str, percent: int | None) -> None:
    assert pip.percent(line) == percent
