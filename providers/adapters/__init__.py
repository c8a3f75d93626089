"""Adapters: one package for each wire format that vendors speak."""
