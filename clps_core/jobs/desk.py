"""What one person may do with runs: ``service`` behind the policy. Start at Desk. No torch here.

The dashboard acts through a desk and never calls ``service`` for these things itself (a test holds that), so
widgets, addresses and whatever else a page is given meet the same rules at the same place.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from clps_core.analysis.counts import count
from clps_core.config import Resolved, RunConfig, resolve
from clps_core.data.confusion import Confusion
from clps_core.errors import NotAllowedError
from clps_core.jobs import service
from clps_core.jobs.confusion import Count, count_classes
from clps_core.jobs.data_desk import DataDesk
from clps_core.jobs.evaluations import evaluate
from clps_core.jobs.forks import DerivedFork, derive_fork
from clps_core.jobs.guests import Guests, folder_bytes, forget_disk
from clps_core.jobs.input_desk import InputDesk
from clps_core.jobs.priority import Wanted, set_priority
from clps_core.jobs.shelf import note_comparison, note_run, rename_comparison, rename_run, tag_runs
from clps_core.matching.limits import NO_LIMITS, Limits
from clps_core.policy import OPERATOR, Action, Person, Policy, Use, nobody, read_policy
from clps_core.store import Comparison, Evaluation, Job, Run, Store, shelf
from clps_core.store.order import HIGHEST
from clps_core.store.records import TRAINING, ActiveJob, FinalScore
from clps_core.words import _

__all__ = ["Desk", "use_of"]

AnyJob = TypeVar("AnyJob", bound=Job)

_one_at_a_time = threading.Lock()
"""Between looking at what somebody has and giving them more, nobody else is served."""


class Desk:
    """Where ``person`` (``None``: somebody who cannot be told from others) asks for things in ``store``.

    ``unknown`` is what the latter are told.
    """

    def __init__(self, store: Store, policy: Policy, person: Person | None, unknown: str | None = None) -> None:
        self.store, self.policy, self.person, self.unknown = store, policy, person, unknown or nobody()

    @classmethod
    def of(cls, store: Store, person: Person | None, unknown: str | None = None) -> Desk:
        """With the policy as its file is now; raises ``ConfigError`` where it is none."""
        return cls(store, read_policy(store.home), person, unknown)

    # What pages ask before they show a button

    def why_not(self, action: Action, run: Job | Comparison) -> str | None:
        """Why this may not be done to ``run``, or to all of a comparison; ``None`` where it may."""
        problem = self.policy.why_not(self.person, action, run.owner)
        return self.unknown if problem and self.person is None else problem

    @property
    def marked_owner(self) -> str | None:
        """Whose runs are marked as their own; ``None`` on a server of one person, where none are marked."""
        return self.person.owner if self.policy.shared and self.person is not None else None

    def is_mine(self, run: Job | ActiveJob) -> bool:
        """Whether ``run`` is marked as this person's own."""
        return run.owner == self.marked_owner

    @property
    def highest_priority(self) -> int:
        """The most this person may give a run: who has quotas may only let others go first."""
        return 0 if self.policy.bound(self.person) else HIGHEST

    def use(self) -> Use:
        """What this person has now."""
        return use_of(self.store, self.person.owner) if self.person is not None else Use()

    def together(self) -> Use:
        """What all visitors have now, as far as it is limited."""
        return Guests(self.store.home, self.policy).use(self.store)

    def checked(self, configs: Sequence[RunConfig | Resolved]) -> list[Resolved]:
        """The complete configs, if ``submit`` would take them now; raises what it would raise."""
        self._known()
        for one in configs:  # before anything is asked of the data: a tokenizer may be trained for the answer
            data = (one.config if isinstance(one, Resolved) else one).data
            self.data.check_use_of(data.task, data.tokenizer)
        found = service.checked(self.store, configs)
        if self.policy.bound(self.person):
            self._check_sizes(found)
            self._check_use(self.use(), len(found))
        return found

    def match_limits(self, config: RunConfig) -> Limits:
        """What a match of ``config`` must stay within, so that ``submit`` would take it for its size."""
        if not self.policy.bound(self.person):
            return NO_LIMITS
        return Limits(self.policy.most_steps(self.person, config), self.policy.quotas.parameters)

    @property
    def data(self) -> DataDesk:
        """Where this person asks for data sets."""
        return DataDesk(self.store.home, self.policy, self.person, self.unknown)

    @property
    def inputs(self) -> InputDesk:
        """Where this person brings inputs for trained models."""
        return InputDesk(self.store.home, self.policy, self.person, self.unknown)

    # What they ask for

    def submit(
        self,
        configs: Sequence[RunConfig | Resolved],
        name: str | None = None,
        *,
        priority: int = 0,
        sweep: Mapping[str, Any] | None = None,
    ) -> list[Run]:
        """Queue the configs as one comparison of this person; see ``service.submit``."""
        with _one_at_a_time:
            person = self._known()
            self._check_priority(priority)
            found = self.checked(configs)
            return service.submit(self.store, found, name, person.owner, priority=priority, sweep=sweep)

    def derive_fork(
        self,
        run_id: str,
        changes: Mapping[str, Any] | None = None,
        *,
        start_from: str = "best",
        name: str | None = None,
        keep_optimiser: bool = False,
    ) -> DerivedFork:
        """What ``fork`` would queue now; raises what it would raise. See ``forks.derive_fork``."""
        parent = self._allowed("fork", run_id)
        for task in {parent.config.data.task, str((changes or {}).get("data.task", parent.config.data.task))}:
            self.data.check_use_of(task)
        derived = derive_fork(
            self.store, parent.id, changes, start_from=start_from, name=name, keep_optimiser=keep_optimiser
        )
        self.checked([derived.resolved])
        return derived

    def fork(
        self,
        run_id: str,
        changes: Mapping[str, Any] | None = None,
        *,
        start_from: str = "best",
        name: str | None = None,
        priority: int = 0,
        keep_optimiser: bool = False,
    ) -> Run:
        """Queue a run that begins with another's weights; see ``service.fork``."""
        with _one_at_a_time:
            person = self._known()
            self._check_priority(priority)
            derived = self.derive_fork(run_id, changes, start_from=start_from, name=name, keep_optimiser=keep_optimiser)
            return service.queue_fork(self.store, derived, owner=person.owner, priority=priority)

    def cancel(self, run_id: str) -> None:
        """Stop a run for good."""
        service.cancel(self.store, self._allowed_job("cancel", run_id).id)

    def pause(self, run_id: str) -> None:
        """Stop a run for now."""
        service.pause(self.store, self._allowed_job("pause", run_id).id)

    def resume(self, run_id: str) -> None:
        """Queue a stopped or failed run again, if its size and its owner's quotas still allow it."""
        with _one_at_a_time:
            service.resume(self.store, self._again(self._allowed_job("resume", run_id)).id)

    def retry(self, run_id: str, *, anew: bool = False) -> None:
        """Queue a failed run again, from its last checkpoint or from its first step."""
        with _one_at_a_time:
            service.retry(self.store, self._again(self._allowed_job("retry", run_id)).id, anew=anew)

    def set_priority(self, run_id: str, wanted: Wanted) -> int:
        """Move a waiting run in the queue; returns its new priority. See ``priority.set_priority``."""
        run = self._allowed_job("priority", run_id)
        self._check_priority(run.priority + 1 if wanted == "front" else wanted if isinstance(wanted, int) else 0)
        return set_priority(self.store, [run.id], wanted, highest=self.highest_priority)

    def delete(self, run_id: str) -> None:
        """Remove a run and its files."""
        service.delete(self.store, self._allowed_job("delete", run_id).id)
        forget_disk()

    def score_test(
        self, run_id: str, *, seconds: float | None = None, score: service.Score | None = None
    ) -> FinalScore:
        """The score of a finished run on the test split; see ``service.score_test``."""
        return service.score_test(self.store, self._allowed("score", run_id).id, seconds=seconds, score=score)

    def count_classes(self, run_id: str, *, count: Count | None = None) -> Confusion:
        """Which classes a finished run confuses; see ``confusion.count_classes``."""
        return count_classes(self.store, self._allowed("score", run_id).id, count=count)

    def evaluate(self, kind: str, run_id: str, keys: Sequence[str]) -> Evaluation:
        """Have a run evaluated in the background; see ``evaluations.evaluate``."""
        with _one_at_a_time:
            person = self._known()
            run = self._again(self._allowed("evaluate", run_id))
            return evaluate(self.store, kind, run.id, keys, owner=person.owner)

    def rename(self, run_id: str, name: str) -> Run:
        """Give a run another name."""
        return rename_run(self.store, self._allowed("rename", run_id).id, name)

    def pin(self, run_id: str, pinned: bool = True) -> None:
        """Let a run stay on Start, or let it go; a pin of somebody with quotas is on their own Start alone."""
        shelf.pin_run(self.store, self._allowed("pin", run_id).id, pinned, self._pins_for)

    def rename_comparison(self, comparison_id: str, name: str) -> Comparison:
        """Give a comparison another name."""
        return rename_comparison(self.store, self._allowed_comparison("rename", comparison_id).id, name)

    def pin_comparison(self, comparison_id: str, pinned: bool = True) -> None:
        """Let a comparison stay on Start, or let it go; see ``pin``."""
        found = self._allowed_comparison("pin", comparison_id)
        shelf.pin_comparison(self.store, found.id, pinned, self._pins_for)

    def note(self, run_id: str, note: str) -> Run:
        """Give a run a note; see ``shelf.note_run``."""
        return note_run(self.store, self._allowed("note", run_id).id, note)

    def note_comparison(self, comparison_id: str, note: str) -> Comparison:
        """Give a comparison a note."""
        return note_comparison(self.store, self._allowed_comparison("note", comparison_id).id, note)

    def tag(self, run_ids: Sequence[str], add: Sequence[str] = (), remove: Sequence[str] = ()) -> list[Run]:
        """Tag runs, all of them or none; see ``shelf.tag_runs``."""
        return tag_runs(self.store, [self._allowed("tag", one).id for one in run_ids], add, remove)

    def archive(self, run_ids: Sequence[str], archived: bool = True) -> None:
        """Put runs into the archive or take them out, all of them or none; quotas count them all the same."""
        runs = [self._allowed("archive", one) for one in run_ids]
        shelf.archive_runs(self.store, [run.id for run in runs], archived)

    def archive_comparison(self, comparison_id: str, archived: bool = True) -> None:
        """The same for a comparison with its runs."""
        found = self._allowed_comparison("archive", comparison_id)
        for run in self.store.some_runs(found.run_ids, places=False):
            self._check_allowed("archive", run)
        shelf.archive_comparison(self.store, found.id, archived)

    def delete_comparison(self, comparison_id: str) -> list[str]:
        """Remove a comparison with its runs and their files; returns their ids. See ``shelf.forget_comparison``."""
        found = self._allowed_comparison("delete", comparison_id)
        for run in self.store.some_runs(found.run_ids, places=False):
            self._check_allowed("delete", run)
        gone = shelf.forget_comparison(self.store, found.id)
        forget_disk()
        return gone

    def pinned_here(self, one: Run | Comparison) -> bool:
        """Whether it stays on this person's Start."""
        return one.pinned_at is not None and (not self.policy.shared or one.pinned_for in (None, self.marked_owner))

    def log_text(self, run_id: str) -> str:
        """The end of a run's log."""
        return service.log_text(self.store, self._allowed_job("log", run_id).id)

    # Inside

    @property
    def _pins_for(self) -> str | None:
        return self.person.owner if self.person is not None and self.policy.bound(self.person) else None

    def _allowed_comparison(self, action: Action, comparison_id: str) -> Comparison:
        found = shelf.find_comparison(self.store, comparison_id)
        self._check_allowed(action, found)
        return found

    def _known(self) -> Person:
        if self.person is None and self.policy.shared:
            raise NotAllowedError(self.unknown)
        return self.person or OPERATOR

    def _allowed_job(self, action: Action, job_id: str) -> Job:
        """As ``_allowed``, for a job of any kind."""
        job = self.store.job(job_id)
        self._check_allowed(action, job)
        return job

    def _allowed(self, action: Action, run_id: str) -> Run:
        run = self.store.run(run_id)
        self._check_allowed(action, run)
        return run

    def _check_allowed(self, action: Action, one: Job | Comparison) -> None:
        if problem := self.why_not(action, one):
            raise NotAllowedError(problem)

    def _check_sizes(self, found: Sequence[Resolved]) -> None:
        for one in found:
            executed = count(one.config.model, one.plan).executed_parameters
            self.policy.check_config(self.person, one.config, executed)

    def _again(self, run: AnyJob) -> AnyJob:
        """A job that comes into the queue for a run that is there is one more that waits, but no run more."""
        if self.policy.bound(self.person):
            self._check_sizes([resolve(run.config)])
            use = self.use()
            self._check_use(Use(use.queued, use.running, use.runs - 1, use.disk), 1)
        return run

    def _check_use(self, use: Use, new: int) -> None:
        """``new`` more runs, for this person who has ``use`` and for all visitors together."""
        self.policy.check_use(self.person, use, new)
        self.policy.check_together(self.person, self.together(), new)

    def _check_priority(self, priority: int) -> None:
        if priority > 0 and self.policy.bound(self.person):
            raise NotAllowedError(
                _("the priority of a run must be 0 or less here. Got {got}. Ask a teacher.", got=priority)
            )


def use_of(store: Store, owner: str) -> Use:
    """What ``owner`` has now, from the store's rows and the run folders' files."""
    jobs = store.jobs(owner=owner)
    return Use(
        queued=sum(job.status == "queued" for job in jobs),
        running=sum(job.status == "running" for job in jobs),
        runs=sum(job.kind == TRAINING for job in jobs),
        disk=sum(folder_bytes(store.run_folder(job.id)) for job in jobs),
    )
