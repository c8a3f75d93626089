"""`cogo serve gateway`: the HTTP gateway in this process."""

import asyncio
from typing import Annotated, Final

import typer

from cogo.cli.local.serve import WithParent, load_bootstrap
from cogo.cli.options import Dir, NoKey
from cogo.config.context import Project
from cogo.config.logging import configure_logs
from providers.secrets import Redactor

EXAMPLES: Final = {
    "gateway": (
        "cogo serve gateway                      # http://127.0.0.1:8000 or the next free port",
        "cogo serve gateway --port 9000",
        "cogo serve gateway --no-key             # every user of this machine may ask",
        "cogo keys create --name proxy && cogo serve gateway --host 0.0.0.0",
    ),
}


def gateway(
    *,
    host: Annotated[
        str, typer.Option(help="Where to listen; beyond loopback only with keys.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(help="Port (default: 8000 or the next free one).", min=1, max=65535),
    ] = None,
    no_key: NoKey = False,
    directory: Dir = None,
    with_parent: WithParent = False,
) -> None:
    """Serve tasks, swarms, models and an OpenAI-compatible API over HTTP until stopped.

    It holds no state: run as many as you like. Each request needs a key (`cogo keys create`) or
    the access token of a user, unless --no-key says otherwise, which it may on loopback only.
    """
    # Here, since --help must not pay for it; and before the bootstrap, which the parent sends late.
    from cogo.process.gateway import serve_gateway  # noqa: PLC0415

    project = Project.find(directory)
    bootstrap = load_bootstrap(project, with_parent=with_parent)
    secrets = [bootstrap.connection.secret_key.get_secret_value()]
    if project.settings.jwt_secret is not None:
        secrets.append(project.settings.jwt_secret.get_secret_value())
    configure_logs(
        level=project.settings.log_level,
        form=project.settings.log_format,
        redactor=Redactor(secrets, places=True),
    )
    asyncio.run(
        serve_gateway(
            project, bootstrap, host=host, port=port, with_parent=with_parent, no_key=no_key
        )
    )
