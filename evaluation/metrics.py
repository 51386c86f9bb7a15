"""MMRole-Eval's eight metrics, its score pairs, and how they are summed up (arXiv 2408.04203, section 5)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from agent.dialogue import Scenario


class Dimension(StrEnum):
    CONVERSATION = "fundamental conversational skills"
    UNDERSTANDING = "multimodal understanding"
    ROLE = "role-playing qualities"


class Metric(StrEnum):
    """In the published order; the value is the published abbreviation."""

    INSTRUCTION_ADHERENCE = "IA"
    FLUENCY = "Flu"
    COHERENCY = "Coh"
    IMAGE_TEXT_RELEVANCE = "ITR"
    RESPONSE_ACCURACY = "RA"
    PERSONALITY_CONSISTENCY = "PC"
    KNOWLEDGE_CONSISTENCY = "KC"
    TONE_CONSISTENCY = "TC"

    @property
    def dimension(self) -> Dimension:
        if self in (Metric.IMAGE_TEXT_RELEVANCE, Metric.RESPONSE_ACCURACY):
            return Dimension.UNDERSTANDING
        if self in (Metric.PERSONALITY_CONSISTENCY, Metric.KNOWLEDGE_CONSISTENCY, Metric.TONE_CONSISTENCY):
            return Dimension.ROLE
        return Dimension.CONVERSATION


@dataclass(frozen=True, slots=True)
class ScorePair:
    """(the agent's score, the reference's score), integers 1 to 10; their ratio is the score."""

    agent: int
    reference: int

    def __post_init__(self) -> None:
        if not (1 <= self.agent <= 10 and 1 <= self.reference <= 10):
            raise ValueError(f"scores are integers from 1 to 10, not ({self.agent}, {self.reference})")

    @property
    def ratio(self) -> float:
        return self.agent / self.reference

    @property
    def tie(self) -> bool:
        return self.agent == self.reference


_SCORES = re.compile(r"\[Scores\]:\s*\((\d{1,2}),\s*(\d{1,2})\)\s*$")


def parse_scores(review: str) -> ScorePair | None:
    """The pair at the end of a review, or None: never guessed, never coerced into range."""
    found = _SCORES.search(review.strip())
    try:
        return ScorePair(int(found[1]), int(found[2])) if found else None
    except ValueError:
        return None


def part_mean(ratios: Mapping[Scenario, Iterable[float]]) -> float:
    """One part's figure for one metric: the plain mean of its scenarios' mean ratios.

    Raises ValueError where a scenario has no ratio at all: leaving it out would change what is compared.
    """
    means = []
    for scenario in Scenario:
        values = list(ratios.get(scenario, ()))
        if not values:
            raise ValueError(f"no ratios for the scenario {scenario.value}")
        means.append(sum(values) / len(values))
    return sum(means) / len(means)


IN_SHARE = (
    0.75  # of the in-distribution part in a system's overall figure; recomputed from the published table
)


def overall(in_test: float, out_test: float) -> float:
    return IN_SHARE * in_test + (1 - IN_SHARE) * out_test
