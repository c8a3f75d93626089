"""`cogo console`: an address of the console that lets one browser in."""

from typing import Final

from cogo.cli.admin.keys import run_with_store
from cogo.cli.options import Dir
from cogo.config.context import Project
from cogo.config.local_gateway import create_console_address, read_local_gateway
from cogo.errors import CommandError
from cogo.terminal import print_line

EXAMPLES: Final = ("cogo console", 'xdg-open "$(cogo console)"')


def console(*, directory: Dir = None) -> None:
    """Print an address of the console that lets one browser in, once, within 15 minutes."""
    found = read_local_gateway(Project.find(directory).home)
    if found is None:
        raise CommandError("no gateway was started from here: `cogo up` starts one")
    print_line(run_with_store(directory, lambda store: create_console_address(store, found.url)))
