"""Adapters to vendors: one package or module for each wire format."""
