"""Requests and answers in OpenAI's formats: chat and responses are tasks CHAT, embeddings EMBED."""
