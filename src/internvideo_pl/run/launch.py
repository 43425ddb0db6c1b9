"""Several processes for a run: torchrun, started from the same command, and what became of its processes.

A person's own `torchrun -m internvideo_pl run ...` does as well: a process that torchrun has started never starts it.
"""

import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from internvideo_pl.callbacks.ranks import Ranks
from internvideo_pl.callbacks.watchdog import AGAIN
from internvideo_pl.config import Experiment
from internvideo_pl.cores import usable_cores
from internvideo_pl.errors import Interrupted, RunFailed, UserError
from internvideo_pl.run.batches import world_size

PORT = 29500  # torchrun's own default, for machines that are given no MASTER
MEETING = 900  # seconds that machines wait for each other at the start, torchrun's own default
SAVING = 120  # seconds that processes get to finish their step and to save, as a worker of a pipeline has


@dataclass(frozen=True)
class Meeting:
    """Where the machines of a run meet.

    Attributes:
        node: Number of this machine, from 0.
        master: `host[:port]` of machine 0.
    """

    node: int = 0
    master: str = ""

    @classmethod
    def of(cls, node: int | None, master: str | None) -> "Meeting":
        """As the options say, or else the environment: NODE_RANK or SLURM's number of the node, and MASTER."""
        said = os.environ.get("NODE_RANK") or os.environ.get("SLURM_NODEID") or "0"
        if node is None and not said.isdigit():
            raise UserError(f"NODE_RANK={said} must be the number of this machine, from 0")
        return cls(int(said) if node is None else node, master or os.environ.get("MASTER", ""))

    def endpoint(self, nodes: int) -> str:
        """`host:port` of the store that the processes speak through; a free port where one machine is alone.

        Raises:
            UserError: The numbers do not fit, or several machines do not know where to meet.
        """
        if nodes == 1:
            return f"127.0.0.1:{_free_port()}"
        if not 0 <= self.node < nodes:
            raise UserError(f"NODE_RANK={self.node} (--node-rank) must be 0 to {nodes - 1}, for NODES={nodes}")
        if not self.master:
            raise UserError(
                f"{nodes} machines have to meet: give each the same command with MASTER=<host[:port]> of the first "
                f"and its own NODE_RANK=0 to {nodes - 1} (--master, --node-rank), or let `make slurm` write a job"
            )
        host, _, port = self.master.rpartition(":") if ":" in self.master else (self.master, "", str(PORT))
        if not host or not port.isdigit():
            raise UserError(f"MASTER={self.master} (--master) must be host or host:port, as in node1:{PORT}")
        return f"{host}:{port}"


def adopt(runs: Sequence[Experiment], ranks: Ranks) -> None:
    """Give experiments the devices and machines that torchrun has started processes for."""
    if ranks.world > 1:
        for run in runs:
            run.trainer = replace(run.trainer, devices=ranks.local_world, num_nodes=ranks.nodes)


def to_launch(run: Experiment, ranks: Ranks) -> bool:
    """Whether processes have still to be started for an experiment."""
    return ranks.world == 1 and world_size(run.trainer) > 1


def launch(run: Experiment, words: Sequence[str], meeting: Meeting) -> None:
    """Run a command once for each device of this machine, together with the other machines.

    Args:
        run: Says how many devices and machines.
        words: The command, without the program.
        meeting: Where the machines meet.

    Raises:
        UserError: The machines cannot meet.
        RunFailed: A process was killed; the sentence names it.
        Interrupted: A signal stopped all, after they have saved.
        SystemExit: With the exit code of the process that has already said why it ended.
    """
    nodes = run.trainer.num_nodes
    endpoint = meeting.endpoint(nodes)
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # what ends early is said below
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(SAVING))
    processes = world_size(run.trainer) // nodes
    os.environ.setdefault("OMP_NUM_THREADS", str(max(usable_cores() // processes, 1)))
    config = LaunchConfig(
        min_nodes=nodes,
        max_nodes=nodes,
        nproc_per_node=processes,
        run_id="internvideo",
        rdzv_backend="static",
        rdzv_endpoint=endpoint,
        rdzv_configs={"rank": meeting.node if nodes > 1 else 0, "timeout": MEETING},
        max_restarts=0,  # the same command goes on, on other machines if need be
        signals_to_handle="SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1",
    )
    try:
        elastic_launch(config, sys.executable)("-m", "internvideo_pl", *words)
    except ChildFailedError as failed:
        rank, failure = failed.get_first_failure()
        _say_who(rank, failure)
    except SignalException as stop:
        raise Interrupted(int(stop.sigval), f"all processes were told to save and to stop; {AGAIN}") from None


def _say_who(rank: int, failure: ProcessFailure) -> None:
    if failure.exitcode >= 0:
        raise SystemExit(failure.exitcode)
    name = signal.Signals(-failure.exitcode).name
    raise RunFailed(
        f"rank {rank} (process {failure.pid} on {socket.gethostname()}) was killed by {name}, "
        f"so the others were stopped; {AGAIN}"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
