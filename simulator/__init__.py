"""A simulator of model vendors: an HTTP server on loopback that speaks their wire formats.

Run it with `python -m simulator [--port N] [--speed F]`, or `run_simulator()` in a test;
`--as ollama` serves one server of open-weight models alone, at the root of its usual port. Give
each SDK the base URL of this table, where HOST is http://127.0.0.1:PORT:

| SDK           | base_url                    | it then requests, below HOST             |
|---------------|-----------------------------|------------------------------------------|
| anthropic     | HOST/anthropic              | /anthropic/v1/messages                   |
| fireworks-ai  | HOST/fireworks              | /fireworks/v1/chat/completions           |
| google-genai  | HOST/gemini                 | /gemini/v1beta/models/MODEL:METHOD       |
| openai        | HOST/openai/v1              | /openai/v1/chat/completions              |
| openai        | HOST/fireworks/inference/v1 | /fireworks/inference/v1/chat/completions |
| openai        | HOST/VENDOR + its own path  | see `openai_compatible.api_path`         |

(anthropic 2.11, fireworks-ai 1.2.28, google-genai 3.4, openai 3.52; any other base URL gets 404,
as at the vendors.) VENDOR is each value of `request.Vendor`. Models are listed where each SDK
looks for them. Embeddings are at the vendors' own paths: /v1/embeddings, /v2/embed (Cohere),
:batchEmbedContents (Gemini), /api/embed (Ollama). So are rankings: /v2/rerank (Cohere), /v1/rerank
(Jina, Fireworks, vLLM, llama.cpp), /rerank (text-embeddings-inference).

Servers of open-weight models speak their own paths, too: HOST/ollama/api/chat, show, tags, ps,
pull, delete and version; HOST/llamacpp/props and health, and below HOST/llamacpp/plain a second
server whose model's template has no tools; HOST/lmstudio/api/v1/models. Names of models say what
they do: `writes-FORM` or `writes-FORM-FLAW` (see `simulator.local.call_texts`) write calls as text,
`no-tools` has none, `ctx4k` takes 4,096 tokens, `not-pulled` must be pulled first. Tools that the
instructions describe in the format `<tool_use>` are called in it, and results are read from turns
that begin with `<tool_result`. A call whose result says that it "was not run" is made again.

Answers are deterministic and chosen by keywords. A prompt that names an offered tool is answered
by calling it, a response schema by an object that fits; `[[say:TEXT]]` and `[[pieces:N]]` in a
prompt dictate the answer. Any model exists except those with `no-such-model` in their name; any
key is accepted except `invalid`. Every response carries the header `x-cogo-simulated: true`, and
its text says that it is simulated.

Faults (see `simulator.faults`) are requested by the header `x-cogo-fault`, in the prompt as
`[[fault:...]]`, or for the whole process by POST /_simulator/faults with
{"faults": [{"spec": "429 times=1", "vendor": "openai", "model": "gpt-6-sol"}]}, where vendor and
model may be omitted; each POST replaces the schedule. GET /_simulator/requests?after=N lists the
requests since number N, GET /_simulator/health reports that the simulator runs.

| module                    | contents                                                     |
|---------------------------|--------------------------------------------------------------|
| app, server, __main__     | routes; the server on a port; the command line               |
| endpoint, request         | one vendor's endpoints; a completion request of any format   |
| planned, pacing, answers/ | the whole response, decided before its first byte; its speed |
| responder, response       | sending it, with a fault; the ASGI response                  |
| faults, request_log, control | fault specifications; past requests; their HTTP paths     |
| formats/                  | requests and responses of each vendor                        |
| local/                    | servers of open-weight models: their models, paths, failures |
"""

from simulator.app import create_simulator
from simulator.server import run_simulator

__all__ = ["create_simulator", "run_simulator"]
