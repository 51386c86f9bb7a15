"""`python -m door.install llama STAMP` and `python -m door.install packages EXTRAS STAMP`: what the Makefile calls."""

import sys
from pathlib import Path

from door.install import llama, pip, troubles


def main() -> int:
    """STAMP is touched only where something was installed, so that make does not redo what follows."""
    try:
        match sys.argv[1:]:
            case ["llama", stamp]:
                if llama.install() or not Path(stamp).exists():
                    Path(stamp).touch()
            case ["packages", extras, stamp]:
                wanted = f".[{extras}]" if extras != "core" else "."
                arguments = ["install", "--constraint", str(llama.CONSTRAINTS), "--editable", wanted]
                pip.run(arguments, log=llama.VENV / "packages.log", show=_brief)
                Path(stamp).touch()
            case _:
                raise SystemExit(__doc__)
    except pip.Failed as failure:
        llama.say(f"\n{failure}\n")
        return 1
    except OSError as error:
        llama.say(f"\n{troubles.explain(str(error)) or error}\n")
        return 1
    except KeyboardInterrupt:
        llama.say("\nStopped. The next run begins this step anew.\n")
        return 130
    return 0


def _brief(line: str) -> None:
    """What is being fetched and installed; not what stood already."""
    if line.startswith(("Collecting", "Downloading", "Installing", "Successfully", "ERROR", "error:")):
        llama.say(line if len(line) < 200 else line[:200] + "…\n")


if __name__ == "__main__":
    sys.exit(main())
