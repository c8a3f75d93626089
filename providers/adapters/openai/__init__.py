"""OpenAI's chat completions, which most vendors speak in a dialect."""
