"""The Markdown page of open models: what is asked of servers, and what is known without them."""

from typing import Final

from providers.catalogue.open_model_table import FILE, OpenModelRow, OpenModelSize, load_rows
from scripts.docs_pages.tables import table

_TOOL_MODES: Final = {"structured": "structured", "text": "as text"}
_QUESTIONS: Final = (
    (
        "Ollama",
        "`POST /api/show` for each model, `GET /api/ps`",
        "family, tools, context window, inputs, reasoning, size, quantization, loaded; whether it "
        "embeds, and whether Ollama's cloud answers",
    ),
    (
        "LM Studio",
        "`GET /api/v1/models`",
        "tools, context window of what is loaded, inputs, reasoning, size, quantization, loaded; "
        "whether it embeds",
    ),
    (
        "llama.cpp",
        "`GET /props`",
        "family, tools, context window, inputs, size, quantization, loaded; a server of several "
        "models is never made to load one",
    ),
    (
        "vLLM",
        "`GET /v1/models`, and `GET /tokenizer_info` where it is switched on",
        "context window, family",
    ),
)
_TEXT: Final = f"""\
# Open models at your own servers

Generated from `providers/catalogue/{FILE}` and `scripts/docs_pages/open_models.py`. Do not edit.

Executors look for Ollama, LM Studio, vLLM, llama.cpp and MLX on their usual ports of this machine
every 30 seconds, and at the base URLs that are set for them. Each model that answers texts becomes
a lane. `cogo models` lists them with what is known, `cogo models show NAME` says where each fact
comes from, and `cogo doctor` counts them.

## What servers are asked

{table(("server", "question", "facts"), _QUESTIONS)}
All models of a server are asked about at once, within three seconds. A model about which there is
no answer, or a malformed one, is a lane with fewer facts. A model is asked about again when it has
changed in the list of its server, and all are after a connection failed.

Chat templates are searched for the marks of each family, and for what they write at the beginning
of an answer (`<think>`). They are never rendered, since they come from whoever published the
weights.

A model that Ollama passes on to its cloud (it says so, or the name ends in `-cloud` or `:cloud`)
does not count as local: prompts leave the machine, so that `data_policy` rules such as `local-only`
exclude it, and keys in prompts are masked. Until Ollama has answered `/api/show` for a model, every
data policy excludes that model, too. So it is with all models of a server on another machine, where
`OLLAMA_BASE_URL` or another provider's base URL names one.

## Tools

`structured`: the server takes tools and returns calls. `as text`: the model's template has no
place for tools, so that COGO teaches them in the instructions and reads calls from the text. Where
it is not known, tools are sent, and taught after the server's refusal. Calls that a model writes
into its text are read in any case.

## Names

A lane is `<provider>/<name>`. A model that its server names by a file is named without folder and
`.gguf`: `/models/SmolLM2-135M-Instruct.Q4_1.gguf` of llama.cpp is
`llamacpp/SmolLM2-135M-Instruct.Q4_1`. Of files with the same name each has its folder, too
(`llamacpp/model@folder`), or a hash. Names by a path, as they were before, still work, and subtasks
that were queued under them are still executed; pins and bans of them hold. Grants name the lane.
Names that are too long or cannot be printed are left out, with a warning in the executor's log.

## Which fact counts

Your `cogo.toml`, then the server's answer, then the table below. An entry in `cogo.toml` has to
name the model and where it runs; each further field replaces what the server says:

```toml
[models."ollama/llama3.1:8b"]
name = "Llama 3.1 8B"
maker = "Meta"
context_window = 16384
deployments = [{{ provider = "ollama", model = "llama3.1:8b" }}]
```

Executors tell orchestrators in their row of `cogo_agents` (`details.open_models`), so that a choice
of a model counts what only the executor's machine can see. Paths are not part of it.

## Models that are known without an answer

Names of files, keys of LM Studio and ids of Hugging Face are compared without publisher and
quantization, tags of Ollama's library as they are. Fine-tuned models with other names are not
taken for these.
"""


def render_open_models() -> dict[str, str]:
    """Return the file name below `docs/reference/` and its text."""
    rows = [
        _build_row(row, label, size)
        for row in load_rows().values()
        for label, size in row.list_sizes()
    ]
    headings = ("model", "maker", "license", "size", "context window", "tools", "Ollama")
    return {"open-models.md": f"{_TEXT}\n{table(headings, rows)}"}


def _build_row(row: OpenModelRow, label: str, size: OpenModelSize) -> tuple[str, ...]:
    window = size.context_window or row.context_window
    return (
        row.build_name(label),
        row.maker,
        size.license or row.license,
        f"{size.parameters:g}B",
        f"{window:,}" if window else "",
        _TOOL_MODES[row.tool_mode],
        f"`{row.ollama}:{label}`" if row.ollama else "",
    )
