"""Texts of the prompts that are sent to models."""
