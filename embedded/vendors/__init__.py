"""The vendor simulator: an HTTP server on loopback that speaks the wire formats of vendors."""

from embedded.vendors.app import create_simulator
from embedded.vendors.server import running_simulator

__all__ = ["create_simulator", "running_simulator"]
