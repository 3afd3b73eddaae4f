"""The one place where the dashboard asks about models: a queue, kept answers, one process. No torch.

Start at ModelService. Its thread takes the waiting questions one by one to the process, starts it at the first one and
after an end, and ends it after a while without any.
"""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from clps_core import errors
from clps_core.serving.blame import Blame
from clps_core.serving.ends import End, ProcessEnded, busy, unanswered
from clps_core.serving.frames import Frame, FrameError
from clps_core.serving.kinds import kinds_in
from clps_core.serving.packing import packed, unpacked
from clps_core.serving.process import ModelProcess
from clps_core.serving.questions import Question
from clps_core.serving.settings import Settings
from clps_core.words import kept, language, told

__all__ = ["ModelService", "ServiceFacts"]

Found = TypeVar("Found")
Asked = tuple[Question[Any], str | None]
"""A question, and the language of its answer (``None``: the environment's, which the model process has, too)."""
NEARLY = 0.75
"""A process that holds more than this part of its memory after an answer is ended, so that no later question dies of
what earlier ones left."""


@dataclass(frozen=True)
class ServiceFacts:
    """What the System page shows. ``memory`` and ``bound`` are bytes; ``since`` and the end's ``at`` UTC epoch seconds.

    ``crashes``: how often the process ended that should not have, and ``last`` how; each time another one is started
    with the next question.
    """

    state: Literal["off", "starting", "ready", "at work"]
    pid: int | None
    since: float | None
    memory: int
    bound: int
    waiting: int
    most_waiting: int
    answered: int
    crashes: int
    last: End | None


