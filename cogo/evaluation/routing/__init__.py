"""Evaluation of the choice of models on recorded answers."""
