"""A sweep on this machine, without any server: so many trials at a time, until a limit is reached."""

import math
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from internvideo_pl.callbacks.interrupts import Interrupts
from internvideo_pl.errors import Interrupted, RunFailed, UserError
from internvideo_pl.run.sweep.document import Sweep
from internvideo_pl.run.sweep.gpus import Shares
from internvideo_pl.run.sweep.limits import Limits
from internvideo_pl.run.sweep.process import TrialRun
from internvideo_pl.run.sweep.sampler import draw
from internvideo_pl.run.sweep.trial import Trial, Trials

LOOK = 1.0  # seconds from one look at the running trials to the next
WRITE = 60.0  # seconds after which their time is written down: the most that a `kill -9` can lose
KILLS = 2  # times that a trial is killed before it is given up
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)  # somebody wants it to stop
BROKEN = 3  # trials that failed and none that came to its end: something is wrong with all of them


class LocalSweep:
    """Runs the trials of a sweep in processes side by side.

    Args:
        sweep: What to try.
        folder: Where its trials are.
        overrides: What every trial gets besides.
        limits: When to end.
        jobs: Trials at a time.
        shares: GPUs of each trial; by default an equal share of those here.
    """

    def __init__(
        self,
        sweep: Sweep,
        folder: Path,
        overrides: Sequence[str],
        limits: Limits,
        jobs: int,
        shares: Shares | None = None,
    ):
        self.sweep, self.limits, self.jobs = sweep, limits, jobs
        self.overrides = list(overrides)
        self.trials = Trials(folder)
        self.running: dict[int, TrialRun] = {}
        self.begun = time.monotonic()
        self.before: dict[int, Trial] = {}  # the running ones as they were when this process took them up
        self.shares = shares or Shares(jobs)
        self.written = self.begun  # when the running trials' time was last written down

    def run(self) -> None:
        """Work until the limits are reached.

        Raises:
            UserError: What a trial has said that the person must mend.
            RunFailed: Every trial fails.
            Interrupted: A signal stopped it; what runs has saved and is continued by the same command.
        """
        most = self.limits.most(self.sweep)
        with Interrupts():
            try:
                while self._begin_more(most) or self.running:
                    time.sleep(LOOK)
                    self._look()
                    if self._over():
                        print(f"the limit is reached: {len(self.running)} running trials save and end", file=sys.stderr)
                        break
            except Interrupted as stop:
                raise Interrupted(stop.signum, "the sweep was stopped; the same command continues it") from None
            finally:
                self._leave()

    def _begin_more(self, most: int) -> bool:
        """Fill the free places; whether anything was begun."""
        begun = False
        while len(self.running) < self.jobs and not self._over():
            number = next(self.trials.abandoned(), None)
            if number is None and not any(self.sweep.reached(trial.value) for trial in self.trials.all()):
                number = self.trials.claim(most)
            if number is None:
                return begun
            self._begin(number)
            begun = True
        return begun

    def _begin(self, number: int) -> None:
        trial = self.trials.read(number)
        if trial is None:
            values, inner = draw(self.sweep, number, [other for other in self.trials.all() if other.number != number])
            trial = Trial(number, values, inner)
            self.trials.write(trial)
        words = [self.sweep.experiment, *self.sweep.words, *self.overrides, *self.sweep.overrides(trial.values)]
        place = next(place for place in range(self.jobs) if place not in self._places())
        environment = self.shares.environment(place) | {PLACE: str(place)}
        self.before[number] = trial
        self.running[number] = TrialRun(self.trials.path(number), words, environment)
        print(f"trial {number}: {_words(trial)}", file=sys.stderr, flush=True)

    def _places(self) -> set[int]:
        return {int(run.environment[PLACE]) for run in self.running.values()}

    def _look(self) -> None:
        """See which trials have ended and which are to, and write down the others' time for who else counts it."""
        for number, run in list(self.running.items()):
            code = run.poll()
            if code is None:
                if self.sweep.hyperband is not None and not run.stopped and self._is_hopeless(number, run):
                    run.stop()
                continue
            self._end(number, run, code)
        if time.monotonic() - self.written >= WRITE:
            self.written = time.monotonic()
            for number in self.running:
                self.trials.write(self._measured(number))

    def _is_hopeless(self, number: int, run: TrialRun) -> bool:
        assert self.sweep.hyperband is not None
        others = [list(trial.history) for trial in self.trials.all() if trial.ended and trial.number != number]
        others += [other.history(self.sweep.metric) for n, other in self.running.items() if n != number]
        return self.sweep.hyperband.stops(run.history(self.sweep.metric), others, self.sweep.maximize)

    def _end(self, number: int, run: TrialRun, code: int) -> None:
        """Write down what a trial has come to."""
        if code == 2 and not any(trial.state == "done" for trial in self.trials.all()):
            said = run.end_of_log().rpartition("\n")[2].removeprefix("internvideo: ")
            raise UserError(f"trial {number}: {said or 'its run was refused without a word'}")
        history = run.history(self.sweep.metric)
        trial = replace(self._measured(number), history=tuple(history))
        if code == 0:
            value = history[-1] if history else math.nan
            note = "" if history else f"its run has no {self.sweep.metric}"
            trial = replace(trial, state="done" if history else "failed", value=value, note=note)
        elif run.stopped:
            best = max if self.sweep.maximize else min
            finite = [value for value in history if math.isfinite(value)]
            trial = replace(trial, state="stopped", value=best(finite, default=math.nan))
        elif code < 0 or code > 128:
            self._killed(trial, run, abs(code) % 128)
            return
        else:
            trial = replace(trial, state="failed", note=run.end_of_log())
        self._keep(trial)

    def _killed(self, trial: Trial, run: TrialRun, signum: int) -> None:
        """A signal ended a trial's run. One that asks to stop is meant for the sweep too; any other, as when memory ran
        out, is this trial's: it is taken up again once, and then it has failed.
        """
        if signum in PASSED_ON:
            raise Interrupted(signum)
        trial = replace(trial, kills=trial.kills + 1)
        word = signal.Signals(signum).name if signum in set(signal.Signals) else f"signal {signum}"
        if trial.kills >= KILLS:
            note = f"its run was killed {trial.kills} times, last by {word}; {run.end_of_log()}"
            self._keep(replace(trial, state="failed", note=note))
            return
        self._put_down(trial)
        print(f"trial {trial.number} was killed by {word} and is tried once more", file=sys.stderr, flush=True)

    def _put_down(self, trial: Trial) -> None:
        """Write a trial down and leave it to whoever takes it up."""
        self.trials.write(trial)
        self.trials.let_go(trial.number)
        del self.running[trial.number], self.before[trial.number]

    def _keep(self, trial: Trial) -> None:
        self._put_down(trial)
        said = f"{self.sweep.metric} {trial.value:.4g}" if math.isfinite(trial.value) else trial.note
        print(f"trial {trial.number} {trial.state}: {said}, {trial.seconds:.0f} s", file=sys.stderr, flush=True)
        ended = self.trials.all()
        if sum(one.state == "failed" for one in ended) >= BROKEN and not any(one.state == "done" for one in ended):
            raise RunFailed(f"{BROKEN} trials failed and none came to its end; the last one said: {trial.note}")

    def _measured(self, number: int) -> Trial:
        """A running trial with the time that it has taken so far."""
        before, seconds = self.before[number], self.running[number].seconds
        hours = before.gpu_hours + self.shares.each * seconds / 3600
        return replace(before, seconds=round(before.seconds + seconds, 1), gpu_hours=hours)

    def _over(self) -> bool:
        """Whether the time is up."""
        if self.limits.hours is not None and time.monotonic() - self.begun >= 3600 * self.limits.hours:
            return True
        if self.limits.gpu_hours is None:
            return False
        ours = {number: self._measured(number).gpu_hours for number in self.running}
        rest = sum(trial.gpu_hours for trial in self.trials.all() if trial.number not in ours)
        return rest + sum(ours.values()) >= self.limits.gpu_hours

    def _leave(self) -> None:
        """Let everything that runs save and end; it stays to be continued."""
        for run in self.running.values():
            run.stop()
        for number, run in self.running.items():
            run.wait()
            self.trials.write(self._measured(number))
            self.trials.let_go(number)
        self.running.clear()


PLACE = "INTERNVIDEO_SWEEP_PLACE"  # which of the places side by side a trial has, for its GPUs


def _words(trial: Trial) -> str:
    return ", ".join(f"{name}={value}" for name, value in trial.values.items())
