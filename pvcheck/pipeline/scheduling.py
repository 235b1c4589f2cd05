"""A run of many contracts: all evaluations go to one executor, and each contract is concluded in its turn.

Evaluations end in any order. What is told and written does not depend on that: contracts are concluded in their order,
each as soon as its falsifiers and those of the contracts before it are done. So a run that is killed has written the
first contracts, each as a whole, whatever ``-j`` was.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pvcheck import files as disk
from pvcheck import history
from pvcheck.domain.status import Outcome
from pvcheck.errors import escaped
from pvcheck.evidence import lines
from pvcheck.host import Limits
from pvcheck.host.crew import Crew
from pvcheck.host.executors import executor
from pvcheck.host.scheduling import Scheduler
from pvcheck.host.works import MAX_REASON
from pvcheck.pipeline import checking, lately, outputs, rehearsing, repeating, selecting
from pvcheck.pipeline.results import FileResult, Interrupted, Result, RunResult, exit_of_run
from pvcheck.pipeline.running import Runner, concluded
from pvcheck.plan import Blocked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from pvcheck.host.evaluating import Finished
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.options import Options
    from pvcheck.pipeline.running import Watch
    from pvcheck.pipeline.selecting import Chosen
    from pvcheck.plan import Job
    from pvcheck.plugin import Executor

AHEAD: Final = 4
"""Workers that are started before anybody knows whether there is work for all of them."""


def run(
    paths: Sequence[Path],
    options: Options,
    watch: Watch | None = None,
    expect: Callable[[int], object] | None = None,
) -> RunResult:
    """Measure the bound falsifiers of contracts, and do with the results what the options say.

    :param watch: shows the progress of each evaluation.
    :param expect: is told how many evaluations there will be, before the first one begins.
    :raises EmptyError: if the selection is empty.
    :raises ConfigError: if an input is overridden that no contract declares, results cannot be put where they
        are wanted, or there is no such executor.
    :raises NotMeasuredError: if the executor cannot start.
    :raises Interrupted: if the user ends it, with what was found until then.
    """
    outputs.refuse_results(options.results, paths)
    checked = checked_for(paths, options)
    checked, chosen = rehearsing.rehearsed(checked, selecting.chosen(checked, options), options.mode)
    batch = Batch(options, watch, expect)
    total = sum(map(len, chosen.values()))
    done: list[FileResult] = []
    try:
        if total:
            batch.start(total, checked[0])
        done.extend(batch.files(checked, chosen))
    except BaseException as error:
        batch.kill()  # close would give each worker a moment, and the user wants to stop
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted((*done, *batch.unfinished(done)), total) from None
        raise
    finally:
        batch.close()
    files = tuple(done)
    lately.remember(files, os.environ)
    result = RunResult(files=files, exit_code=exit_of_run(files, allow_unmeasured=options.allow_unmeasured))
    if options.results is not None:
        disk.put(options.results, lines.dumps(result.records))
    return result


def checked_for(paths: Sequence[Path], options: Options) -> list[Checked]:
    """Return contracts that were checked for a run, with the settings that hold for it."""
    checked = [each.for_run()._replace(instance=None) for each in checking.check_all(paths)]
    if options.against is None:
        return checked
    reference = options.against
    return [each._replace(config=history.settings(reference, each.path.parent.resolve())) for each in checked]


@dataclass(slots=True)
class _Post:
    """One falsifier in the order of the run, and what its measurements came to so far."""

    place: int
    checked: Checked
    plan: Job | Blocked
    numbers: list[int] = field(default_factory=list)
    results: dict[int, Result] = field(default_factory=dict)
    begun: dict[int, datetime] = field(default_factory=dict)
    result: Result | None = None


class Batch(Runner):
    """A run of many evaluations at a time."""

    def __init__(
        self, options: Options, watch: Watch | None = None, expect: Callable[[int], object] | None = None
    ) -> None:
        super().__init__(options, watch)
        self._expect = expect
        self._executor: Executor | None = None
        self._posts: list[_Post] = []
        self._owners: dict[int, _Post] = {}
        self._watched = ExitStack()
        self._watches: dict[int, tuple[ExitStack, Callable[[int, int], None] | None]] = {}
        self._last: int | None = None
        """The place of the first falsifier that ends the run, where one does."""

    @property
    def finds_inputs(self) -> bool:
        """Whether the executor finds an input by its digest."""
        return self._executor is not None and self._executor.finds_inputs

    def start(self, evaluations: int, first: Checked) -> None:
        """Make the executor; workers of this machine get ready while we look for plugins."""
        self._executor = made = executor(
            self.options.executor, self.options.jobs, Limits(), lambda: self._plugins(first.config)
        )
        if isinstance(made, Crew):
            made.prestart(workers=min(evaluations, AHEAD))

    def kill(self) -> None:
        """Stop all work at once."""
        if self._executor is not None:
            self._executor.kill()
            self._executor = None

    def close(self) -> None:
        """Stop the workers."""
        self._watched.close()
        if self._executor is not None:
            self._executor.close()
        super().close()

    def files(self, checked: Sequence[Checked], chosen: Chosen) -> Iterator[FileResult]:
        """Yield what became of each contract, in their order, each as soon as that is known."""
        several = [self._posted(each, chosen) for each in checked]
        scheduler = self._scheduled()
        if self._expect is not None:
            self._expect(len(self._owners))
        left = list(zip(checked, several, strict=True))
        replies = scheduler.finished() if scheduler is not None else iter(())
        while True:
            while left and self._is_done(left[0][1]):
                yield self._concluded(*left.pop(0))
            if (told := next(replies, None)) is None:
                break
            self._take(*told)
            if scheduler is not None and self._last is not None:
                self._drop(scheduler)
        yield from (self._concluded(*each) for each in left)

    def unfinished(self, done: Sequence[FileResult]) -> Iterator[FileResult]:
        """Yield the results that there are in each contract that was not concluded."""
        concluded = {each.checked.path for each in done}
        found: dict[Path, list[_Post]] = {}
        for each in self._posts:
            if each.result is not None and each.checked.path not in concluded:
                found.setdefault(each.checked.path, []).append(each)
        for posts in found.values():
            results = tuple(each.result for each in posts if each.result is not None)
            yield FileResult(checked=posts[0].checked, results=results)

    def _posted(self, checked: Checked, chosen: Chosen) -> list[_Post]:
        """Return the falsifiers of a contract that are to be measured, with their place in the run."""
        first = len(self._posts)
        plans = self.plans(checked, chosen[checked.path])
        posts = [_Post(place, checked, each) for place, each in enumerate(plans, first)]
        self._posts += posts
        for each in posts:
            if isinstance(each.plan, Blocked) and checked.contract is not None:
                each.result = self._result(each.plan, checked.contract, checked)
                self._judge_end(each)
        return posts

    def _scheduled(self) -> Scheduler | None:
        """Return a scheduler with all evaluations that can be made, or None where there are none."""
        if self._executor is None:
            return None
        scheduler = Scheduler(self._executor, self.options.retries, self._begin, self._told)
        for each in self._posts:
            if isinstance(each.plan, Blocked) or self._is_after(each):
                continue
            request = self._request(each.plan, str(each.checked.config.root))
            if self._executor.finds_inputs:
                try:
                    request = replace(request, digests=self._digests(each.plan))
                except OSError as error:
                    self._unread(each, error)
                    continue
            else:
                self.start_digests([each.plan])
            for _ in range(self.options.repeat):
                number = scheduler.add(request, self.seconds(each.checked))
                each.numbers.append(number)
                self._owners[number] = each
        return scheduler

    def _digests(self, job: Job) -> dict[str, str]:
        """Return the digests by which another machine finds the inputs: of the files here, else as declared.

        :raises OSError: if a file that is here cannot be read.
        """
        found: dict[str, str] = {}
        for name, place in job.inputs.items():
            declared = job.declared[name].sha256
            is_here = declared is None or os.path.exists(place)  # noqa: PTH110 - the method raises for a long name
            here = self.digests.start(place, declared=True) if is_here else None
            found[name] = str(declared) if here is None else _read(here, place)
        return found

    def _unread(self, post: _Post, error: OSError) -> None:
        """Note that an input cannot be read here, so that no other machine can be asked for it."""
        reason = escaped(f"an input cannot be read: {os.path.relpath(error.filename)}: {error.strerror}", MAX_REASON)
        post.result = Result(falsifier=post.plan.falsifier, outcome=Outcome.ERROR, reason=reason, exit_code=3)
        self._judge_end(post)

    def _begin(self, number: int) -> None:
        """Note that an evaluation begins."""
        post = self._owners[number]
        post.begun[number] = datetime.now(UTC)
        stack = ExitStack()
        self._watches[number] = (stack, stack.enter_context(self.watch(post.plan.falsifier.id or "")))
        self._watched.push(stack)

    def _told(self, number: int, done: int, total: int) -> None:
        """Show how far an evaluation is."""
        draw = self._watches[number][1]
        if draw is not None:
            draw(done, total)

    def _take(self, number: int, finished: Finished) -> None:
        """Take what came of one measurement; the last one of a falsifier makes its result."""
        post = self._owners[number]
        if number in self._watches:
            self._watches.pop(number)[0].close()
        contract = post.checked.contract
        if contract is None or isinstance(post.plan, Blocked):
            return
        begun = post.begun.get(number) or datetime.now(UTC)
        result = self._replied(post.plan, contract, post.checked, finished.reply, begun)
        post.results[number] = replace(result, tries=finished.tries, took=finished.seconds)
        if len(post.results) == len(post.numbers):
            post.result = repeating.combined([post.results[each] for each in post.numbers])
            self._judge_end(post)

    def _judge_end(self, post: _Post) -> None:
        """Note where the run ends, if it ends at the first falsifier that is in the way and this is such a one."""
        result = post.result
        if not self.options.exit_first or result is None:
            return
        if result.exit_code and result.outcome is not Outcome.NOT_MEASURED:
            self._last = post.place if self._last is None else min(post.place, self._last)

    def _drop(self, scheduler: Scheduler) -> None:
        """Give up what comes after the end; what comes before it is still measured, as it would be one by one."""
        after = self._posts[(self._last or 0) + 1 :]
        numbers = [number for each in after for number in each.numbers if number in self._owners]
        scheduler.drop(numbers)
        for number in numbers:
            del self._owners[number]
            if number in self._watches:
                self._watches.pop(number)[0].close()

    def _is_done(self, posts: Sequence[_Post]) -> bool:
        """Say whether each falsifier of a contract has a result, or will not be run."""
        return all(each.result is not None or self._is_after(each) for each in posts)

    def _is_after(self, post: _Post) -> bool:
        """Say whether a falsifier comes after the end of the run."""
        return self._last is not None and post.place > self._last

    def _concluded(self, checked: Checked, posts: Sequence[_Post]) -> FileResult:
        """Conclude one contract."""
        if not posts:
            return FileResult(checked=checked, findings=checked.findings)
        kept = [each for each in posts if each.result is not None and not self._is_after(each)]
        results = tuple(each.result for each in kept if each.result is not None)
        if not results:
            return FileResult(checked=checked, findings=checked.findings, not_run=len(posts))
        found = repeating.with_findings(concluded(checked, results, self.options.mode))
        checked.at_rest()
        return replace(found, not_run=len(posts) - len(results))


def _read(digest: Future[str], place: Path) -> str:
    """Return a digest that is being computed.

    :raises OSError: with the path of the file, if it cannot be read.
    """
    try:
        return digest.result()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(place)) from None
