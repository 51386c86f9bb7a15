"""Which processor this is, as far as compiled code cares. Standard library only: the install asks first."""

import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Instruction sets. The rest of the kernel's list (mitigations and the like) differs between two starts.
_SETS = re.compile(
    r"sse|ssse|pni|avx|amx|fma|f16c|bmi|abm|popcnt|movbe|aes|pclmul|sha|gfni|vaes|vpclmul|adx|rd(rand|seed|pid)"
    r"|movdir|asimd|neon|sve|sme|dotprod|i8mm|bf16|fp16|fphp|atomics|crc32|lsx|lasx|rvv"
)
_NAMES = ("vendor_id", "cpu family", "model", "CPU implementer", "CPU part")  # what -march=native tells apart


@dataclass(frozen=True)
class Cpu:
    """`name` is for people, `family` tells models apart, `flags` are the kernel's words for instruction sets."""

    name: str
    machine: str
    family: str
    flags: tuple[str, ...]

    @property
    def key(self) -> str:
        """Equal for two CPUs on which the same compiled code runs."""
        return "|".join((self.machine, self.family, " ".join(self.flags)))

    @property
    def amx(self) -> bool:
        return "amx_int8" in self.flags

    @property
    def notable(self) -> str:
        """The sets that decide how fast a model runs here, for tables and logs."""
        told = [f for f in self.flags if f in _NOTABLE]
        return " ".join(told) or self.machine


_NOTABLE = {"avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni"} | {
    "avx512_bf16", "amx_int8", "amx_bf16", "asimd", "asimddp", "i8mm", "sve", "sve2"
}  # fmt: skip


def this_cpu(info: Path = Path("/proc/cpuinfo")) -> Cpu:
    """The machine at hand; where the kernel tells nothing (macOS), its model's name stands for its flags."""
    machine = platform.machine()
    try:
        text = info.read_text(errors="replace").split("\n\n")[0]
    except OSError:
        name = _brand() or platform.processor() or machine
        return Cpu(name, machine, name, ())
    fields = dict(re.findall(r"(?m)^([^\t:]+?)\s*: ?(.*)$", text))
    words = (fields.get("flags") or fields.get("Features") or "").split()
    flags = tuple(sorted(w for w in set(words) if _SETS.match(w)))
    family = " ".join(fields.get(name, "") for name in _NAMES).strip()
    return Cpu(fields.get("model name", machine), machine, family, flags)


def _brand() -> str:
    try:
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
