"""OpenAI's chat completions, which most vendors speak with differences."""
