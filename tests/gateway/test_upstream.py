"""Requests on their way to a model server."""

from __future__ import annotations

import asyncio
import select
import socket
from contextlib import closing

from clary.gateway.upstream import Pool


class Watcher:
    """Looks what has come to the model when its time begins."""

    def __init__(self, listener):
        self.listener = listener

    def begun(self):
        self.model, _ = self.listener.accept()
        self.early, _, _ = select.select([self.model], [], [], 0)

    def answered(self, outcome):
        pass


def test_the_time_of_the_model_begins_before_it_can_have_the_request(home):
    async def run():
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(home / "model.sock"))
            listener.listen()
            watcher = Watcher(listener)
            pool = Pool(asyncio.get_running_loop(), home / "model.sock", 1, 1000)
            exchange = pool.ask(watcher, (b"request",))
            with closing(watcher.model):
                assert watcher.early == []
                assert watcher.model.recv(100) == b"request"
            pool.give_up(exchange)

    asyncio.run(run())
