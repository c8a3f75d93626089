"""Facts about open models: where they come from, and how they travel in rows of executors."""

from typing import Literal

import pytest

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.open_models import (
    Measured,
    OpenModel,
    build_open_model,
    dump_open_model,
    fit_model,
    load_open_models,
)

CATALOGUE = Catalogue.load()

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
    assert not {"max_output_tokens", "lane", "own_id"} & set(row)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "text",
        dump_open_model(MODEL) | {"parameters": float("nan")},
        dump_open_model(MODEL) | {"context_window": 0},
        dump_open_model(MODEL) | {"tool_mode": "sorcery"},
        dump_open_model(MODEL) | {"context_window": "many"},
        dump_open_model(MODEL) | {"context_window": 10**400},
        dump_open_model(MODEL) | {"prefix": "x" * 1_000_000},
        dump_open_model(MODEL) | {"quantization": "x" * 1_000_000},
        dump_open_model(MODEL) | {"inputs": ["text"] * 1_000_000},
        dump_open_model(MODEL) | {"sources": {"x" * 1_000_000: "probe"}},
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


def test_what_the_operator_states_wins_over_the_probe_and_that_over_the_table() -> None:
    model = build_open_model(
        "ollama/m",
        "m",
        user={"context_window": 1},
        probe={"context_window": 2, "family": "qwen"},
        table={"context_window": 3, "family": "llama", "license": "MIT"},
        measured=None,
    )

    assert (model.context_window, model.family, model.license) == (1, "qwen", "MIT")
    sources = [model.get_source(fact) for fact in ("context_window", "family", "license")]
    assert sources == ["user", "probe", "table"]


@pytest.mark.parametrize(
    ("tool_mode", "takes_text_calls", "tools"),
    [
        ("structured", False, True),
        ("structured", True, True),
        ("text", True, True),
        ("text", False, None),
        (None, True, None),
    ],
)
def test_a_model_takes_tools_if_its_server_does_or_if_calls_are_read_from_text(
    tool_mode: Literal["structured", "text"] | None,
    takes_text_calls: bool,
    tools: bool | None,
) -> None:
    facts = OpenModel(lane="ollama/m", own_id="m", tool_mode=tool_mode, context_window=4096)

    fitted = fit_model(CATALOGUE.get_model("ollama/m"), facts, takes_text_calls=takes_text_calls)

    assert fitted.tools is tools
    assert fitted.context_window == 4096


def test_a_model_that_the_catalogue_keeps_from_tools_gets_none() -> None:
    model = CATALOGUE.get_model("ollama/m").model_copy(update={"tools": False})
    facts = OpenModel(lane=model.id, own_id=model.id, tool_mode="structured")

    assert fit_model(model, facts, takes_text_calls=True).tools is False


def test_a_model_of_the_catalogue_keeps_its_facts_in_rows() -> None:
    facts = OpenModel(lane="smollm2-135m-instruct", own_id="smollm2-135m-instruct", parameters=0.1)

    assert load_open_models({facts.lane: dump_open_model(facts)}) == {facts.lane: facts}
