"""Statistics of the database as the knowledge of the strategy."""

import asyncio
from uuid import UUID

from agents.orchestrator.knowledge_sync import (
    NO_OWNER,
    KnowledgeSync,
    build_knowledge,
    build_observations,
)
from agents.selection.evidence.knowledge import Knowledge
from protocol.ids import utc_now
from protocol.messages import Envelope, MessageType, ModelStatus
from protocol.records.models import CheckRow, ControlRow, ModelKnowledge, OutcomeRow, PolicyName
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.eventually import eventually

SEEN = OutcomeRow(
    model_id="a",
    kind="code-generation",
    judged=10.4,
    good=5.2,
    sources={"run": 10.0, "edit": 0.4},
    answered=40.5,
    input_tokens=1200.0,
    cached_tokens=800.0,
    output_tokens=300.0,
    total_ms=900.0,
)
RESCUED = SEEN.model_copy(update={"after": ["b", "c"], "judged": 2.0, "good": 1.0})
FORM = CheckRow(source="form", kind="general", good=10.0, good_passed=9.5, bad=4.0, bad_passed=1.0)
KNOWN = ModelKnowledge(outcomes=[SEEN, RESCUED], checks=[FORM], health={"c": "open"})


def a_learner(store: FakeStore) -> KnowledgeSync:
    return KnowledgeSync(
        store=store, agent_id="cio-1", start=Knowledge(policy=PolicyName.SCORED), every_seconds=3600
    )


def test_outcomes_rescues_and_health_are_read_with_their_shares() -> None:
    learned = build_observations(KNOWN)

    seen = learned.outcomes["a", "code-generation"]
    assert (seen.judged, seen.good, seen.judged_by["edit"]) == (10.4, 5.2, 0.4)
    assert (seen.answered, seen.total_ms) == (40.5, 900)
    assert (seen.input_tokens, seen.cached_tokens, seen.output_tokens) == (1200, 800, 300)
    form = learned.checks["form", "general"]
    assert (form.good, form.good_passed, form.bad, form.bad_passed) == (10, 9.5, 4, 1)
    assert set(learned.outcomes) == {("a", "code-generation")}
    assert learned.rescues[("b", "c"), "a", "code-generation"].judged == 2
    assert learned.health == {"c": "open"}


def test_a_trace_is_no_judgement_and_good_answers_are_no_more_than_the_judged() -> None:
    """The database writes 1e-9 for what nobody judged; rounding may leave more good than judged."""
    trace = SEEN.model_copy(update={"judged": 1e-9, "good": 1e-12, "sources": {}})
    wrong = [SEEN.model_copy(update={"after": [], "good": good}) for good in (11.0, -3.0)]

    [unjudged], [more], [less] = (
        build_observations(ModelKnowledge(outcomes=[row], health={})).outcomes.values()
        for row in (trace, *wrong)
    )

    assert (unjudged.judged, unjudged.good, unjudged.answered) == (0, 0, 40.5)
    assert (more.good, less.good) == (10.4, 0)


def test_controls_and_policies_are_laid_over_what_was_set_at_the_start() -> None:
    owner = UUID(int=7)
    row = ControlRow(
        scope=f"owner:{owner}", subject="a", action="ban", reason="r", who="w", set_at=utc_now()
    )
    later = row.model_copy(update={"scope": "galaxy"})
    found = KNOWN.model_copy(
        update={
            "controls": [row, later],
            "policies": {NO_OWNER: "cheapest", owner: "cascade", UUID(int=8): "of a later version"},
        }
    )

    seen = build_knowledge(found, start=Knowledge(policy=PolicyName.SCORED))

    assert [(each.action, each.owner) for each in seen.controls] == [("ban", owner)]
    assert seen.get_policy(None, None) is PolicyName.CHEAPEST
    assert seen.get_policy(owner, None) is PolicyName.CASCADE
    assert seen.get_policy(UUID(int=8), None) is PolicyName.CHEAPEST


def test_a_control_of_a_path_holds_for_the_model_of_the_file() -> None:
    row = ControlRow(
        scope="everywhere", subject="llamacpp//models/m.gguf", action="ban", reason="r", who="w",
        set_at=utc_now(),
    )  # fmt: skip

    seen = build_knowledge(KNOWN.model_copy(update={"controls": [row]}), start=Knowledge())

    assert [each.subject for each in seen.controls] == ["llamacpp/m"]


async def test_knowledge_stays_while_the_store_is_away() -> None:
    store = FakeStore(knowledge=KNOWN)
    sync = a_learner(store)
    await sync.refresh()
    snapshot = sync.knowledge

    store.errors["model_knowledge"] = AWAY
    await sync.refresh()

    assert sync.knowledge is snapshot
    assert snapshot.policy is PolicyName.SCORED
    assert snapshot.observations.health == {"c": "open"}


async def test_a_message_of_a_switch_refreshes_at_once() -> None:
    store = FakeStore()
    sync = a_learner(store)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(sync.run())
        await eventually(lambda: store.asked["model_knowledge"] == 1)
        status = ModelStatus(model_id="c", status="unavailable")
        store.knowledge = KNOWN
        sync.handle_message(Envelope.wrap(MessageType.MODEL_STATUS, status, source="x", target="y"))
        await eventually(lambda: sync.knowledge.observations.health)
        running.cancel()
