import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import main
from agent.backends.llama import LlamaBackend
from agent.settings import LlamaSettings
from main import ABOUT, COMMANDS, door

ROOT = Path(__file__).parents[2]


def run(*words: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches(name: str) -> None:
    shown = CliRunner().invoke(door, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Usage:" in shown.output
    assert len(shown.output.split()) > 15


def test_the_overview_names_every_command() -> None:
    assert set(ABOUT) == set(COMMANDS)


def test_a_misspelt_command_is_suggested() -> None:
    shown = CliRunner().invoke(door, ["duett"])
    assert shown.exit_code == 2
    assert "Did you mean duet?" in shown.output


def test_an_error_says_what_where_and_how_to_mend_it_without_a_traceback(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[agent.llama]\ncontxt = 1\n")
    shown = run("--config", str(config), "config")
    assert shown.returncode == 1
    assert "config.toml:2" in shown.stderr
    assert "To mend it" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_config_prints_values_with_their_sources(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[agent.llama]\ncontext = 1024\n")
    shown = run("--config", str(config), "config", "llama", "--json")
    found = json.loads(shown.stdout)
    assert found["agent.llama.context"] == {"value": 1024, "source": "config.toml:2"}
    assert found["agent.llama.threads"]["source"] == "default"


def test_a_settings_file_that_was_named_must_exist(tmp_path: Path) -> None:
    shown = run("--config", str(tmp_path / "typo.toml"), "config")
    assert shown.returncode == 1
    assert "typo.toml: there is no such settings file" in shown.stderr


def test_help_needs_no_settings_and_words_may_look_like_help(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("broken\n")
    assert run("--config", str(config), "chat", "--help").returncode == 0
    shown = run("--config", str(config), "chat", "--once", "-h")
    assert "config.toml:1" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_what_the_system_refuses_is_told_without_a_traceback(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")
    (tmp_path / "data").write_text("a file where a folder belongs")
    shown = run("--config", str(config), "models", "use", "embedded")
    assert shown.returncode == 1
    assert str(tmp_path / "data") in shown.stderr
    assert "To mend it" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_every_letter_has_some_form_on_a_plain_terminal() -> None:
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "200"}
    for words in (("characters", "list"), ("characters", "show", "sun-wukong")):
        command = [sys.executable, str(ROOT / "main.py"), *words]
        shown = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=plain, check=False)
        assert shown.returncode == 0, shown.stderr


def test_the_journal_is_nobody_elses_to_read(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")
    assert run("--config", str(config), "journal", "stats").returncode == 0
    for path in (tmp_path / "data", tmp_path / "data" / "journal.db"):
        assert not path.stat().st_mode & 0o077, path


def test_no_password_is_printed_with_the_settings(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[journal]\nurl = "postgresql+asyncpg://me:geheim@host/x"\n'
        '[[agent.openai.endpoints]]\nbase_url = "http://me:geheim@host/v1"\nmodel = "m"\n'
    )
    for words in ((), ("--json",)):
        shown = run("--config", str(config), "config", *words)
        assert "geheim" not in shown.stdout + shown.stderr
        assert shown.stdout.count("me:***@host") == 2


@pytest.mark.parametrize(
    ("settings", "what", "found"),
    [
        ('[agent]\nbackend = "transformers"\n[agent.transformers]\npath = "nowhere"', "model", "nowhere"),
        ('[agent.llama]\nmmproj = "gone.gguf"', "model", "gone.gguf"),
        ('[agent]\ncache = "config.toml"', "cache", "is a file"),
        ('[bot.web]\nhost = "256.0.0.1"', "page", "256.0.0.1"),
    ],
)
def test_doctor_sees_what_would_keep_it_from_starting(
    tmp_path: Path, settings: str, what: str, found: str
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(settings + "\n")
    shown = run("--config", str(config), "doctor", "--json")
    findings = [json.loads(line) for line in shown.stdout.splitlines()]
    assert any(f["what"] == what and f["verdict"] == "wrong" and found in f["found"] for f in findings), (
        findings
    )


def test_doctor_minds_secrets_that_others_can_read(tmp_path: Path) -> None:
    config, env = tmp_path / "config.toml", tmp_path / ".env"
    config.write_text("")
    env.write_text("DISCORD_TOKEN=x\n")
    for mode, told in ((0o644, True), (0o600, False)):
        env.chmod(mode)
        assert ("chmod 600" in run("--config", str(config), "doctor").stdout) is told


def test_doctor_finds_what_is_wrong_and_says_how_to_mend_it(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'[agent]\nbackend = "openai"\n[agent.cast]\nshipped = "{ROOT / "characters"}"\ndefault = "nobody"\n'
        '[[agent.openai.endpoints]]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\nkey_env = "NO_SUCH_KEY"\n'
        '[bot.web]\nhost = "0.0.0.0"\nport = 0\n'
    )
    shown = run("--config", str(config), "doctor", "--json")
    findings = [json.loads(line) for line in shown.stdout.splitlines()]
    wrong = {f["what"]: f for f in findings if f["verdict"] == "wrong"}
    assert shown.returncode == 1
    assert set(wrong) == {"characters", "keys", "page", "model"}
    assert "127.0.0.1:9" in wrong["model"]["found"]
    assert all(f["mend"] for f in wrong.values())


@pytest.mark.model
def test_doctor_names_what_crashed_here_before_and_the_cure(tmp_path: Path) -> None:
    config, cache = tmp_path / "config.toml", tmp_path / "cache"
    config.write_text(f'[agent]\ncache = "{cache}"\n[journal]\nurl = "sqlite+aiosqlite:///{tmp_path}/j.db"\n')
    backend = LlamaBackend(LlamaSettings(), cache=cache)
    backend._safety().remember("signal 11")
    shown = run("--config", str(config), "doctor", "--json")
    found = [json.loads(line) for line in shown.stdout.splitlines()]
    (slow,) = [f for f in found if "signal 11" in f["found"]]
    assert slow["verdict"] == "wrong"
    assert "make clean run" in slow["mend"]


def test_doctor_is_content_with_the_default(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[agent.cast]\nshipped = "{ROOT / "characters"}"\n[bot.web]\nport = 0\n')
    shown = run("--config", str(config), "doctor", "--deep")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "it says:" in shown.stdout


def test_the_door_imports_nothing_heavy_for_its_help() -> None:
    code = "import main, sys; print(sorted(set(sys.modules) & {'pydantic', 'sqlalchemy', 'aiohttp', 'PIL', 'rich'}))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert shown.stdout.strip() == "[]"
    assert main.__file__
