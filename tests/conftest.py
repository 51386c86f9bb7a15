"""What all tests share: nothing is skipped silently, and in CI nothing is skipped at all."""

import gc
import os
import sys
from collections.abc import Iterator

import pytest

MANY = 300  # modules: torch brings a thousand
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


@pytest.fixture(autouse=True)
def _a_leak_blames_its_owner() -> Iterator[None]:
    """What a test left open is found while that test ends, and not in whichever runs at the next collection. Young
    objects only, which takes a millisecond; those that survived are found at the end of the module.
    """
    yield
    gc.collect(1)


@pytest.fixture(autouse=True, scope="module")
def _a_leak_blames_its_module() -> Iterator[None]:
    known = len(sys.modules)
    yield
    gc.collect()
    if len(sys.modules) > known + MANY:
        gc.freeze()


def pytest_collection_finish() -> None:
    """What imports made stays to the end. Left out of all later collections, they take a third of the time: here, and
    after a module that loaded a large library.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    gc.unfreeze()  # pytest's own last look sees everything again


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """In CI a skipped test is a failed one: what a machine lacks there must be installed."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not accept: {reason}"
    return report  # type: ignore[return-value]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says at the end what was held against Discord's description and, loudly, what this machine lacks."""
    described = sys.modules.get("tests.fakes.discord.description")
    if described is not None:
        held = described.HELD
        words = f"{held['request']} requests, {held['answer']} answers, {held['breach']} breaches"
        terminalreporter.line(f"Held against Discord's description: {words}")
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    reasons: dict[str, int] = {}
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason] = reasons.get(reason, 0) + 1
    terminalreporter.section("NOT TRIED ON THIS MACHINE", sep="!", red=True, bold=True)
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count:4d} tests: {reason.removeprefix('Skipped: ')}")
    terminalreporter.line("These are failures in CI (CI=true).")
