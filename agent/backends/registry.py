"""From settings to the backend that serves them. Heavy modules are imported only where they are chosen."""

from agent.backends.base import Backend
from agent.models import folder, read_current
from agent.queue import Queue
from agent.settings import AgentSettings, LlamaSettings, Secrets

# Replies at once where `parallel` is 0: one model in our own process serves one; servers batch by themselves.
BEST_PARALLEL = {"llama": 1, "openai": 8, "transformers": 1}


def make_backend(settings: AgentSettings, secrets: Secrets) -> Queue:
    """The configured backend, not yet started, behind its queue.

    Raises BackendError where what is configured cannot be had (no endpoint, a model that is gone).
    """
    parallel = settings.parallel or BEST_PARALLEL[settings.backend]
    return Queue(_bare(settings, secrets), waiting=settings.waiting, parallel=parallel)


def _bare(settings: AgentSettings, secrets: Secrets) -> Backend:
    match settings.backend:
        case "openai":
            from agent.backends.openai import OpenAIBackend

            return OpenAIBackend(settings.openai, secrets, abilities=settings.abilities, cache=settings.cache)
        case "transformers":
            from agent.backends.transformers import TransformersBackend

            return TransformersBackend(
                settings.transformers, abilities=settings.abilities, cache=settings.cache
            )
        case "llama":
            from agent.backends.llama import LlamaBackend

            return LlamaBackend(chosen(settings), abilities=settings.abilities, cache=settings.cache)


def chosen(settings: AgentSettings) -> LlamaSettings:
    """[agent.llama] as it stands, or, where it names no file, with the one that `models use` chose."""
    if settings.llama.path:
        return settings.llama
    current = read_current(folder(settings))
    if current is None:
        return settings.llama
    mmproj = settings.llama.mmproj or current.mmproj
    return settings.llama.model_copy(update={"path": current.path, "mmproj": mmproj})
