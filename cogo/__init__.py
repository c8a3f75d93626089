"""The application: commands, configuration, and the processes of the system.

Its packages, each of which imports only those below it:

- `cli`: the commands of `cogo`.
- `doctor`: checks of everything that COGO needs. `supervisor`: the processes of `cogo up`.
  `watch`: the progress of tasks, live. `smoke_test`: test requests to providers.
- `process`: an agent or the gateway as a process.
- `wiring`: stores, routers and the services of the gateway, built from the configuration.
- `migrations`: the migrations of the database, and how they are applied.
- `config`: settings, secrets, trusted folders, the state directory, the connection, the catalogue.
- `terminal`: output. `errors`: errors of commands.

The public interface is the command line (docs/reference/cli.md); no module is.
"""

from typing import Final

__all__: tuple[str, ...] = ()

PACKAGES: Final = (
    "agents", "cogo", "embedded", "gateway", "protocol", "providers", "simulator",
)  # fmt: skip
"""Top-level packages of this distribution."""
