// Who says what: a column for each participant, live, and below them how it was decided.

import { get } from "/console/lib/api.js";
import { isOver, money } from "/console/lib/format.js";
import { Decision, readDecision } from "/console/task/decision.js";
import { Discussion } from "/console/task/discussion.js";
import { readCallState } from "/console/task/call.js";
import { useEvents } from "/console/task/feed.js";
import { addCosts } from "/console/task/timeline.js";
import { Turns } from "/console/task/turn.js";
import { h, useEffect, useMemo, useState } from "/console/vendor/preact.js";

const EVERY_MS = 80;
/** What comes this soon may have happened long before. */
const REPLAY_MS = 1_500;

/** `subscribe` as of `task/feed.js`. Draws nothing, no title either, while only the model takes part that answers. */
export function Debate({ details, subscribe, title = "Who says what" }) {
  const { task } = details;
  const discussion = useMemo(() => new Discussion(task.id), [task.id]);
  useEvents(subscribe, (name, data) => discussion.apply(name, data), EVERY_MS);
  const { columns, closing } = discussion.listColumns();
  const costs = useCosts(details, columns);
  const opened = useMemo(() => Date.now(), [discussion]);
  const decision = readDecision(task.result);
  if (discussion.isEmpty && !decision) return null;
  const about = { discussion, costs, details, isLive: Date.now() - opened > REPLAY_MS };
  const draw = (each) => h(Column, { key: each.name, column: each, ...about });
  return h(
    "section",
    { class: "section debate", "aria-label": title },
    h("h3", {}, title),
    !discussion.isEmpty &&
      h(
        "div",
        { class: "participants", id: "participants", "aria-busy": String(!isOver(task.status)) },
        h("div", { class: `debate-columns of-${Math.min(columns.length, 4)}` }, columns.map(draw)),
        closing.length > 0 && h("div", { class: "debate-closing" }, closing.map(draw)),
      ),
    decision && h(Decision, { decision }),
  );
}

function Column({ column, discussion, costs, details, isLive }) {
  const last = column.steps.at(-1);
  const models = [...new Set(column.steps.map((each) => each.model).filter(Boolean))];
  const role = column.steps.find((each) => each.role)?.role;
  const known = column.steps.map((each) => (each.isTask ? details.children?.find((child) => child.id === each.childId)?.cost_usd : costs.get(each.id)));
  const cost = known.some((each) => each === null || each === undefined) ? null : known.reduce((sum, each) => sum + Number(each), 0);
  return h(
    "article",
    { class: `participant ${last.status}`, "aria-label": column.name },
    h(
      "div",
      {},
      h("h4", {}, column.name),
      h(
        "p",
        { class: "says" },
        last.childId && h("a", { href: `#/tasks/${last.childId}` }, "child task"),
        models.map((each) => h("span", { key: each, class: "model" }, each)),
        role && h("span", { class: "role" }, role),
        h("span", { class: `status ${last.status}` }, last.status),
        isOver(last.status) && h("span", { class: "figure" }, money(cost)),
      ),
    ),
    column.steps.map((each, number) => h(Round, { key: each.id, step: each, number: column.steps.length > 1 ? number + 1 : null, discussion, details, isLive })),
  );
}

function Round({ step, number, discussion, details, isLive }) {
  return h(
    "div",
    { class: "round", role: "group", "aria-label": number === null ? step.agent : `Round ${number}` },
    number !== null && h("h5", {}, `Round ${number}`),
    step.notice && h("p", { class: "note" }, step.notice),
    step.isAnswer && h("p", { class: "note" }, "Writes the answer."),
    h(Turns, { turns: discussion.transcript.getTurns(step.id), getCallState: (call) => (step.taskId === details.task.id ? readCallState(call, details) : isOver(step.status) ? "ended" : "running"), isLive, isReadable: true }),
  );
}

/** Return what ended steps have cost, by id; those of child tasks are read when one has ended. */
function useCosts({ task, attempts }, columns) {
  const [read, setRead] = useState(new Map());
  const others = columns.flatMap((each) => each.steps).filter((each) => each.taskId !== task.id && isOver(each.status));
  const wanted = others.map((each) => `${each.taskId} ${each.id}`).join("\n");
  useEffect(() => {
    let isStopped = false;
    const ids = new Set(wanted.split("\n").filter(Boolean).map((each) => each.split(" ")[0]));
    Promise.all([...ids].map((id) => get(`/tasks/${id}`))).then(
      (found) => isStopped || setRead(sumCosts(found.flatMap((each) => each.attempts))),
      () => {}, // the next end of a step reads them again
    );
    return () => (isStopped = true);
  }, [wanted]);
  return useMemo(() => new Map([...read, ...sumCosts(attempts)]), [read, attempts]);
}

function sumCosts(attempts) {
  const byStep = new Map();
  for (const each of attempts) byStep.set(each.subtask_id, [...(byStep.get(each.subtask_id) ?? []), each]);
  return new Map([...byStep].map(([id, own]) => [id, addCosts(own)]));
}
