"""Questions that follow an answer: they go on with its files, and with what was said before."""

from dataclasses import replace

from bot.errors import EarshotError
from bot.media.request import MediaRequest
from bot.media.tasks.ask import Ask
from cogs.answer import Answers

_NOTHING_KEPT = (
    "I can't go on with that answer: I keep what it was about for a day from its end, unless /context clear "
    "is used. Ask anew, with the files."
)


async def following(answers: Answers, answer_id: str, request: MediaRequest, question: str) -> MediaRequest:
    """Return a request made to ask a question that follows an answer, with the tools that it had.

    Raises EarshotError where nothing is kept of the answer.
    """
    kept = await answers.recall(answer_id)
    if kept is None:
        raise EarshotError(_NOTHING_KEPT)
    earlier, text = kept
    task = Ask(question, searching=earlier.task.search, computing=earlier.task.code)
    return replace(request, task=task, turns=earlier.then(text), after=answer_id)
