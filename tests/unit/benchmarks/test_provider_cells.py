"""What `scripts/bench providers` measures when a part of it is asked for."""

import pytest

from benchmarks.provider_cells import Cell, UnknownName, choose


def test_everything_is_measured_when_nothing_is_named() -> None:
    cells, cancels = choose(None, None, quick=False)

    assert len(cells) == 9 * (1 + 3 + 3)
    assert cancels


def test_a_way_stands_for_all_its_concurrencies() -> None:
    cells, cancels = choose("openai", "stream,open", quick=False)

    assert cells == [
        Cell("openai", "stream", 1),
        Cell("openai", "stream", 50),
        Cell("openai", "open", 0),
        Cell("openai", "stream", 500),
    ]
    assert not cancels


def test_quick_leaves_out_the_middle_unless_it_is_named() -> None:
    quick, _ = choose("httpx", None, quick=True)
    named, _ = choose("httpx", "stream/50", quick=True)

    assert {cell.concurrency for cell in quick} == {0, 1, 500}
    assert named == [Cell("httpx", "stream", 50)]


def test_only_our_ways_are_cancelled() -> None:
    assert choose("cogo_openai", "cancel", quick=False) == ([], True)
    assert choose("httpx", "cancel", quick=False) == ([], False)


@pytest.mark.parametrize(("only", "places"), [("opnai", None), (None, "stream/7")])
def test_an_unknown_name_is_answered_with_the_known_ones(
    only: str | None, places: str | None
) -> None:
    with pytest.raises(UnknownName, match="known: "):
        choose(only, places, quick=False)
