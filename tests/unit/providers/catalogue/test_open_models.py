"""Facts about open models, as they travel in the rows of executors."""

import pytest

from providers.catalogue.open_models import (
    Measured,
    OpenModel,
    dump_open_model,
    load_open_models,
)

MODEL = OpenModel(
    lane="ollama/llama3.1:8b",
    own_id="llama3.1:8b",
    family="llama",
    tool_mode="structured",
    context_window=131_072,
    inputs=("text", "image"),
    prefix="<think>\n",
    parameters=8.0,
    quantization="Q4_K_M",
    loaded=False,
    measured=Measured(tokens_per_s=31.5, first_token_s=0.2, measured_at="2026-11-30T01:00:00Z"),
    sources={"license": "table"},
)


def test_facts_travel_unchanged_and_unknown_ones_not_at_all() -> None:
    row = dump_open_model(MODEL)

    assert load_open_models({MODEL.lane: row}) == {MODEL.lane: MODEL}
    assert "max_output_tokens" not in row


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "text",
        {"lane": MODEL.lane},
        dump_open_model(MODEL) | {"lane": "ollama/another"},
        dump_open_model(MODEL) | {"tool_mode": "sorcery"},
        dump_open_model(MODEL) | {"context_window": "many"},
    ],
)
def test_a_malformed_model_of_a_row_is_left_out_alone(bad: object) -> None:
    good = OpenModel(lane="ollama/good", own_id="good")

    assert load_open_models({MODEL.lane: bad, good.lane: dump_open_model(good)}) == {
        good.lane: good
    }


@pytest.mark.parametrize("bad", [None, [], "text", 3])
def test_a_row_without_models_has_none(bad: object) -> None:
    assert load_open_models(bad) == {}


def test_a_fact_has_the_source_of_the_model_unless_it_has_another() -> None:
    assert MODEL.get_source("family") == "probe"
    assert MODEL.get_source("license") == "table"
