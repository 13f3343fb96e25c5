"""Who may invoke what: signatures, principals and decisions, remembered between requests.

A key that was not seen before is looked up once, in a thread. What is remembered is
dropped when the store tells of a change; until then it holds, even if the store cannot be read.
The tags of an endpoint are read for those alone whose policies ask for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from clary.access.context import RESOURCE_TAG, request_context
from clary.access.decide import decide
from clary.access.match import Context
from clary.access.principal import Principal
from clary.access.requirements import requirements
from clary.core.clock import Clock
from clary.core.errors import AccessDenied, ServiceError
from clary.gateway.answers import internal, overloaded
from clary.gateway.forms import Filled, Form
from clary.gateway.known import Admitted, Asked, Credential, Key, Known, Leave
from clary.wire import sigv4, sigv4_faults
from clary.wire.message import Request
from clary.wire.sigv4 import Signature
from clary.wire.sigv4_keys import SigningKey, signing_key

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")

SERVICE = "sagemaker"
OPERATION = "InvokeEndpoint"
LOOPBACK = "127.0.0.1"
"""Where every call comes from: the gateway listens on loopback addresses and Unix sockets alone."""
KNOWN_MAX = 10_000
"""Keys remembered; as many that are nobody's are remembered beside them."""
LOOKING_MAX = 256
"""Keys looked up at once; a request with one more is answered 503."""
WAITING_MAX = 10_000
UNKNOWN_S = 2.0
"""How long a key is remembered as nobody's."""
SIGNING_KEYS_MAX = 16
DECISIONS_MAX = 1_000

Find = Callable[[str, str], Credential | None]
"""Returns the credential of an access key and session token, None if there is none; reads the store."""
TagsOf = Callable[[str, str, str], Context]
"""Returns the tags of an endpoint, by account, region and name, as condition keys; reads the store."""
Told = Callable[[Admitted | ServiceError], None]
Found = Known | ServiceError | None
"""None is a key that is nobody's."""


class Call(NamedTuple):
    """A request that asks to be admitted."""

    key: Key
    signature: Signature
    request: Request
    told: Asked
    form: Form | None


class Admission:
    """Admits invocations; belongs to one event loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, executor: Executor, find: Find, clock: Clock, tags_of: TagsOf
    ) -> None:
        self._loop = loop
        self._executor = executor
        self._find = find
        self._tags_of = tags_of
        self._clock = clock
        self._known: dict[Key, Known] = {}
        self._unknown: dict[Key, float] = {}
        self._looking: dict[Key, list[Callable[[Found], None]]] = {}
        self._waiting = 0
        self._forgotten = 0

    def admit(self, request: Request, told: Asked, then: Told, form: Form | None = None) -> None:
        """Tell whether the request may go on: at once if its key is known, else as soon as it is.

        `form` learns what was decided, if that holds for other requests too.
        """
        signature = sigv4.parse(request)
        if signature is None:
            raise sigv4_faults.missing_signature("json")
        if signature.service != SERVICE:
            message = f"Credential should be scoped to correct service: '{SERVICE}'."
            raise sigv4_faults.mismatch("json", message)
        call = Call((signature.access_key, signature.session_token), signature, request, told, form)
        known = self._known.get(call.key)
        if known is not None and not known.tagged:
            then(self._outcome(known, call, {}))
        else:
            self._look_further(call, then)

    def admit_alike(self, filled: Filled, body: bytes) -> Admitted | None:
        """Admit a request of a form that has leave, if its signature holds; None if it must go the long way."""
        form, now = filled.form, self._clock()
        leave = form.leave
        if leave is None or self._known.get(leave.key) is not leave.known or leave.known.expired(now):
            return None
        return leave.admitted if form.seal.holds(filled.values, body, leave.signing_key, now) else None

    def forget(self, accounts: frozenset[str], *, everyone: bool) -> None:
        """Drop what is remembered of these accounts, or of all; and every key that was nobody's."""
        self._forgotten += 1
        self._unknown.clear()
        for key, known in list(self._known.items()):
            if everyone or known.credential.principal.account in accounts:
                del self._known[key]

    def _look_further(self, call: Call, then: Told) -> None:
        """Look up what is not remembered: the key, and the tags that a policy asks for."""

        def settle(found: Found) -> None:
            def decide(tags: Context | ServiceError) -> None:
                then(self._outcome(found, call, tags))

            if isinstance(found, Known) and found.tagged:
                account, name = found.credential.principal.account, dict(call.told).get("EndpointName", "")
                self._read_tags((account, call.signature.region, name), decide)
            else:
                decide({})

        known = self._known.get(call.key)
        if known is not None or self._unknown.get(call.key, 0.0) > self._clock():
            settle(known)
        else:
            self._look_up(call.key, settle)

    def _outcome(self, known: Found, call: Call, tags: Context | ServiceError) -> Admitted | ServiceError:
        if known is None:
            return sigv4_faults.unknown_access_key(call.signature.dialect, call.signature.access_key)
        if isinstance(known, ServiceError):
            return known
        if isinstance(tags, ServiceError):
            return tags
        try:
            return self._decide(known, call, tags)
        except ServiceError as refused:
            return refused

    def _decide(self, known: Known, call: Call, tags: Context) -> Admitted:
        signature, principal, now = call.signature, known.credential.principal, self._clock()
        if known.expired(now):
            raise sigv4_faults.expired_token(signature.dialect)
        signing_key = _signing_key(known, signature)
        sigv4.check(signature, call.request, signing_key, now)
        key = (signature.region, call.told)
        denied = known.decisions.get(key)
        if denied is None:
            denied = _denied(principal, signature.region, call.request, call.told, now, tags)
            if known.lasting:
                _keep(known.decisions, key, denied, DECISIONS_MAX)
        if denied:
            raise AccessDenied(denied)
        admitted = Admitted(principal.account, signature.region)
        if call.form is not None and known.lasting:
            call.form.learn(signature, Leave(call.key, known, signing_key, admitted))
        return admitted

    def _look_up(self, key: Key, then: Callable[[Found], None]) -> None:
        if self._waiting >= WAITING_MAX or (key not in self._looking and len(self._looking) >= LOOKING_MAX):
            then(overloaded("Too many access keys are being looked up. Reduce your request rate."))
            return
        self._waiting += 1
        waiting = self._looking.setdefault(key, [])
        waiting.append(then)
        if len(waiting) == 1:
            forgotten = self._forgotten
            future = self._loop.run_in_executor(self._executor, self._find, *key)
            future.add_done_callback(lambda done: self._found(key, done, forgotten))

    def _found(self, key: Key, done: asyncio.Future[Credential | None], forgotten: int) -> None:
        known = _found(done)
        if forgotten == self._forgotten:  # else it may be out of date already
            self._remember(key, known)
        waiting = self._looking.pop(key)
        self._waiting -= len(waiting)
        for then in waiting:
            then(known)

    def _read_tags(self, endpoint: tuple[str, str, str], then: Callable[[Context | ServiceError], None]) -> None:
        if self._waiting >= WAITING_MAX:
            then(overloaded("Too many tags are being looked up. Reduce your request rate."))
            return
        self._waiting += 1

        def done(future: asyncio.Future[Context]) -> None:
            self._waiting -= 1
            error = future.exception()
            if error is not None:
                log.warning("the tags of an endpoint could not be looked up: %s", error)
            then(future.result() if error is None else overloaded("Tags cannot be looked up at the moment."))

        self._loop.run_in_executor(self._executor, self._tags_of, *endpoint).add_done_callback(done)

    def _remember(self, key: Key, known: Found) -> None:
        if isinstance(known, Known):
            _keep(self._known, key, known, KNOWN_MAX)
        elif known is None:
            self._unknown.pop(key, None)
            _keep(self._unknown, key, self._clock() + UNKNOWN_S, KNOWN_MAX)


