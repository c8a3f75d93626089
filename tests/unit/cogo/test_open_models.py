"""What commands say of open models at servers of the operator."""

from cogo.cli.local_models.served import (
    OPEN_HEADINGS,
    build_open_rows,
    describe_open_model,
    explain_open_model,
)
from cogo.doctor.models import describe_server
from providers.adapters.local.discovery import LocalServer
from providers.catalogue.open_models import Measured, OpenModel

MEASURED = Measured(
    tokens_per_s=31.24,
    first_token_s=0.25,
    calls_tools=True,
    follows_schema=False,
    parallel=2,
    measured_at="2026-11-30T01:00:00+00:00",
)
MODEL = OpenModel(
    lane="ollama/m:8b",
    own_id="m:8b",
    family="qwen",
    tool_mode="text",
    context_window=131_072,
    inputs=("text", "image"),
    prefix="<think>\n",
    parameters=8.03,
    quantization="Q4_K_M",
    license="MIT",
    loaded=False,
    measured=MEASURED,
    sources={"license": "table", "context_window": "user"},
)


def test_each_fact_says_where_it_comes_from() -> None:
    assert explain_open_model(MODEL) == {
        "server": "ollama",
        "own_id": "m:8b",
        "family": "qwen (its server)",
        "tools": "as text (its server)",
        "context_window": "131072 (cogo.toml)",
        "inputs": "text, image (its server)",
        "answers begin": r"'<think>\n' (its server)",
        "size": "8.03B (its server)",
        "quantization": "Q4_K_M (its server)",
        "loaded": "no (its server)",
        "license": "MIT (COGO's table)",
        "measured": "31.2 tokens/s, first token after 0.2 s, 2 at once, calls tools, "
        "does not follow schemas (on 2026-11-30)",
    }
    described = describe_open_model(MODEL)
    assert described["facts"]["context_window"] == {"value": 131_072, "source": "user"}
    assert described["facts"]["loaded"] == {"value": False, "source": "probe"}
    assert described["measured"]["parallel"] == 2


def test_the_table_has_a_dash_for_what_is_not_known() -> None:
    known, unknown = build_open_rows([MODEL, OpenModel(lane="mlx/m", own_id="m")])

    assert dict(zip(OPEN_HEADINGS, known, strict=True)) == {
        "OPEN MODEL": "ollama/m:8b",
        "SERVER": "ollama",
        "FAMILY": "qwen",
        "TOOLS": "as text",
        "CONTEXT": "128k",
        "SIZE": "8.03B",
        "QUANT": "Q4_K_M",
        "LOADED": "no",
        "TOKENS/S": "31",
    }
    assert unknown == ("mlx/m", "mlx", "auto", "-", "-", "-", "-", "-", "-")


def test_the_doctor_counts_what_a_server_tells() -> None:
    server = LocalServer(
        provider="ollama",
        base_url="http://127.0.0.1:11434/v1",
        models=("a", "b", "c"),
        probed={
            "a": {"tool_mode": "structured", "loaded": True},
            "b": {"tool_mode": "text", "loaded": False},
            "c": {"tool_mode": "structured", "is_remote": True},
        },
    )

    assert describe_server(server) == (
        "ollama with 3 models; structured tools: 2; tools as text: 1; loaded: 1; "
        "passed on to another machine: 1"
    )
    silent = LocalServer(provider="mlx", base_url="http://127.0.0.1:8080/v1", models=("m",))
    assert describe_server(silent) == "mlx with 1 models"


def test_a_model_of_the_catalogue_is_at_cogos_own_server() -> None:
    [row] = build_open_rows([OpenModel(lane="smollm2-135m-instruct", own_id="smollm2")])

    assert row[:2] == ("smollm2-135m-instruct", "local-model")
