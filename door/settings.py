"""All settings: each room's own class, filled from config.toml, with the environment above it.

Order: environment (`VIGNETTE__AGENT__LLAMA__CONTEXT=2048`) over config.toml over the defaults in the rooms'
settings classes. Secrets never stand in config.toml: they are environment variables, or lines in `.env`.
Relative paths are relative to the folder of config.toml.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import BaseModel, SecretStr, ValidationError

from agent.engine.embedded import SHIPPED
from agent.errors import ConfigError
from agent.settings import AgentSettings, Room, Secrets
from bot.settings import BotSettings
from journal.settings import JournalSettings

PREFIX = "VIGNETTE__"
FILES = ("path", "mmproj", "adapter")  # settings of models that name files, empty for none


class Settings(Room):
    agent: AgentSettings = AgentSettings()
    journal: JournalSettings = JournalSettings()
    bot: BotSettings = BotSettings()


@dataclass(frozen=True)
class Loaded:
    """What the rooms need, and where each value came from (dotted key -> `config.toml:12`, variable name)."""

    settings: Settings
    secrets: Secrets
    sources: Mapping[str, str]
    path: Path

    @property
    def agent(self) -> AgentSettings:
        return self.settings.agent

    @property
    def journal(self) -> JournalSettings:
        return self.settings.journal

    @property
    def bot(self) -> BotSettings:
        return self.settings.bot


def load(path: Path, environment: Mapping[str, str] | None = None, *, must_be: bool = False) -> Loaded:
    """Reads config.toml (a missing one means defaults, unless it `must_be` there) and the environment.

    Raises ConfigError that names the file and line of the first unknown key or bad value.
    """
    if must_be and not path.exists():
        raise ConfigError(
            "there is no such settings file", where=str(path), mend="name one that exists after --config"
        )
    base = path.parent.resolve()
    env = _secrets(base / ".env")
    env |= dict(os.environ if environment is None else environment)
    text = _read(path)
    data = _parse(text, path)
    lines = _lines(text)
    sources = {key: f"{path.name}:{line}" for key, line in lines.items()}
    for key, name, value in _overrides(env):
        _put(data, key, value)
        sources[".".join(key)] = name
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise _explained(error, sources, path) from None
    _check_patterns(settings, sources)
    secrets = Secrets(values={k: SecretStr(v) for k, v in env.items() if v})
    return Loaded(_rebased(settings, base), secrets, sources, path)


def effective(loaded: Loaded) -> Iterator[tuple[str, Any, str]]:
    """(dotted key, value, where it came from) of every setting, in the order of the classes."""
    for key, value in flat(loaded.settings):
        inside = (s for k, s in loaded.sources.items() if k.startswith(f"{key}."))  # tables of their own
        yield key, value, loaded.sources.get(key) or next(inside, "default")


def flat(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def masked(text: str) -> str:
    """`text` without the passwords that addresses in it may carry."""
    return re.sub(r"(://[^\s\"/:@]*):[^\s\"/]*@", r"\1:***@", text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot be read: {error}", where=str(path), mend="make it a readable UTF-8 file"
        ) from None


def _secrets(path: Path) -> dict[str, str]:
    try:
        return {k: v for k, v in dotenv_values(path).items() if v is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot be read: {error}", where=str(path), mend="make it a readable UTF-8 file"
        ) from None


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        where = f"{path.name}:{found[1]}" if found else path.name
        raise ConfigError(
            f"this is not TOML: {error}", where=where, mend="see https://toml.io for the syntax"
        ) from None


def _lines(text: str) -> dict[str, int]:
    """Dotted key -> line number. Reads only what config.toml uses: tables, arrays of tables, plain keys."""
    found: dict[str, int] = {}
    table, counts = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)\s*([\w.\-\"]+)\s*\]", line):
            table = header[2].replace('"', "")
            if header[1] == "[[":
                n = counts[table] = counts.get(table, -1) + 1
                table = f"{table}.{n}"
            found[table] = number
        elif key := re.match(r"\s*([\w.\-\"]+)\s*=", line):
            name = key[1].replace('"', "")
            found.setdefault(f"{table}.{name}" if table else name, number)
    return found


def _overrides(env: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    for name, text in sorted(env.items()):
        if not name.startswith(PREFIX):
            continue
        key = tuple(part.lower() for part in name.removeprefix(PREFIX).split("__"))
        try:
            value: Any = tomllib.loads(f"x = {text}")["x"]
        except tomllib.TOMLDecodeError:
            value = text  # plain words need no quotes in a variable
        yield key, name, value


def _put(data: dict[str, Any], key: tuple[str, ...], value: Any) -> None:
    for part in key[:-1]:
        inner = data.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        data = inner
    data[key[-1]] = value


def _explained(error: ValidationError, sources: Mapping[str, str], path: Path) -> ConfigError:
    first = error.errors()[0]
    key = ".".join(str(p) for p in first["loc"])
    where = sources.get(key) or next(
        (s for n in range(1, len(first["loc"])) if (s := sources.get(".".join(map(str, first["loc"][:-n]))))),
        path.name,
    )
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        near = _near(key)
        mend = f"did you mean {near}?" if near else "`python main.py config` prints every setting there is"
        return ConfigError(f"there is no setting {key}{more}", where=where, mend=mend)
    table = first["type"] in ("model_type", "model_attributes_type")
    words = f"this is a table: write [{key}] and its settings below" if table else first["msg"].lower()
    return ConfigError(
        f"{key} = {first['input']!r}: {words}{more}",
        where=where,
        mend="correct the value, or delete the line",
    )


def _check_patterns(settings: Settings, sources: Mapping[str, str]) -> None:
    for pattern in settings.bot.filter.patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ConfigError(
                f"bot.filter.patterns: {pattern!r} is no regular expression: {error}",
                where=sources.get("bot.filter.patterns", "config.toml"),
                mend="correct it; a backslash goes before signs such as ( that are meant literally",
            ) from None


def _near(key: str) -> str:
    import difflib

    found = difflib.get_close_matches(key, [k for k, _ in flat(Settings())], n=1, cutoff=0.8)
    return found[0] if found else ""


def _rebased(settings: Settings, base: Path) -> Settings:
    """Relative paths and SQLite files taken from the folder of config.toml."""

    def walk(model: Any) -> Any:
        update: dict[str, Any] = {}
        for name in type(model).model_fields:
            value = getattr(model, name)
            if isinstance(value, BaseModel):
                update[name] = walk(value)
            elif isinstance(value, Path):
                update[name] = base / value.expanduser()
            elif name in FILES and value and value != SHIPPED:
                update[name] = str(base / Path(value).expanduser())
        return model.model_copy(update=update)

    moved: Settings = walk(settings)
    match = re.fullmatch(r"(sqlite\+aiosqlite:///)(?!/)(.+)", moved.journal.url)
    if match and match[2] != ":memory:":
        journal = moved.journal.model_copy(update={"url": f"{match[1]}{base / match[2]}"})
        moved = moved.model_copy(update={"journal": journal})
    return moved
