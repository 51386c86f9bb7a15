import re
from pathlib import Path

import pytest

from agent.errors import ConfigError
from door.settings import Settings, effective, flat, load

SHIPPED = Path(__file__).parents[2] / "config.toml"


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_config_toml_holds_every_setting_with_its_default() -> None:
    text = SHIPPED.read_text()
    loaded = load(SHIPPED, {})
    shipped = dict(flat(loaded.settings))
    for key, default in flat(Settings()):
        name = re.escape(key.rsplit(".", 1)[1])
        assert re.search(rf"(?m)^(# )?{name} *=|^(# )?\[+{re.escape(key)}\]", text), (
            f"{key} is not in config.toml"
        )
        if not isinstance(default, Path) and not key.endswith(".url"):
            assert shipped[key] == default, f"{key} differs from its default"


def test_every_line_of_config_toml_has_words_around_it() -> None:
    tables = re.findall(r"(?m)^\[[^\]]+\]", SHIPPED.read_text())
    assert len(tables) == len(set(tables)) >= 15


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("[agent]\nbackend = 'llama'\n\n[agent.llama]\ncontxt = 3\n", "config.toml:5", "agent.llama.contxt"),
        ("[agent.llama]\ncontext = 'many'\n", "config.toml:2", "context"),
        ("[agent.llama]\n\ncontext = 3\n", "config.toml:3", "512"),
        ("[bto]\nx = 1\n", "config.toml:1", "bto"),
        ("[agent]\nbackend = 'gpt'\n", "config.toml:2", "backend"),
        ("[agent\n", "config.toml:1", "not TOML"),
        ("[bot.filter]\npatterns = ['(']\n", "config.toml:2", "no regular expression"),
        ("[agent]\nllama = 3\n", "config.toml:2", "[agent.llama]"),
        (
            "[[agent.openai.endpoints]]\nbase_url='x'\nmodel='m'\n[[agent.openai.endpoints]]\nbase='x'\n",
            "config.toml:4",
            "endpoints",
        ),
    ],
)
def test_errors_name_the_line(tmp_path: Path, text: str, where: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), {})
    assert caught.value.where == where
    assert what in str(caught.value)
    assert caught.value.mend


def test_a_near_miss_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"agent\.llama\.context"):
        load(write(tmp_path, "[agent.llama]\ncontxt = 3000\n"), {})


def test_the_environment_goes_above_the_file_and_sources_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, "[agent.llama]\ncontext = 1024\nthreads = 3\n")
    loaded = load(path, {"VIGNETTE__AGENT__LLAMA__CONTEXT": "2048", "VIGNETTE__AGENT__BACKEND": "openai"})
    assert (loaded.agent.llama.context, loaded.agent.llama.threads, loaded.agent.backend) == (
        2048,
        3,
        "openai",
    )
    sources = {k: s for k, _, s in effective(loaded)}
    assert sources["agent.llama.context"] == "VIGNETTE__AGENT__LLAMA__CONTEXT"
    assert sources["agent.llama.threads"] == "config.toml:3"
    assert sources["agent.llama.path"] == "default"


def test_a_bad_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.toml", {"VIGNETTE__BOT__WEB__PORT": "99999"})
    assert caught.value.where == "VIGNETTE__BOT__WEB__PORT"


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    text = (
        "[agent.cast]\nown = 'mine'\n[agent.llama]\npath = 'm.gguf'\n[agent.transformers]\nadapter = '/a'\n"
    )
    loaded = load(write(tmp_path, text), {})
    assert loaded.agent.cast.own == tmp_path / "mine"
    assert (loaded.agent.llama.path, loaded.agent.llama.mmproj) == (str(tmp_path / "m.gguf"), "")
    assert loaded.agent.transformers.adapter == "/a"
    assert loaded.journal.url == f"sqlite+aiosqlite:///{tmp_path}/data/journal.db"


def test_a_home_folder_is_found_and_a_damaged_dotenv_named(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, "[agent.intake]\nfolder = '~/pictures'\n"), {})
    assert loaded.agent.intake.folder == Path.home() / "pictures"
    (tmp_path / ".env").write_bytes(b"DISCORD_TOKEN=\xff\xfe\n")
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        load(tmp_path / "config.toml", {})
    assert caught.value.where.endswith(".env")


def test_secrets_come_from_dotenv_and_environment_and_are_not_printed(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKEN=from-file\nOTHER=kept\n")
    loaded = load(tmp_path / "config.toml", {"DISCORD_TOKEN": "from-environment"})
    assert loaded.secrets.get("DISCORD_TOKEN") == "from-environment"
    assert loaded.secrets.get("OTHER") == "kept"
    assert "from-environment" not in repr(loaded)
