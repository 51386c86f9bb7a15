"""A server that somebody named: asked what it has, tried, and made the backend."""

from urllib.parse import urlsplit

from agent.backends.base import Backend, Message, Request, Sampling
from agent.backends.openai import OpenAIBackend
from agent.backends.remote.server import Server
from agent.errors import BackendError, ConfigError
from agent.settings import AgentSettings, Endpoint, Secrets

_KEY = "OPENAI_API_KEY"
_ANY = "any"  # no server is asked for a model of this name: only its list is
_SHOWN = 8


async def reach(settings: AgentSettings, address: str, model: str, key: str) -> tuple[Backend, Endpoint]:
    """The started backend, which has said something, and its endpoint. `model` may be empty where the server has one.

    Raises ConfigError for an address that is none, BackendError where the server does not answer or not as a model.
    """
    base = base_url(address)
    if not model:
        model = _only(await _offered(settings, Endpoint(base_url=base, model=_ANY), key), base)
    endpoint = Endpoint(base_url=base, model=model, key_env=_KEY if key else "")
    chosen = settings.openai.model_copy(update={"endpoints": (endpoint,)})
    secrets = Secrets.model_validate({"values": {_KEY: key}})
    backend = OpenAIBackend(chosen, secrets, abilities=settings.abilities, cache=settings.cache)
    try:
        await backend.start()
        await backend.check()
        await _say(backend)
        await backend.abilities()
    except BaseException:
        await backend.close()
        raise
    return backend, endpoint


def base_url(address: str) -> str:
    """`localhost:8080` -> `http://localhost:8080/v1`: people paste what their server prints. Raises ConfigError."""
    wrong = ConfigError(
        "this is no address of a server", mend="give it in full, such as http://127.0.0.1:8080/v1"
    )
    told = address.strip()
    whole = told if "://" in told else f"http://{told}"
    try:
        parts = urlsplit(whole)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not host or parts.username or not whole.isprintable():
        raise wrong
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"


async def _offered(settings: AgentSettings, endpoint: Endpoint, key: str) -> tuple[str, ...]:
    server = Server(endpoint, key, settings.openai.seconds)
    try:
        await server.start()
        return await server.knock()
    finally:
        await server.close()


def _only(names: tuple[str, ...], base: str) -> str:
    if len(names) == 1:
        return names[0]
    if not names:
        raise BackendError(
            "the server does not say which models it has", where=base, mend="name the model too"
        )
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    known = f"{', '.join(names[:_SHOWN])}{more}"
    raise BackendError(f"the server has several models: {known}", where=base, mend="name one of them")


async def _say(backend: Backend) -> None:
    """One short reply: a server that lists models may still have none loaded, or not the one that was named."""
    asked = Request((Message("user", ("Say hello.",)),), Sampling(max_tokens=64))
    async for _ in backend.generate(asked):
        pass
