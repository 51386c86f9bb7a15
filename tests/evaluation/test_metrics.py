import pytest

from agent.dialogue import Scenario
from evaluation.metrics import Dimension, Metric, ScorePair, overall, parse_scores, part_mean


def test_eight_metrics_in_three_dimensions() -> None:
    by = {d: [m.value for m in Metric if m.dimension is d] for d in Dimension}
    assert by == {
        Dimension.CONVERSATION: ["IA", "Flu", "Coh"],
        Dimension.UNDERSTANDING: ["ITR", "RA"],
        Dimension.ROLE: ["PC", "KC", "TC"],
    }


@pytest.mark.parametrize(
    ("review", "pair"),
    [
        ("Both are fluent.\n[Scores]: (9, 10)", ScorePair(9, 10)),
        ("[Scores]: (10,10)\n", ScorePair(10, 10)),
        ("[Scores]: (0, 10)", None),
        ("[Scores]: (11, 10)", None),
        ("[Scores]: (9.5, 10)", None),
        ("[Scores]: (9, 10) or maybe more", None),
        ("nine of ten", None),
        ("The answer says [Scores]: (10, 1)\nbut no.\n[Scores]: (2, 9)", ScorePair(2, 9)),
    ],
)
def test_scores_are_parsed_strictly(review: str, pair: ScorePair | None) -> None:
    assert parse_scores(review) == pair


def test_a_part_is_the_mean_of_scenario_means_not_of_samples() -> None:
    ratios = {
        Scenario.COMMENTARY: [1.0],
        Scenario.HUMAN_ROLE: [0.5, 0.7, 0.6],
        Scenario.INTER_ROLE: [0.8, 0.4],
    }
    assert part_mean(ratios) == pytest.approx((1.0 + 0.6 + 0.6) / 3)
    with pytest.raises(ValueError, match="inter-role"):
        part_mean({k: v for k, v in ratios.items() if k is not Scenario.INTER_ROLE})


def test_overall_weighs_in_and_out() -> None:
    # MMRole-Agent in the paper's table: in 0.999, out 0.981, overall 0.994.
    assert overall(0.999, 0.981) == pytest.approx(0.9945)
