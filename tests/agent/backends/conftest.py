"""Leaves out contract tests that say nothing about a model: those that need a flag its class does not set."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker("needs")
        cls: type = getattr(item, "cls", None) or object
        fits = mark is None or all(_flag(cls, name) for name in mark.args)
        (kept if fits else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


def _flag(cls: type, name: str) -> bool:
    return not getattr(cls, "sees") if name == "blind" else bool(getattr(cls, name))  # noqa: B009
