"""Responses, OpenAI's second format: requests, answers and streams."""
