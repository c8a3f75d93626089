"""The executor process: calls the stamped model, streams its text, and stores the result."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from agents.attachments import (
    AttachmentInvalid,
    AttachmentLoader,
    AttachmentUnavailable,
    FileAccess,
    LoadedFiles,
)
from agents.executor.answer_cache import AnswerCache
from agents.executor.call_context import build_cached_call, build_call_context
from agents.executor.failure_policy import (
    build_file_failure,
    build_snooze,
    end_attempt,
    shorten_history,
)
from agents.executor.lanes import Lanes, build_lanes, find_queued_lane
from agents.executor.legacy_plans import build_escalation
from agents.executor.model_calls import ModelCaller
from agents.executor.output_checks import Checker, find_problem
from agents.executor.progress import ProgressHub
from agents.executor.request import NO_REPEATED, build_request, list_continued
from agents.executor.response import ResponseBuilder
from agents.executor.steps.calls import CallExecutor
from agents.executor.steps.checks import CheckExecutor
from agents.executor.steps.embeddings import EmbeddingExecutor
from agents.executor.steps.memory import MemoryExecutor
from agents.executor.steps.rankings import RerankExecutor
from agents.executor.structured import InvalidData, build_invalid_failure
from agents.executor.tool_loop.conversation import restore_answers
from agents.executor.tool_loop.loop import ToolLoop
from agents.executor.tool_loop.offer import read_loop_settings
from agents.memory.conversation import (
    Conversations,
    History,
    PostgresConversations,
    RedisCommands,
    SessionKey,
    find_level,
    load_conversation,
    open_conversations,
    read_turn_limit,
)
from agents.memory.index import VectorIndex
from agents.memory.memory import Memory
from agents.memory.models import MemoryModelFinder
from agents.middleware.call_ledger import CallLedger
from agents.runtime.agent import Agent, open_agent
from agents.runtime.attempt import WorkFailed, WorkInterrupted
from agents.runtime.health import Health
from agents.runtime.lease import OpenStore
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.pool import SideWork, run_pool
from agents.runtime.retry import retry_until_answered
from agents.runtime.wakeup import Drain
from agents.sandbox.check_runner import CheckRunner
from agents.tools.functions import FunctionTools
from agents.tools.host import ToolHost
from agents.tools.mcp import McpHost
from agents.tools.own import OwnTools
from agents.tools.own.memory import build_memory_tools
from agents.tools.toolbox import Toolbox
from agents.workflows.params.step_params import NOTES, WITH_HISTORY
from protocol.bus import Bus
from protocol.ids import utc_now
from protocol.lanes import is_model_lane
from protocol.messages import Envelope, MessageType
from protocol.records import ClaimedSubtask, Completion, LeaseRef
from protocol.topics import SUBTASKS
from providers.chat import ChatRequest, Message
from providers.errors import ProviderError
from providers.router import Call, Router

CHECKPOINT_EVERY = timedelta(seconds=2)
REASONING_LOST = (
    "The reasoning of earlier answers (params.messages: {}) was left out: it is not that of this "
    "model, or is not stored."
)


async def run_executor(
    *,
    open_store: OpenStore,
    bus: Bus,
    router: Router,
    identity: AgentIdentity,
    options: RuntimeOptions,
    drain: Drain,
    on_ready: Callable[[], None],
    health: Health | None = None,
    cache: AnswerCache | None = None,
    checks: CheckRunner | None = None,
    tools: ToolHost | None = None,
    mcp: McpHost | None = None,
    own: OwnTools | None = None,
    index: VectorIndex | None = None,
    files: FileAccess | None = None,
    redis: RedisCommands | None = None,
    ledger: CallLedger | None = None,
) -> None:
    """Execute subtasks of the lanes that are served here until drained or cancelled.

    `router` serves models, `checks` the sandbox, `tools` functions of users, `mcp` tools of MCP
    servers and `own` ours. `files` are fetched for tasks; `redis` has copies of conversations, and
    `ledger` calls of the router.
    Raises Unauthorized or MigrationMissing if the project cannot be used.
    """
    async with (
        Checker() as checker,
        open_agent(
            open_store=open_store,
            identity=identity,
            options=options,
            drain=drain,
            health=health,
            ledger=ledger,
        ) as agent,
    ):
        hub = ProgressHub(bus=bus, source=identity.id, every=options.progress_every)
        lanes = build_lanes(agent, router)
        conversations = open_conversations(agent.store, redis, jitter=agent.jitter)
        running = (hub.run(), lanes.run(), conversations.run())
        services = [agent.services.create_task(each) for each in running]
        executor = Executor(
            agent=agent,
            memory=_open_memory(agent, router, own, index),
            router=router,
            lanes=lanes,
            hub=hub,
            checker=checker,
            cache=cache,
            toolbox=_build_toolbox(tools, mcp, own),
            drain=drain,
            files=files,
            conversations=conversations,
        )
        executor.sides += _list_check_work(agent, hub, checks)
        calls = CallExecutor(host=tools or ToolHost(), hub=hub, agent=agent, drain=drain, mcp=mcp)
        if options.tool_capacity and (mcp is not None or calls.lanes):
            executor.sides.append(calls.build_side_work())
        try:
            async with bus.listen(SUBTASKS, executor.handle_message, on_ready=executor.catch_up):
                if not drain.begun.is_set():
                    on_ready()
                await executor.run(drain)
        finally:
            await calls.report_cut_off()
            for service in services:
                service.cancel()


class Executor:
    """Executes claimed subtasks and builds their completions."""

    def __init__(
        self,
        *,
        agent: Agent,
        router: Router,
        lanes: Lanes,
        hub: ProgressHub,
        checker: Checker,
        cache: AnswerCache | None = None,
        files: FileAccess | None = None,
        checkpoint_every: timedelta = CHECKPOINT_EVERY,
        toolbox: Toolbox | None = None,
        drain: Drain | None = None,
        conversations: Conversations | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._agent = agent
        self._conversations = conversations or PostgresConversations(agent.store)
        self._grown: dict[LeaseRef, SessionKey] = {}
        """Sessions of attempts whose end is being recorded."""
        self._router = router
        self._lanes = lanes
        self._hub = hub
        self._checker = checker
        self._cache = cache
        self._caller = ModelCaller(
            router=router, lanes=lanes, keeper=agent.keeper, checkpoint_every=checkpoint_every
        )
        self._loop = ToolLoop(
            agent=agent,
            caller=self._caller,
            hub=hub,
            checker=checker,
            toolbox=toolbox or Toolbox(),
            drain=drain or Drain(),
        )
        self._files = AttachmentLoader(files or FileAccess(), agent.store)
        self.sides: list[SideWork] = []
        """Work in lanes that are no models."""
        steps = MemoryExecutor(memory or Memory(store=agent.store, router=router))
        if agent.options.memory_capacity:
            self.sides.append(steps.build_side_work(agent))
        if agent.options.embedding_capacity:
            self.sides.append(EmbeddingExecutor(router, steps).build_side_work(agent))
        if agent.options.rerank_capacity:
            self.sides.append(RerankExecutor(router).build_side_work(agent))

    async def run(self, drain: Drain) -> None:
        """Claim and execute subtasks until drained."""
        await run_pool(
            self._agent,
            lanes=self._lanes.list_claimable,
            serves=self._lanes.list_served,
            get_limit=self._lanes.get_limit,
            work=self.execute,
            drain=drain,
            sides=self.sides,
            on_recorded=self.refresh_session,
        )

    def handle_message(self, message: Envelope) -> None:
        """Claim new work, or check for a cancellation, as the message suggests."""
        if message.type == MessageType.SUBTASK_CANCELLED:
            self._caller.save_checkpoints(message.payload.get("subtask_id"))
            self._agent.keeper.extend_now()
            return
        lane = find_queued_lane(message, is_held=self._agent.keeper.is_held)
        if lane is None:
            return
        for side in self.sides:
            if not lane or lane in side.lanes():
                side.wakeup.notify()
        if not lane or is_model_lane(lane):
            self._agent.wakeup.notify()

    def catch_up(self) -> None:
        """Look for work and cancellations whose messages may have been missed."""
        self._agent.keeper.extend_now()
        self._agent.wakeup.notify()
        for side in self.sides:
            side.wakeup.notify()

    async def execute(self, claimed: ClaimedSubtask) -> Completion:
        """Call the stamped model and return its answer; raises WorkFailed if that fails."""
        completion = await self._execute(claimed)
        if completion.messages and (session := SessionKey.from_task(claimed.task)):
            self._grown[claimed.ref] = session
        return completion

    def refresh_session(self, ref: LeaseRef) -> None:
        """Add the turn whose end was recorded to copies of its session."""
        if (session := self._grown.pop(ref, None)) is not None:
            self._agent.services.create_task(self._conversations.refresh(session))

    async def _execute(self, claimed: ClaimedSubtask) -> Completion:
        started = time.monotonic()
        if snooze := build_snooze(claimed, now=utc_now()):
            raise WorkFailed(snooze)
        try:
            files = await self._load_files(claimed)
            repeated = await self._load_repeated(claimed)
            request = build_request(claimed, files=files, repeated=repeated)
            history = await self._load_history(claimed, request)
            settings = read_loop_settings(claimed.params)
            context = build_call_context(claimed)
            if settings.needs_loop:
                return await self._loop.run(claimed, request, context, settings, history)
            while True:
                asked = history.add_to(request)
                call = self._router.call(claimed.lane, asked, context=context)
                response = ResponseBuilder(claimed=claimed, deployment=call.deployment)
                try:
                    return await self._answer(claimed, asked, call, response, started)
                except ProviderError as error:
                    if not shorten_history(history, error, response):
                        usage = self._caller.build_usage(response, started)
                        output = response.build_checkpoint()
                        raise end_attempt(error, claimed, usage, history, output) from error
        except ProviderError as error:
            raise end_attempt(error, claimed, usage=None) from error

    async def _answer(
        self,
        claimed: ClaimedSubtask,
        request: ChatRequest,
        call: Call,
        response: ResponseBuilder,
        started: float,
    ) -> Completion:
        """Read the answer, or take it from the cache, and check it. Raises ProviderError, too."""
        try:
            simulated = call.deployment.simulated
            key = self._cache and self._cache.build_key(claimed, request, simulated=simulated)
            if self._cache and key and (cached := await self._cache.find(key)):
                call.events, response.cached = cached, True
                redactor = self._router.get_redactor(call.deployment)
                context = build_call_context(claimed)
                await self._cache.record_hit(
                    build_cached_call(request, call.deployment, context, redactor)
                )
            await self._caller.read(call, response, self._hub.open(claimed), started)
            await self._hub.flush_in_time()
            await response.run_checks(self._checker)
            if self._cache and key and response.is_cacheable:
                await self._cache.store(key, claimed, response.build_cached_answer())
        except InvalidData as error:
            usage = self._caller.build_usage(response, started)
            output = response.build_checkpoint()
            failure = build_invalid_failure(claimed, str(error), usage, output)
            raise WorkFailed(failure) from error
        except asyncio.CancelledError as error:
            usage = self._caller.build_interrupted_usage(response, started)
            raise WorkInterrupted(usage) from error
        if (problem := find_problem(response.checks)) is not None:
            usage = self._caller.build_usage(response, started)
            if escalation := build_escalation(claimed, problem, usage):
                output = response.build_checkpoint()
                raise WorkFailed(escalation.model_copy(update={"output": output}))
        cost = self._caller.compute_cost(response)
        return response.build_completion(cost, seconds=time.monotonic() - started)

    async def _load_files(self, claimed: ClaimedSubtask) -> LoadedFiles:
        try:
            return await self._files.load(claimed.params, owner=claimed.task.owner)
        except (AttachmentInvalid, AttachmentUnavailable) as error:
            raise WorkFailed(build_file_failure(error, claimed)) from error

    async def _load_repeated(self, claimed: ClaimedSubtask) -> Mapping[int, Sequence[Message]]:
        """Return the stored answers that turns of a conversation repeat, with what led to them."""
        if not (continued := list_continued(claimed.params)):
            return NO_REPEATED
        stored = await retry_until_answered(
            lambda: self._agent.store.fetch_task_turns(
                task_ids=sorted({each.task_id for each in continued}), owner=claimed.task.owner
            ),
            what="earlier answers",
            jitter=self._agent.jitter,
        )
        served = self._router.list_deployments(claimed.lane)
        restored = restore_answers(
            continued,
            stored,
            sees=self._router.local.get_model(claimed.lane).takes("image") is True,
            fits=lambda replay: any(
                replay.fits(vendor=each.provider, model=each.own_id) for each in served
            ),
        )
        if lost := restored.without_reasoning:
            noted = claimed.params.get(NOTES)
            notes = noted if isinstance(noted, list) else []
            numbers = ", ".join(map(str, lost))
            claimed.params[NOTES] = [*notes, REASONING_LOST.format(numbers)]
        return restored.messages

    async def _load_history(self, claimed: ClaimedSubtask, request: ChatRequest) -> History:
        """Read the earlier turns of the session, as far as the model takes them."""
        turns = read_turn_limit(claimed.task.params)
        history = History(
            model=self._router.local.get_model(claimed.lane),
            is_capped=turns is None,
            level=find_level(claimed),
        )
        session = SessionKey.from_task(claimed.task)
        if session is not None and claimed.params.get(WITH_HISTORY) is not False:
            history.conversation = await retry_until_answered(
                lambda: load_conversation(
                    self._conversations, session, tokens=history.compute_room(request), turns=turns
                ),
                what="the conversation",
                jitter=self._agent.jitter,
            )
        return history


def _list_check_work(agent: Agent, hub: ProgressHub, checks: CheckRunner | None) -> list[SideWork]:
    if checks is None or not agent.options.check_capacity:
        return []
    return [CheckExecutor(runner=checks, hub=hub).build_side_work(agent)]


def _open_memory(
    agent: Agent, router: Router, own: OwnTools | None, index: VectorIndex | None
) -> Memory:
    """Return the memory, of which models get tools."""
    memory = Memory(store=agent.store, router=router, index=index)
    if own is not None:
        named = agent.options.memory_model
        finder = MemoryModelFinder(agent.store, router.catalogue, named)
        own.add_tools(build_memory_tools(memory, finder.find))
    return memory


def _build_toolbox(tools: ToolHost | None, mcp: McpHost | None, own: OwnTools | None) -> Toolbox:
    """Return the tools that models may call here."""
    functions = None if tools is None else FunctionTools(tools)
    return Toolbox([each for each in (functions, mcp, own) if each is not None])
