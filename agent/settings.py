"""What can be set about characters, pictures, prompts and models. The door fills it from config.toml."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Room(BaseModel):
    """Base of every room's settings: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CastSettings(Room):
    """Where characters come from."""

    shipped: Path = Path("characters")
    own: Path = Path("data/characters")
    default: str = "sherlock-holmes"


class IntakeSettings(Room):
    """Limits on pictures from outside."""

    folder: Path = Path("data/pictures")
    max_bytes: int = Field(20_000_000, gt=0, description="bytes of one picture as it arrives")
    max_pixels: int = Field(50_000_000, gt=0, description="width x height, before decoding")
    max_frames: int = Field(1_000, gt=0, description="frames of an animation")
    seconds: float = Field(20.0, gt=0, description="time to fetch, and again to decode, one picture")
    max_side: int = Field(2_048, ge=64, description="pixels; larger pictures are scaled down when stored")
    max_redirects: int = Field(4, ge=0)
    per_turn: int = Field(8, gt=0, description="pictures taken from one message")


class PromptSettings(Room):
    """What goes into a prompt."""

    form: Literal["auto", "full", "compact"] = Field(
        "auto", description="compact: for models of less than a billion weights"
    )
    tokens: int = Field(0, ge=0, description="of one prompt; 0: 350 compact, all the model reads full")
    pictures: int = Field(2, ge=0, description="the last K pictures go in as pixels where the model sees")
    lore_tokens: int = Field(400, ge=0, description="budget where a lorebook names none")
    lore_depth: int = Field(4, ge=0, description="turns scanned where a lorebook names no depth")
    example_tokens: int = Field(300, ge=0, description="a card's example dialogue, dropped first")


class SamplingSettings(Room):
    max_tokens: int = Field(220, gt=0)
    temperature: float = Field(0.6, ge=0, le=2)
    top_p: float = Field(0.95, gt=0, le=1)
    top_k: int = Field(40, ge=0)
    min_p: float = Field(0.1, ge=0, le=1)
    repeat_penalty: float = Field(1.05, ge=0.5, le=2)
    seed: int | None = Field(None, ge=0, le=2_000_000_000, description="absent: a new one each reply")


class AbilitySettings(Room):
    """Overrides for what probing finds; leave a key out to have it probed."""

    sees: bool | None = None
    streams: bool | None = None
    grammar: bool | None = None
    adapters: bool | None = None
    logprobs: bool | None = None
    context: int | None = Field(None, ge=512)


class LlamaSettings(Room):
    """A GGUF model in a worker process of ours. An empty path means the embedded default; `adapter` is a file, empty
    for none, or `shipped`: ours with the embedded model, none with another."""

    path: str = ""
    mmproj: str = ""
    adapter: str = "shipped"
    context: int = Field(4_096, ge=512)
    threads: int = Field(0, ge=0, description="0: one a core")
    gpu_layers: int = Field(-1, ge=-1, description="-1: all that fit, where llama.cpp was built for a GPU")
    stall_seconds: float = Field(120.0, gt=0, description="a worker silent for so long is replaced")


class Endpoint(Room):
    """One OpenAI-compatible server. The key comes from the environment variable named by `key_env`."""

    base_url: str
    model: str
    key_env: str = ""
    usd_per_million_in: float = Field(0.0, ge=0)
    usd_per_million_out: float = Field(0.0, ge=0)


class OpenAISettings(Room):
    """Servers in the order they are tried."""

    endpoints: tuple[Endpoint, ...] = ()
    context: int = Field(8_192, ge=512)
    seconds: float = Field(60.0, gt=0, description="silence after which a request counts as failed")
    retries: int = Field(2, ge=0, description="further tries on one server before the next is asked")
    spend_cap_usd: float = Field(0.0, ge=0, description="a day; 0: no cap")


class TransformersSettings(Room):
    """A folder in Hugging Face's layout, loaded offline."""

    path: str = ""
    adapter: str = ""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    context: int = Field(4_096, ge=512)


class EyesSettings(Room):
    """Notes on pictures for models that cannot see."""

    tags: bool = True
    text: bool = True
    min_confidence: float = Field(0.30, ge=0, le=1)


class AgentSettings(Room):
    backend: Literal["llama", "openai", "transformers"] = "llama"
    waiting: int = Field(64, gt=0, description="replies that may wait for the model before Busy is raised")
    parallel: int = Field(0, ge=0, description="replies made at once; 0: what the backend is best at")
    cache: Path = Path("data/cache")
    cast: CastSettings = CastSettings()
    intake: IntakeSettings = IntakeSettings()
    prompt: PromptSettings = PromptSettings()
    sampling: SamplingSettings = SamplingSettings()
    abilities: AbilitySettings = AbilitySettings()
    llama: LlamaSettings = LlamaSettings()
    openai: OpenAISettings = OpenAISettings()
    transformers: TransformersSettings = TransformersSettings()
    eyes: EyesSettings = EyesSettings()


class Secrets(BaseModel):
    """Never in config.toml: read from the environment or .env, never printed, never logged."""

    model_config = ConfigDict(frozen=True)

    values: dict[str, SecretStr] = {}

    def get(self, name: str) -> str:
        """The secret of that name, or an empty string."""
        found = self.values.get(name)
        return found.get_secret_value() if found else ""
