"""Runs in containers of Podman or Docker, for those who ask for them."""

from agents.sandbox.containers.backend import ContainerSandbox
from agents.sandbox.containers.leftovers import remove_leftovers

__all__ = ["ContainerSandbox", "remove_leftovers"]
