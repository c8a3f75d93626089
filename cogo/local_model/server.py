"""The process that serves one model: llama.cpp's HTTP server on loopback.

usage: python -m cogo.local_model.server --library DIR --alias ID --served DIR [--port N]

Its parameters are in the file that its supervisor wrote into the folder `--served`, where it writes
its address when it is ready; it prints the same as one line of JSON. It ends at SIGTERM and SIGINT.
After a time without requests it frees its memory, and loads the model again for the next one.
"""

import argparse
import importlib
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from cogo.config.local_model import HostedModel, read_served_models, write_served_model
from cogo.local_model.fit import CACHE_MIB

_LONGEST_ANSWER: Final = 4_096
"""Small models may repeat themselves without end."""
_NEVER: Final = -1


def main() -> int:
    """Serve until a signal; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cogo.local_model.server")
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--served", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    # llama.cpp writes to the standard output what belongs into the log.
    ready = os.dup(1)
    os.dup2(2, 1)
    sys.path.append(str(options.library))
    found = [each for each in read_served_models(options.served) if each.alias == options.alias]
    if not found:
        sys.stderr.write(f"no memory is reserved for {options.alias}\n")
        return 1
    [served] = found
    try:
        server = _start(served, options.port)
    except (ImportError, OSError, RuntimeError) as error:
        sys.stderr.write(f"{options.alias} cannot start: {error}\n")
        return 1
    url = f"{server.listening_address}/v1"
    write_served_model(options.served, replace(served, url=url, pid=os.getpid()))
    os.write(ready, f"{json.dumps({'url': url})}\n".encode())
    while True:
        signal.pause()


def _start(served: HostedModel, port: int) -> Any:
    xllamacpp: Any = importlib.import_module("xllamacpp")  # from the folder that is named above
    params = xllamacpp.CommonParams()
    params.model.path = served.file
    params.model_alias = {served.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = served.context * served.parallel
    params.n_parallel = served.parallel
    params.n_predict = min(_LONGEST_ANSWER, served.context // 2)
    params.cache_ram_mib = CACHE_MIB
    params.sleep_idle_seconds = served.idle_seconds or _NEVER
    for each in (params.cpuparams, params.cpuparams_batch):
        each.n_threads = served.threads
        each.poll = 0  # threads that wait do not keep a core busy, which others may need
    params.sampling.temp = 0.0
    params.ui = False
    return xllamacpp.Server(params)


if __name__ == "__main__":
    sys.exit(main())
