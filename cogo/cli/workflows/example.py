"""`cogo workflows example`: workflows to begin with."""

from cogo.cli.examples import ExampleName, print_example_file


def print_workflow_example(*, name: ExampleName = None) -> None:
    """Print the file of an example, or list the examples.

    Examples:
        cogo workflows example
        cogo workflows example best_of_three > flows.py
    """
    print_example_file("workflows", name)
