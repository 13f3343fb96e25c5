"""The server: binds, loads the model, answers, and drains on SIGTERM.

`/ping` answers 503 from the moment the address is bound and 200 once the model is loaded. Predictions that may take
time run in a few threads, so that `/ping` never waits for them. A model that cannot be loaded ends the process with
exit code 1.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from clary_runtime.logs import LOG
from clary_runtime.memory import keep_freed
from clary_runtime.serving.connections import Connection
from clary_runtime.serving.messages import Model, Reply, Request
from clary_runtime.serving.settings import Settings
from clary_runtime.serving.streams import Streams
from clary_runtime.serving.together import Lanes, Turn

FREED_BODIES_KEPT = 4
"""Memory of so many of the largest bodies is kept for the next ones: each is copied twice as it is put together."""
EXECUTION_PARAMETERS = '{{"MaxConcurrentTransforms":{workers},"BatchStrategy":"MULTI_RECORD","MaxPayloadInMB":{mib}}}'


class Server:
    """Answers requests with a model, once it has one."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self._settings = settings
        self._loop = loop
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="predict")
        self._lanes = Lanes(loop, self._pool, settings.workers, _answered)
        self._turn = Turn(loop, _answered)
        self._model: Model | None = None
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self.draining = False
        self.streams = Streams(loop)

    # what connections call

    def opened(self, connection: Connection) -> bool:
        """Count a connection in unless there are too many."""
        self._connections.add(connection)
        return len(self._connections) <= self._settings.connections_max

    def closed(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def reply(self, request: Request) -> Reply | asyncio.Future[Reply]:
        """Answer `/ping` at once, a quick prediction at once, any other prediction from a thread."""
        if request.path == "/invocations" and request.method == "POST":
            return self._invoked(request)
        return self._described(request)

    def _invoked(self, request: Request) -> Reply | asyncio.Future[Reply]:
        model = self._model
        if model is None:
            return _noted(request, Reply.text(503, "The model is still being loaded"))
        if model.quick(request):
            return self._turn.take(model, request)
        if self._lanes.waiting >= self._settings.waiting_max:
            return _noted(request, Reply.text(503, "Too many requests are waiting for this model"))
        return self._lanes.take(model, request)

    def _described(self, request: Request) -> Reply:
        if request.path == "/ping":
            return Reply(200) if self._model is not None else Reply.text(503, "The model is still being loaded")
        if request.path == "/execution-parameters" and request.method == "GET":
            mib = max(1, self._settings.body_bytes_max >> 20)
            text = EXECUTION_PARAMETERS.format(workers=self._settings.workers, mib=mib)
            return Reply(200, text.encode(), "application/json")
        status = 405 if request.path == "/invocations" else 404
        return _noted(request, Reply.text(status, f"{request.method} {request.path} is not served"))

    # life

    async def run(self, load: Callable[[], Model]) -> int:
        """Serve until SIGTERM; the exit code."""
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, stopped.set)
        listener = await self._bind()
        loaded = self._loop.run_in_executor(self._pool, load)
        ended = asyncio.ensure_future(stopped.wait())
        first: set[asyncio.Future[Any]] = {loaded, ended}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done() and not self._ready(loaded):
            listener.close()
            return 1
        await ended
        return await self._drain(listener)

    async def _bind(self) -> asyncio.Server:
        if self._settings.socket is None:
            return await self._loop.create_server(self._connect, self._settings.host, self._settings.port)
        _forget(self._settings.socket)
        return await self._loop.create_unix_server(self._connect, self._settings.socket)

    def _connect(self) -> Connection:
        return Connection(self, self._settings, self._loop)

    def _ready(self, loaded: asyncio.Future[Model]) -> bool:
        try:
            self._model = loaded.result()
        except Exception:  # noqa: BLE001 - the edge: loading runs customers' code
            LOG.exception("Unable to load model")
            return False
        gc.freeze()  # modules and model live on anyway: no collection need look at them again
        LOG.info("Model server started.")
        return True

    async def _drain(self, listener: asyncio.Server) -> int:
        """Accept nothing more, finish what is under way, then leave."""
        self.draining = True
        listener.close()
        for connection in list(self._connections):
            connection.close_when_idle()
        if self._connections:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), self._settings.drain_s_max)
        if self._settings.socket is not None:
            _forget(self._settings.socket)
        return 0


def _forget(socket: str) -> None:
    """Remove the socket's name, which outlives its process."""
    Path(socket).unlink(missing_ok=True)


def _answered(model: Model, requests: list[Request]) -> list[Reply]:
    if len(requests) > 1:
        try:
            replies = model.answer_together(requests)
        except Exception:  # noqa: BLE001 - the server's edge; one request's mistake must not be the others'
            LOG.debug("Answering %d requests one by one", len(requests), exc_info=True)
        else:
            return [
                reply if reply.status < 400 else _noted(request, reply)
                for request, reply in zip(requests, replies, strict=True)
            ]
    return [_answered_alone(model, request) for request in requests]


def _answered_alone(model: Model, request: Request) -> Reply:
    try:
        reply = model.answer(request)
    except Exception as error:  # noqa: BLE001 - the server's edge: customers' code may raise anything
        LOG.exception("Exception on %s [%s]", request.path, request.method)
        reply = Reply.text(500, f"{type(error).__name__}: {error}")
    return reply if reply.status < 400 else _noted(request, reply)


def _noted(request: Request, reply: Reply) -> Reply:
    """Only errors leave an access line: a line a request would cost more than a small prediction."""
    LOG.warning(
        '"%s %s" %d %s', request.method, request.path, reply.status, reply.body[:500].decode("utf-8", "replace")
    )
    return reply


def serve(settings: Settings, load: Callable[[], Model]) -> int:
    """Run a server in this process until SIGTERM; the exit code."""
    keep_freed(FREED_BODIES_KEPT * settings.body_bytes_max)
    code: int = _runner()(_main(settings, load))
    # A prediction that outlived the drain must not keep the process; its thread cannot be stopped otherwise.
    os._exit(code)


async def _main(settings: Settings, load: Callable[[], Model]) -> int:
    return await Server(settings, asyncio.get_running_loop()).run(load)


def _runner() -> Callable[..., Any]:
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    run: Callable[..., Any] = uvloop.run
    return run
