"""`cogo tools example`: tools to begin with."""

from cogo.cli.examples import ExampleName, print_example_file


def print_tool_example(*, name: ExampleName = None) -> None:
    """Print the file of an example, or list the examples.

    Name the module in [tools] modules of cogo.toml, and models may call its tools.

    Examples:
        cogo tools example
        cogo tools example orders > orders.py
    """
    print_example_file("tools", name)
