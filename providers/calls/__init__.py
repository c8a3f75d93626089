"""One call of a model: preparing, sending, retrying and falling back."""
