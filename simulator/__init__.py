"""The vendor simulator: an HTTP server on loopback that speaks the wire formats of vendors."""

from simulator.app import create_simulator
from simulator.server import running_simulator

__all__ = ["create_simulator", "running_simulator"]