class _Turn:
    """One waiting question, for all who ask it in one language."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.question, self.language = asked
        self.askers = 0
        self.begun = self.done = False
        self.answer: Any = None
        self.problem: tuple[type[Exception], str] | None = None


class ModelService:
    """Answers questions one after the other and keeps the latest answers. Safe to use from several threads.

    At most ``waiting`` questions wait, each for at most ``patience`` seconds; more are refused with a sentence. At
    most ``kept`` answers of together ``kept_bytes`` stay, the longest unused goes first. ``kinds``: the module whose
    ``KINDS`` both sides know.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        waiting: int = 40,
        patience: float = 60.0,
        kept: int = 400,
        kept_bytes: int = 256_000_000,
        kinds: str = "clps_core.serving.kinds",
    ) -> None:
        self.settings = settings
        self.waiting, self.patience = waiting, patience
        self.kept, self.kept_bytes = kept, kept_bytes
        self._kinds_module, self._kinds = kinds, kinds_in(kinds)
        self._news = threading.Condition()
        self._answers: OrderedDict[Asked, Any] = OrderedDict()
        self._turns: OrderedDict[Asked, _Turn] = OrderedDict()
        self._blame = Blame()
        self._thread: threading.Thread | None = None
        self._process: ModelProcess | None = None
        self._closed = False
        self._answered = self._crashes = 0
        self._last: End | None = None

    def ask(self, question: Question[Found]) -> Found:
        """The answer in the asker's language: a kept one, or the model process's when its turn comes.

        Who asks the same shares one answer.
        Raises ``JobError`` where too many wait already, where the question takes too much time or memory or ended the
        process otherwise, and the ``ClpsError`` that the engine raises (none of them is kept).
        """
        asked = (question, language())
        with self._news:
            if (answer := self._found(asked)) is not None:
                return answer  # type: ignore[no-any-return]
            self._blame.check(question)
            turn = self._turn_of(asked)
            turn.askers += 1
            self._wait_for(turn)
        if turn.problem is not None:
            kind, sentence = turn.problem
            raise kind(told(sentence))  # in the asker's language
        return turn.answer  # type: ignore[no-any-return]

    def kept_answer(self, question: Question[Found]) -> Found | None:
        """What is kept for ``question``, ``None`` where nothing is; never waits for a model."""
        asked = (question, language())
        with self._news:
            return self._found(asked)  # type: ignore[no-any-return]

    def facts(self) -> ServiceFacts:
        """How it is now; starts nothing."""
        with self._news:
            begun = sum(turn.begun for turn in self._turns.values())
            if not begun:
                self._notice_a_silent_end()
            process = self._process
            return ServiceFacts(
                state=_state(process, at_work=bool(begun)),
                pid=process.pid if process is not None else None,
                since=process.since if process is not None else None,
                memory=process.memory() if process is not None else 0,
                bound=self.settings.memory,
                waiting=len(self._turns) - begun,
                most_waiting=self.waiting,
                answered=self._answered,
                crashes=self._crashes,
                last=self._last,
            )

    def close(self) -> None:
        """End the process; who still waits is told that it ended. The service answers nothing any more."""
        with self._news:
            self._closed = True
            thread = self._thread
            if self._process is not None:
                self._process.kill()  # its thread sees that, and cleans up behind it
            self._news.notify_all()
        if thread is not None:
            thread.join(timeout=10)

    # Whoever asks

    def _found(self, asked: Asked) -> Any:
        answer = self._answers.get(asked)
        if answer is not None:
            self._answers.move_to_end(asked)
        return answer

    def _turn_of(self, asked: Asked) -> _Turn:
        if (turn := self._turns.get(asked)) is not None:
            return turn
        if sum(not turn.begun for turn in self._turns.values()) >= self.waiting:
            raise busy(len(self._turns))
        if self._closed:
            raise unanswered(End("start", 0.0), self.settings)
        turn = self._turns[asked] = _Turn(asked)
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="models", daemon=True)
            self._thread.start()
        self._news.notify_all()
        return turn

    def _wait_for(self, turn: _Turn) -> None:
        """Wait until it is answered; if it does not start in time, raise an error with a sentence."""
        until = time.monotonic() + self.patience
        while not turn.done:
            if turn.begun:
                self._news.wait()  # not for ever: the process has a limit
                continue
            left = until - time.monotonic()
            if left <= 0:
                turn.askers -= 1
                before = list(self._turns).index(turn.asked)
                if turn.askers == 0:
                    del self._turns[turn.asked]
                raise busy(before)
            self._news.wait(left)

    # The thread

    def _serve(self) -> None:
        """Answer what waits; leave when nothing did for a while."""
        while (turn := self._next_turn()) is not None:
            try:
                turn.answer = self._answer(turn)
            except errors.ClpsError as error:
                turn.problem = (type(error), kept(str(error)))
            except Exception:  # our own error: the asker gets a sentence, and the log there gets the details
                turn.problem = (RuntimeError, traceback.format_exc())
            with self._news:
                turn.done = True
                del self._turns[turn.asked]
                if turn.problem is None:
                    self._answered += 1
                    self._blame.forgive(turn.question)
                    self._keep(turn.asked, turn.answer)
                self._news.notify_all()

    def _next_turn(self) -> _Turn | None:
        until = time.monotonic() + self.settings.idle
        with self._news:
            while not self._closed:
                if (turn := next(iter(self._turns.values()), None)) is not None:
                    turn.begun = True
                    return turn
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._news.wait(left)
            self._tell_all_that_it_ended()
            process, self._process, self._thread = self._process, None, None
        if process is not None:
            process.end()
        return None

    def _answer(self, turn: _Turn) -> Any:
        try:
            kind = self._kinds[type(turn.question).__name__]
            asked = packed(turn.question, kind=kind.name, seconds=self.settings.seconds, language=turn.language)
            reply = self._asked(asked)
            return _opened(reply, kind.answer)
        except ProcessEnded as ended:
            with self._news:
                self._process = None
                self._note_crash(ended.end)
                if ended.heard:
                    self._blame.note(turn.question)
            raise unanswered(ended.end, self.settings) from ended

    def _asked(self, asked: Frame) -> Frame:
        for _again in range(2):
            process = self._ready_process()
            try:
                reply = process.ask(asked)
            except BrokenPipeError:  # it went while nobody asked: this question is not to blame
                with self._news:
                    self._process = None
                    self._note_crash(process.ended_by_itself())
                continue
            if process.memory() > NEARLY * self.settings.memory:
                with self._news:
                    self._process = None
                process.end()
            return reply
        raise ProcessEnded(End("start", time.time()), heard=False)

    def _ready_process(self) -> ModelProcess:
        with self._news:
            self._notice_a_silent_end()
            if self._process is not None:
                return self._process
        process = ModelProcess(self.settings, self._kinds_module)
        with self._news:
            self._process = process
            if self._closed:
                process.kill()
        process.wait_until_ready()
        return process

    # With the lock held

    def _tell_all_that_it_ended(self) -> None:
        """Nobody is left to answer those who wait: the service was closed."""
        for turn in self._turns.values():
            turn.done, turn.problem = True, (errors.JobError, kept(str(unanswered(End("start", 0.0), self.settings))))
        self._turns.clear()
        self._news.notify_all()

    def _notice_a_silent_end(self) -> None:
        """A process that ended while nobody asked it anything; to be called while that is so."""
        if self._process is not None and not self._process.alive():
            self._note_crash(self._process.ended_by_itself())
            self._process = None

    def _note_crash(self, end: End) -> None:
        if not self._closed:
            self._crashes += 1
            self._last = end

    def _keep(self, asked: Asked, answer: Any) -> None:
        self._answers[asked] = answer
        while len(self._answers) > 1 and (len(self._answers) > self.kept or self._bytes() > self.kept_bytes):
            self._answers.popitem(last=False)

    def _bytes(self) -> int:
        return sum(getattr(answer, "nbytes", 0) for answer in self._answers.values())


def _state(process: ModelProcess | None, *, at_work: bool) -> Literal["off", "starting", "ready", "at work"]:
    if at_work:
        return "at work" if process is not None and process.ready else "starting"
    return "ready" if process is not None else "off"


def _opened(reply: Frame, answer: type) -> Any:
    """The answer in a reply; raises what the engine raised."""
    head = reply.head
    if isinstance(head, dict) and isinstance(head.get("fault"), str):
        raise RuntimeError("the model process met an error of ours:\n" + head["fault"])
    if isinstance(head, dict) and isinstance(head.get("refused"), str):
        kind = getattr(errors, head["refused"], None) if head["refused"] in errors.__all__ else None
        raise (kind or errors.JobError)(told(str(head.get("sentence"))))
    with contextlib.suppress(FrameError):
        return unpacked(answer, reply)
    raise RuntimeError("the model process gave an answer of another kind")
