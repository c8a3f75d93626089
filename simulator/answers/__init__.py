"""The texts of simulated responses."""
