"""What a server tells about itself besides completions: its context, its adapters."""

from dataclasses import dataclass, field

from agent.backends.remote.server import Server


@dataclass(frozen=True)
class Facts:
    """`context` in tokens, 0 where it is not told; `adapters` are the names that may stand in for the model."""

    context: int = 0
    adapters: frozenset[str] = field(default_factory=frozenset)


async def ask_facts(server: Server) -> Facts:
    """vLLM tells `max_model_len` and, as models with a parent, its LoRA adapters; llama-server tells `n_ctx`."""
    context, adapters = 0, set[str]()
    listed = await server.get("/v1/models" if server.root != server.where.rstrip("/") else "/models")
    entries = listed.get("data") if isinstance(listed, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            continue
        if entry.get("parent") == server.endpoint.model:
            adapters.add(entry["id"])
        elif entry["id"] == server.endpoint.model:
            context = _tokens(entry.get("max_model_len")) or _tokens(entry.get("context_length"))
    if not context:
        props = await server.get("/props")
        slot = props.get("default_generation_settings") if isinstance(props, dict) else None
        context = _tokens(slot.get("n_ctx")) if isinstance(slot, dict) else 0
    return Facts(context, frozenset(adapters))


def _tokens(told: object) -> int:
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 512 else 0
