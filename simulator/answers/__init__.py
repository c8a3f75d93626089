"""Texts of simulated answers."""
