"""The processes of a run as each of them sees it: who it is, and a store through which they speak beside training.

The store is torchrun's: a small server on the first machine. It is there before Lightning joins the processes, and it
answers when a collective operation hangs.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from torch import distributed

from internvideo_pl.errors import RunFailed

TOLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # by torchrun
LOOK_EVERY = 0.2  # seconds between two looks for a word that is waited for
ANSWER = timedelta(seconds=20)  # that the store may take for an answer; more means that its machine is gone


@dataclass(frozen=True)
class Ranks:
    """This process among those of its run; alone by default.

    Attributes:
        rank: Number among all processes.
        world: How many there are.
        local: Number among those of this machine.
        local_world: How many there are on this machine.
        node: Number of this machine.
    """

    rank: int = 0
    world: int = 1
    local: int = 0
    local_world: int = 1
    node: int = 0
    host: str = field(default_factory=socket.gethostname)

    @classmethod
    def here(cls) -> "Ranks":
        """As torchrun has said in the environment; alone where it did not start this process."""
        if not all(word in os.environ for word in TOLD):
            return cls()
        rank, world, local, local_world = (int(os.environ[word]) for word in TOLD[:4])
        return cls(rank, world, local, local_world, int(os.environ.get("GROUP_RANK", rank // local_world)))

    @property
    def first(self) -> bool:
        """Whether this is rank 0, which alone writes files and speaks."""
        return self.rank == 0

    @property
    def nodes(self) -> int:
        """Number of machines."""
        return self.world // self.local_world

    def store(self) -> distributed.Store:
        """A connection of its own to the store, as each thread needs one; a private store for a process alone."""
        if self.world == 1:
            return distributed.HashStore()
        served = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        server = self.first and not served
        store = distributed.TCPStore(
            address, port, is_master=server, timeout=ANSWER, wait_for_workers=False, multi_tenant=True
        )
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        return distributed.PrefixStore(f"internvideo/{attempt}", store)


class Turns:
    """What processes do one after the other before training joins them.

    Args:
        ranks: This process.
    """

    def __init__(self, ranks: Ranks):
        self.ranks = ranks
        self.store = ranks.store()

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Rank 0 does it first, then one process of each other machine, then the rest: what one makes others find.

        Raises:
            RunFailed: The process before this one is gone.
        """
        ranks = self.ranks
        if not ranks.first:
            self._wait(f"{name}/0")
        if ranks.local > 0 and ranks.node > 0:
            self._wait(f"{name}/{ranks.node}")
        yield
        if ranks.local == 0:
            self.store.set(f"{name}/{ranks.node}", "done")

    def tell(self, name: str, word: str) -> None:
        """Say something that the others wait for."""
        self.store.set(name, word)

    def hear(self, name: str) -> str:
        """What another process says, when it says it.

        Raises:
            RunFailed: Rank 0 is gone.
        """
        self._wait(name)
        return self.store.get(name).decode()

    def end(self) -> None:
        """Let rank 0, which may have the store, be the last to go."""
        self.store.set(f"end/{self.ranks.rank}", "done")
        until = time.monotonic() + ANSWER.total_seconds()
        while self.ranks.first and time.monotonic() < until:
            if self.store.check([f"end/{rank}" for rank in range(self.ranks.world)]):
                return
            time.sleep(LOOK_EVERY)

    def _wait(self, name: str) -> None:
        try:
            while not self.store.check([name]):
                time.sleep(LOOK_EVERY)
        except RuntimeError as error:  # the store's server ends with rank 0 or its launcher
            raise RunFailed(f"rank 0 ended early; its machine ({os.environ['MASTER_ADDR']}) says why") from error
