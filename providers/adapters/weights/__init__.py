"""Files with weights: downloads, and the models that Ollama and LM Studio keep."""
