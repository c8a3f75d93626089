"""Requests and answers in OpenAI's formats. Both APIs, chat and responses, become tasks CHAT."""
