"""`python main.py doctor`: what is in order, what is not, and what to do about it."""

import asyncio
import errno
import json
import os
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import click

from agent.errors import VignetteError
from door.settings import Loaded, masked

Verdict = Literal["ok", "note", "wrong"]
_MARK: dict[Verdict, tuple[str, str]] = {
    "ok": ("ok  ", "green"),
    "note": ("note", "yellow"),
    "wrong": ("BAD ", "red"),
}
FREE_BYTES = 1_000_000_000
_PORT_MEND = {
    errno.EADDRINUSE: "is Vignette running already? else set another [bot.web] port",
    errno.EACCES: "set a [bot.web] port above 1023",
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `mend` is empty where all is well."""

    what: str
    verdict: Verdict
    found: str
    mend: str = ""


@runtime_checkable
class Checkable(Protocol):
    """A backend that can tell, without loading anything, whether it would start."""

    async def check(self) -> None: ...


@runtime_checkable
class Slowable(Protocol):
    """A backend that remembers what crashed here, and has run with safe settings since."""

    def slowed(self) -> tuple[str, str]: ...


Check = Callable[[Loaded], Awaitable[list[Finding]]]


@click.command()
@click.option("--deep", is_flag=True, help="Load the model and let it say a word (takes seconds to minutes).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def doctor(loaded: Loaded, deep: bool, as_json: bool) -> None:
    """Check model, database, keys, ports, permissions; say what to mend.

    Ends with 1 if something is wrong. Changes nothing, but for an empty journal where there is none yet.
    """
    checks: list[Check] = [machine, folders, cast, journal, model, keys, ports]
    if deep:
        checks.append(answer)
    findings = asyncio.run(_examined(loaded, checks))
    for finding in findings:
        if as_json:
            click.echo(json.dumps(asdict(finding), ensure_ascii=False))
            continue
        mark, colour = _MARK[finding.verdict]
        click.secho(f"{mark} ", fg=colour, nl=False)
        click.echo(f"{finding.what}: {finding.found}")
        if finding.mend:
            click.echo(f"       To mend it: {finding.mend}")
    if any(f.verdict == "wrong" for f in findings):
        sys.exit(1)


async def _examined(loaded: Loaded, checks: list[Check]) -> list[Finding]:
    found: list[Finding] = []
    for check in checks:
        try:
            found += await check(loaded)
        except VignetteError as error:
            where = f" ({error.where})" if error.where else ""
            found.append(Finding(check.__name__, "wrong", f"{error.what}{where}", error.mend))
        except OSError as error:
            words = f"{error.filename or 'the system'}: {error.strerror or error}"
            found.append(Finding(check.__name__, "wrong", words, "see whether it may be read and written"))
    return found


async def machine(_: Loaded) -> list[Finding]:
    import psutil

    cores, memory = os.cpu_count() or 1, psutil.virtual_memory().available / 1e9
    return [
        Finding(
            "machine", "ok", f"Python {sys.version.split()[0]}, {cores} cores, {memory:.1f} GB of memory free"
        )
    ]


async def folders(loaded: Loaded) -> list[Finding]:
    agent = loaded.agent
    found = [_writable(name, path) for name, path in (
        ("pictures", agent.intake.folder), ("cache", agent.cache), ("own characters", agent.cast.own)
    )]  # fmt: skip
    return [*found, *_private(loaded.path.parent / ".env")]


def _private(file: Path) -> Iterator[Finding]:
    """Secrets that every user of the machine can read."""
    if os.name == "posix" and file.is_file() and file.stat().st_mode & 0o077:
        yield Finding(".env", "wrong", f"{file} can be read by other users", f"chmod 600 {file}")


def _writable(name: str, path: Path) -> Finding:
    there = next(p for p in (path, *path.parents) if p.exists())
    if not there.is_dir():
        return Finding(
            name, "wrong", f"{there} is a file, not a folder", "move it away, or set another folder"
        )
    if not os.access(there, os.W_OK):
        return Finding(
            name, "wrong", f"{path} cannot be written to", f"chown or chmod {there}, or set another folder"
        )
    free = shutil.disk_usage(there).free
    if free < FREE_BYTES:
        return Finding(name, "note", f"{path} has {free / 1e6:.0f} MB left", "make room on the disk")
    return Finding(name, "ok", f"{path} ({free / 1e9:.0f} GB free)")


async def cast(loaded: Loaded) -> list[Finding]:
    from agent.cast import Cast

    found = Cast.load(loaded.agent.cast.shipped, loaded.agent.cast.own)
    findings = [Finding("characters", "ok", f"{len(found.characters)} in the cast")]
    findings += [
        Finding("characters", "wrong", f"{p.where}: {p.what}", p.mend or "`characters lint`")
        for p in found.problems
    ]
    if loaded.agent.cast.default not in found.characters:
        mend = "set [agent.cast] default to one that `characters list` shows"
        findings.append(
            Finding("characters", "wrong", f"the default, {loaded.agent.cast.default}, is missing", mend)
        )
    return findings


async def journal(loaded: Loaded) -> list[Finding]:
    from door.house import PASSWORD
    from journal import stats
    from journal.journal import Journal

    opened = await Journal.open(loaded.journal, secrets_password=loaded.secrets.get(PASSWORD))
    async with opened, opened.read(long=True) as tx:
        found = await stats.stats(tx)
    counts = f"{sum(found.turns.values())} turns in {sum(found.scenarios.values())} dialogues"
    return [Finding("journal", "ok", f"{opened.dialect}: {counts}")]


async def model(loaded: Loaded) -> list[Finding]:
    from agent.backends.registry import chosen, make_backend

    agent = loaded.agent
    if agent.backend == "transformers" and not find_spec("torch"):
        mend = ".venv/bin/pip install -c constraints.txt -e '.[transformers]'"
        return [Finding("model", "wrong", "backend = transformers, but torch is not installed", mend)]
    backend = make_backend(agent, loaded.secrets)
    try:
        if isinstance(backend.backend, Checkable):
            await backend.backend.check()
        found = [Finding("model", "ok", backend.model)]
        if isinstance(backend.backend, Slowable):
            cause, mend = await asyncio.to_thread(backend.backend.slowed)
            if cause:
                words = (
                    f"runs without AMX and repacked weights, slower: with them llama.cpp ended with {cause}"
                )
                found.append(Finding("model", "wrong", words, mend))
    finally:
        await backend.close()
    if agent.backend == "llama" and not chosen(agent).path:
        words = "the embedded default is small and blind: good for trying things out"
        found.append(
            Finding("model", "note", words, "`models list` shows models that see; README: a model that sees")
        )
    return found


async def keys(loaded: Loaded) -> list[Finding]:
    found = []
    for endpoint in loaded.agent.openai.endpoints:
        if endpoint.key_env and not loaded.secrets.get(endpoint.key_env):
            mend = f"set {endpoint.key_env} in the environment or in .env"
            address = masked(endpoint.base_url)
            found.append(Finding("keys", "wrong", f"{address} needs {endpoint.key_env}", mend))
    for character, variable in loaded.bot.discord.accounts.items():
        if not loaded.secrets.get(variable):
            found.append(
                Finding("keys", "wrong", f"the account of {character} needs {variable}", f"set {variable}")
            )
    if any(loaded.secrets.get(variable) for variable in loaded.bot.discord.accounts.values()):
        found.append(Finding("Discord", "ok", "characters have bot accounts of their own"))
    elif loaded.secrets.get("DISCORD_TOKEN"):
        found.append(Finding("Discord", "ok", "DISCORD_TOKEN is set"))
    else:
        found.append(
            Finding("Discord", "note", "DISCORD_TOKEN is not set: Discord is off", "docs/discord.md")
        )
    return found


async def ports(loaded: Loaded) -> list[Finding]:
    web = loaded.bot.web
    if not web.enabled:
        return [Finding("page", "note", "[bot.web] enabled = false")]
    return list(_port(web.host, web.port, bool(loaded.secrets.get("VIGNETTE_WEB_TOKEN"))))


def _port(host: str, port: int, token: bool) -> Iterator[Finding]:
    if host not in ("127.0.0.1", "::1", "localhost") and not token:
        yield Finding(
            "page", "wrong", f"{host} is open to others", "set VIGNETTE_WEB_TOKEN, or host = 127.0.0.1"
        )
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            mend = _PORT_MEND.get(error.errno or 0, "correct [bot.web] host")
            yield Finding("page", "wrong", f"{host}:{port} cannot be used: {error.strerror}", mend)
        else:
            yield Finding("page", "ok", f"{host}:{port} is free")


async def answer(loaded: Loaded) -> list[Finding]:
    """Loads the model, states what it can do, and has it answer."""
    from agent.backends.base import Message, Piece, Request, Sampling
    from agent.backends.registry import make_backend

    backend = make_backend(loaded.agent, loaded.secrets)
    try:
        await backend.start()
        able = await backend.abilities()
        request = Request((Message("user", ("Say hello.",)),), Sampling(max_tokens=12))
        words = "".join([e.text async for e in backend.generate(request) if isinstance(e, Piece)])
    finally:
        await backend.close()
    can = [n for n in ("sees", "streams", "grammar", "adapters", "logprobs") if getattr(able, n)]
    return [
        Finding(
            "model",
            "ok",
            f"{', '.join(can)}; {able.context} tokens ({able.source}); it says: {words.strip()!r}",
        )
    ]
