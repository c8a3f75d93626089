"""The process of the local model: llama.cpp's HTTP server on loopback.

usage: python -m cogo.local_model.server --library DIR --weights FILE --alias ID --state FILE
       [--port N] [--threads N]

Prints one line of JSON with its URL when it is ready, and writes the same to the state file. It
ends at SIGTERM and SIGINT.
"""

import argparse
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

from cogo.config.local_model import LocalModel, write_local_model

CONTEXT_TOKENS: Final = 8_192
"""Of one conversation: the model was trained for this many."""
PARALLEL: Final = 2
MAX_OUTPUT_TOKENS: Final = 1_024
"""Small models may repeat themselves without end."""


def main() -> int:
    """Serve until a signal; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cogo.local_model.server")
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    # llama.cpp writes to the standard output what belongs into the log.
    ready = os.dup(1)
    os.dup2(2, 1)
    sys.path.append(str(options.library))
    try:
        server = _start(options)
    except (ImportError, OSError, RuntimeError) as error:
        sys.stderr.write(f"the local model cannot start: {error}\n")
        return 1
    url = f"{server.listening_address}/v1"
    write_local_model(options.state, LocalModel(url=url, pid=os.getpid()))
    os.write(ready, f"{json.dumps({'url': url})}\n".encode())
    while True:
        signal.pause()


def _start(options: argparse.Namespace) -> Any:
    xllamacpp: Any = importlib.import_module("xllamacpp")  # from the folder that is named above
    params = xllamacpp.CommonParams()
    params.model.path = str(options.weights)
    params.model_alias = {options.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = options.port
    params.n_ctx = CONTEXT_TOKENS * PARALLEL
    params.n_parallel = PARALLEL
    params.n_predict = MAX_OUTPUT_TOKENS
    for each in (params.cpuparams, params.cpuparams_batch):
        each.n_threads = options.threads
        each.poll = 0  # threads that wait do not keep a core busy, which others may need
    params.sampling.temp = 0.0
    params.ui = False
    return xllamacpp.Server(params)


if __name__ == "__main__":
    sys.exit(main())
