"""Constraints on the choice of a model."""
