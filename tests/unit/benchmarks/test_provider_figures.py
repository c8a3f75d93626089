"""How samples of `scripts/bench providers` become figures."""

from benchmarks.provider_cells import Cell
from benchmarks.provider_figures import Sample, figures_of

OURS, SDK = Cell("cogo_chat", "stream", 50), Cell("openai", "stream", 50)


def _sample(cpu_ms: float) -> Sample:
    return {"calls": 10, "cpu_ms": cpu_ms, "wall_ms": cpu_ms, "rate": 1.0, "peak_mib": 50.0}


def test_ratios_are_taken_within_a_round() -> None:
    rounds = [{OURS: _sample(2), SDK: _sample(4)}, {OURS: _sample(9)}, {SDK: _sample(1)}]

    *_, ratio = figures_of([OURS, SDK], rounds)

    assert ratio["name"] == "provider_ratio"
    assert ratio["cpu"] == {"median": 0.5, "min": 0.5, "max": 0.5}
    assert (ratio["rounds"], ratio["goal_cpu"]) == (1, 1.15)


def test_a_cell_that_was_not_measured_has_a_figure_that_says_so() -> None:
    figures = list(figures_of([OURS, SDK], [{OURS: _sample(2)}]))

    assert [(each["client"], each["rounds"]) for each in figures] == [
        ("cogo_chat", 1),
        ("openai", 0),
    ]
    assert figures[0]["cpu_us_per_chunk"] == 20.0
    assert "cpu_ms" not in figures[1]
