"""Requests that are there together are predicted together; none ever waits for company."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import accumulate

from clary_runtime.serving.messages import Reply, Request
from clary_runtime.serving.together import ALONE, NEAR_S, Lanes, Turn


class Counting:
    """A model that notes how many requests came at once."""

    def __init__(self, together_max: int) -> None:
        self.together_max = together_max
        self.sizes: list[int] = []
        self.let_go = threading.Event()

    def quick(self, request: Request) -> bool:
        return False

    def answer(self, request: Request) -> Reply:
        return Reply(200, request.body)

    def answer_together(self, requests: list[Request]) -> list[Reply]:
        return [self.answer(request) for request in requests]

    def answered(self, model: Counting, requests: list[Request]) -> list[Reply]:
        self.sizes.append(len(requests))
        assert self.let_go.wait(30)
        return self.answer_together(requests)


def request(number: int) -> Request:
    return Request("POST", "/invocations", {}, str(number).encode())


async def through_lanes(model: Counting, lanes: int, requests: int) -> list[bytes]:
    with ThreadPoolExecutor(lanes) as pool:
        taken = Lanes(asyncio.get_running_loop(), pool, lanes, model.answered)
        futures = [taken.take(model, request(number)) for number in range(requests)]
        model.let_go.set()
        return [(await future).body for future in futures]


def numbers(until: int) -> list[bytes]:
    return [str(number).encode() for number in range(until)]


def test_what_waits_for_a_busy_thread_goes_together_up_to_what_the_model_takes():
    model = Counting(together_max=4)
    assert asyncio.run(through_lanes(model, 1, 8)) == numbers(8)
    assert model.sizes == [1, 4, 3]


def test_a_free_thread_takes_a_request_at_once():
    model = Counting(together_max=4)
    assert asyncio.run(through_lanes(model, 3, 3)) == numbers(3)
    assert model.sizes == [1, 1, 1]


def test_a_model_that_takes_one_request_gets_one():
    model = Counting(together_max=1)
    assert asyncio.run(through_lanes(model, 2, 6)) == numbers(6)
    assert model.sizes == [1] * 6


async def through_turns(model: Counting, gaps_s: list[float]) -> list[bytes]:
    """Have requests arrive, each so many seconds of the loop's clock after the one before."""
    loop = asyncio.get_running_loop()
    told, moments = loop.time, accumulate(gaps_s, initial=loop.time())
    turn = Turn(loop, model.answered)
    replies = []
    for number, moment in enumerate(list(moments)[1:]):
        loop.time = partial(float, moment)
        replies.append(turn.take(model, request(number)))
    loop.time = told
    return [(reply if isinstance(reply, Reply) else await reply).body for reply in replies]


def test_what_arrives_in_one_turn_of_the_loop_goes_together_once_requests_come_close():
    model = Counting(together_max=4)
    model.let_go.set()
    assert asyncio.run(through_turns(model, [1.0, *[NEAR_S / 2] * 6])) == numbers(7)
    assert model.sizes == [1, 4, 2]


def test_nobody_is_forgotten_when_the_model_takes_fewer_from_now_on():
    class Changing(Counting):
        def answer_together(self, requests: list[Request]) -> list[Reply]:
            self.together_max = 4 if len(requests) == 1 else 1
            return super().answer_together(requests)

    model = Changing(together_max=4)
    model.let_go.set()
    turns = through_turns(model, [1.0, *[NEAR_S / 2] * 7])
    assert asyncio.run(asyncio.wait_for(turns, 30)) == numbers(8)


def test_one_client_that_asks_quickly_is_answered_at_once_after_a_turn_alone():
    async def one_by_one(model: Counting) -> int:
        turn = Turn(asyncio.get_running_loop(), model.answered)
        later = 0
        for number in range(ALONE):
            reply = turn.take(model, request(number))
            if not isinstance(reply, Reply):
                await reply
                later += 1
        return later

    model = Counting(together_max=4)
    model.let_go.set()
    assert asyncio.run(one_by_one(model)) <= 1
    assert model.sizes == [1] * ALONE


def test_requests_far_apart_are_answered_at_once():
    model = Counting(together_max=4)
    model.let_go.set()
    assert asyncio.run(through_turns(model, [2 * NEAR_S] * 3)) == numbers(3)
    assert model.sizes == [1, 1, 1]


def test_a_client_that_left_keeps_nobody_from_an_answer():
    async def leave() -> bytes:
        model = Counting(together_max=4)
        with ThreadPoolExecutor(1) as pool:
            lanes = Lanes(asyncio.get_running_loop(), pool, 1, model.answered)
            gone, stays = (lanes.take(model, request(number)) for number in range(2))
            gone.cancel()
            model.let_go.set()
            return (await stays).body

    assert asyncio.run(leave()) == b"1"
