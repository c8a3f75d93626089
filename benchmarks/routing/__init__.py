"""Evaluation of the selection code on recorded answers of real models."""
