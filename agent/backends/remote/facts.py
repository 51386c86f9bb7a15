"""What a server tells about itself besides completions: its context, its adapters."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from agent.backends.remote.server import Server


@dataclass(frozen=True)
class Facts:
    """`context` in tokens, 0 where it is not told; `adapters` are the names that may stand in for the model; `mark`
    changes when the server says something else of itself or the model: another file, another build, a projector."""

    context: int = 0
    adapters: frozenset[str] = field(default_factory=frozenset)
    mark: str = ""


async def ask_facts(server: Server) -> Facts:
    """vLLM tells `max_model_len` and, as models with a parent, its LoRA adapters; llama-server tells `n_ctx`."""
    context, adapters, mine = 0, set[str](), dict[str, Any]()
    listed = await server.get("/v1/models" if server.root != server.where.rstrip("/") else "/models")
    entries = listed.get("data") if isinstance(listed, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            continue
        if entry.get("parent") == server.endpoint.model:
            adapters.add(entry["id"])
        elif entry["id"] == server.endpoint.model:
            mine = entry
            context = _tokens(entry.get("max_model_len")) or _tokens(entry.get("context_length"))
    told = await server.get("/props")
    props = told if isinstance(told, dict) else {}
    slot = props.get("default_generation_settings")
    if not context and isinstance(slot, dict):
        context = _tokens(slot.get("n_ctx"))
    return Facts(context, frozenset(adapters), _mark(mine, props))


def _mark(entry: dict[str, Any], props: dict[str, Any]) -> str:
    """16 hex digits of what stays the same from one question to the next (`created` is the time of asking in vLLM)."""
    lasting = [entry.get(k) for k in ("id", "root", "owned_by", "max_model_len", "meta")]
    lasting += [props.get(k) for k in ("model_path", "modalities", "build_info", "chat_template")]
    return hashlib.sha256(json.dumps(lasting, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _tokens(told: object) -> int:
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 512 else 0
