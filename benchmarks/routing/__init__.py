"""How good choices are: the real strategy on recorded answers of real models."""
