"""CHAT: one question, with the conversation before it."""

from agents.workflows.engine import LastStep, Result, Run, workflow
from agents.workflows.one_question import Question, answer_question
from agents.workflows.params import ChatParams
from agents.workflows.prompts.talk import ASSISTANT


@workflow("CHAT", params=ChatParams)
async def chat(run: Run) -> Result | LastStep:
    """Answer one question."""
    settings = {"system": ASSISTANT} | run.params_as(ChatParams).for_request()
    return await answer_question(run, Question(prompt=run.prompt, params=settings))
