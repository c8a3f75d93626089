"""Servers of open-weight models: Ollama, llama.cpp, LM Studio and vLLM, with their failures."""