def _found(done: asyncio.Future[Credential | None]) -> Found:
    error = done.exception()
    if isinstance(error, (SQLAlchemyError, OSError)):
        log.warning("an access key could not be looked up: %s", error)
        return overloaded("Credentials cannot be looked up at the moment.")
    if error is not None:
        log.error("looking up an access key failed", exc_info=error)
        return internal("An internal failure occurred.")
    credential = done.result()
    if credential is None:
        return None
    return Known(credential, _lasting(credential.principal), _tagged(credential.principal))


def _signing_key(known: Known, signature: Signature) -> SigningKey:
    scope = (signature.date, signature.region)
    key = known.signing_keys.get(scope)
    if key is None:
        key = signing_key(known.credential.secret, signature.date, signature.region, signature.service)
        _keep(known.signing_keys, scope, key, SIGNING_KEYS_MAX)
    return key


def _denied(principal: Principal, region: str, request: Request, told: Asked, now: float, tags: Context) -> str:
    """Return why the call is denied, '' if it is allowed."""
    agent = request.headers.get("user-agent")
    context = {**request_context(now=now, secure=request.secure, source_ip=LOOPBACK, user_agent=agent), **tags}
    needed = requirements(
        "sagemaker-runtime", OPERATION, dict(told), account=principal.account, region=region, context=context
    )
    for each in needed:
        decision = decide(principal, each)
        if not decision.allowed:
            return decision.message
    return ""


def _lasting(principal: Principal) -> bool:
    """Say whether no policy of the principal looks at anything that differs from request to request."""
    return not any(
        statement.conditions or (statement.resources is not None and statement.resources.variable)
        for policy in principal.policies()
        for statement in policy.statements
    )


def _tagged(principal: Principal) -> bool:
    """Say whether some policy of the principal looks at the tags of what it speaks of."""
    return any(policy.mentions(RESOURCE_TAG) for policy in principal.policies())


def _keep(memory: dict[K, V], key: K, value: V, most: int) -> None:
    """Remember something; at the limit the oldest goes."""
    if len(memory) >= most:
        del memory[next(iter(memory))]
    memory[key] = value
