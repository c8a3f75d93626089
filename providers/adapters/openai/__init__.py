"""OpenAI's chat completions, of which most vendors support a dialect, and its responses."""
