"""Tool calls with servers of open models: taught, read from text, checked, and rescued."""

from providers.adapters.open_models.calls import OpenModelCalls
from providers.adapters.open_models.reading import AnswerReader, read_model_answer
from providers.adapters.open_models.teaching import teach

__all__ = ["AnswerReader", "OpenModelCalls", "read_model_answer", "teach"]
