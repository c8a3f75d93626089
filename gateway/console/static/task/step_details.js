// What is known of one row of the waterfall: its report, answer, prompt, error, or its figures.

import { nameError } from "/console/lib/error_words.js";
import { count, explain, milliseconds, moment, money } from "/console/lib/format.js";
import { Json, LongText } from "/console/lib/json_view.js";
import { Said } from "/console/lib/said.js";
import { buildAddress } from "/console/lib/route.js";
import { canFork } from "/console/task/fork.js";
import { Report } from "/console/task/verification.js";
import { h } from "/console/vendor/preact.js";

/** `hint` is shown on the page already. */
export function RowDetails({ row, selections = [], hint = null }) {
  if (row.kind === "step") return h(StepDetails, { row, selections, hint });
  if (row.kind === "attempt") return h(AttemptDetails, { row, hint });
  return row.kind === "tool" ? h(ToolDetails, { row }) : h(CallDetails, { row });
}

function StepDetails({ row, selections, hint }) {
  const { subtask } = row.step;
  const output = subtask.output ?? {};
  const data = output.data ?? null;
  const isPlain = subtask.kind === "ask" || subtask.kind === "check";
  const reason = selections.find((each) => each.subtask_id === subtask.id)?.reason;
  const found = [
    subtask.metadata?.reused && h("p", { class: "note" }, "Taken over from ", h("a", { href: `#/tasks/${subtask.metadata.reused.task_id}` }, "the task that this one was forked from"), ". Its cost is not counted again."),
    canFork(subtask) && h("p", {}, h("a", { class: "action", href: buildAddress(`/tasks/${subtask.task_id}`, { step: subtask.key, fork: subtask.key }) }, "Fork from here")),
    subtask.error && h("p", { class: "problem" }, h(Said, { text: explain(subtask.error, hint) })),
    subtask.child_task_id && h("p", {}, h("a", { href: `#/tasks/${subtask.child_task_id}` }, "Open the child task")),
    reason && h("p", { class: "note" }, reason),
    subtask.params?.question && h("p", {}, String(subtask.params.question)),
    output.report && h("p", {}, String(output.text ?? output.report.verdict)),
    output.report && h(Report, { report: output.report, isOpen: true }),
    isPlain && output.text && !output.report && h(LongText, { text: String(output.text) }),
    isPlain && data !== null && !output.report && h(Json, { value: data }),
    !isPlain && subtask.output && h(Json, { value: output }),
    subtask.kind === "ask" &&
      subtask.params?.prompt &&
      h("details", {}, h("summary", {}, "What was asked"), h(LongText, { text: String(subtask.params.prompt) })),
  ].filter(Boolean);
  return h("div", { class: "step" }, h(Facts, { facts: listStepFacts(row) }), found.length ? found : h("p", { class: "note" }, "There is nothing else to show yet."));
}

function listStepFacts({ step, worked, waited, tries }) {
  const { subtask } = step;
  return [
    ["Role", subtask.metadata?.role],
    ["Made", moment(subtask.created_at)],
    ["Worked", milliseconds(worked)],
    ["Waited", waited >= 1 ? milliseconds(waited) : null],
    ["Attempts", tries > 1 ? String(tries) : null],
    ["Agent", subtask.agent_id?.split("@")[0]],
  ];
}

function AttemptDetails({ row, hint }) {
  const { agent_id: agent, lane, claimed_at: at, first_token_ms: first, input_tokens: read, output_tokens: written, finish_reason: reason } = row.row;
  const facts = [
    ["Agent", agent?.split("@")[0]], ["Lane", lane], ["Began", moment(at)], ["First token", first === null ? null : milliseconds(first)],
    ["Tokens", `${count(read)} read, ${count(written)} written`], ["Finish reason", reason],
  ];
  return h("div", { class: "step" }, row.error && h("p", { class: "problem" }, h(Said, { text: explain(row.error, hint) })), h(Facts, { facts }));
}

function CallDetails({ row }) {
  const { call } = row.part;
  const facts = [
    ["Model", call.model_id], ["Provider", call.provider], ["Began", moment(call.started_at)], ["Took", milliseconds(row.worked)],
    ["First token", call.first_token_ms === null ? null : milliseconds(call.first_token_ms)],
    ["Tokens", `${count(call.input_tokens)} read, ${count(call.cached_tokens)} of a cache, ${count(call.output_tokens)} written`],
    ["Cost", money(call.cost_usd)], ["Error", call.error_class && nameError(call.error_class)], ["", call.simulated ? "The vendor simulator answered." : null],
  ];
  return h("div", { class: "step" }, h(Facts, { facts }));
}

function ToolDetails({ row }) {
  const { call } = row.part;
  return h("div", { class: "step" }, h(Facts, { facts: [["Tool", call.tool], ["Began", moment(call.started_at)], ["Took", milliseconds(row.worked)], ["Outcome", call.status ?? "running"]] }));
}

function Facts({ facts }) {
  const known = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return known.length ? h("dl", { class: "facts" }, known.map(([name, value]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, value)))) : null;
}
