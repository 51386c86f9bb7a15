"""How llama.cpp may be compiled for a CPU, the fastest way first."""

from dataclasses import dataclass
from pathlib import Path

from agent.engine.cpu import Cpu

CMAKE = Path(__file__).with_name("llama.cmake")
_PORTABLE = {  # ggml's options and the kernel's words for the same
    "SSE42": "sse4_2",
    "AVX": "avx",
    "AVX2": "avx2",
    "FMA": "fma",
    "F16C": "f16c",
    "BMI2": "bmi2",
}


@dataclass(frozen=True)
class Recipe:
    """`defines` go to CMake, `told` into one line for the person who waits."""

    name: str
    told: str
    defines: tuple[str, ...]


NATIVE = Recipe("native", "for this CPU", ())
AMX = Recipe("amx", "for this CPU with AMX", ("VIGNETTE_AMX=mended",))
NO_AMX = Recipe("no-amx", "for this CPU without AMX", ("VIGNETTE_AMX=off",))


def recipes(cpu: Cpu) -> tuple[Recipe, ...]:
    """Those to try in turn, until one passes the self-test."""
    return (*((AMX, NO_AMX) if cpu.amx else (NATIVE,)), _portable(cpu))


def _portable(cpu: Cpu) -> Recipe:
    """Nothing but what llama.cpp needs to be bearable, and of that only what the kernel names."""
    defines = ["GGML_NATIVE=OFF", "VIGNETTE_AMX=off"]
    if cpu.machine.lower() in ("x86_64", "amd64") and cpu.flags:
        defines += [
            f"GGML_{option}={'ON' if word in cpu.flags else 'OFF'}" for option, word in _PORTABLE.items()
        ]
    return Recipe("portable", "with few assumptions about the CPU", tuple(defines))
