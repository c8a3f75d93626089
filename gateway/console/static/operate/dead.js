// Dead letters: subtasks that failed for good, why, and after how many tries; retried one by one, or all that match.

import { useChanges } from "/console/operate/dialog.js";
import { Button, More, Operate, plural, Problem, Reading, Table, When } from "/console/operate/parts.js";
import { post } from "/console/lib/api.js";
import { explain, firstLine, milliseconds } from "/console/lib/format.js";
import { clip } from "/console/lib/json_view.js";
import { usePages } from "/console/lib/pages.js";
import { changeQuery } from "/console/lib/route.js";
import { h, useState } from "/console/vendor/preact.js";

const EVERY_MS = 5_000;
const MOST = 1_000;
const FILTERS = [["reason", "Why", (each) => findError(each)?.class ?? "unknown"], ["lane", "Lane", (each) => each.lane], ["type", "Type", (each) => each.type]];

export function Page({ query }) {
  const read = usePages("/dead-letters?limit=200", "dead_letters", { every: EVERY_MS });
  const [dialog, ask] = useChanges(read.reload);
  const [problem, setProblem] = useState(null);
  const found = read.rows.filter((each) => FILTERS.every(([name, , value]) => !query.get(name) || value(each) === query.get(name)));
  const retry = async (letters) => {
    setProblem(null);
    const ids = [...new Set(letters.map((each) => each.task_id))].slice(0, MOST);
    try {
      const tried = await post("/tasks/bulk", { action: "retry", ids, dry_run: true });
      ask({
        title: ids.length === 1 ? "Retry a task" : `Retry ${plural(ids.length, "task")}`,
        say: () => sayRetry(tried, letters.length),
        confirm: "Retry",
        run: ({ reason }) => post("/tasks/bulk", { action: "retry", ids, reason }),
        done: ({ done }) => `${plural(done.length, "task runs", "tasks run")} again.`,
      });
    } catch (error) {
      setProblem(error);
    }
  };
  return h(
    Operate,
    { path: "/dead", title: "Dead letters" },
    h(Reading, { of: read, what: "the dead letters" }),
    h(Problem, { error: problem }),
    !read.isLoading && !read.error && !read.rows.length && h("p", { class: "note" }, "There are none: nothing has failed for good."),
    read.rows.length > 0 && [
      h("div", { class: "filters", role: "search" }, FILTERS.map(([name, label, value]) => h(Filter, { name, label, values: read.rows.map(value), chosen: query.get(name) ?? "" }))),
      h("p", { class: "actions" }, h(Button, { label: `Retry all that are shown (${found.length})`, onClick: () => retry(found), disabled: !found.length }), h("span", { class: "note" }, read.isMore ? "More are read by “Show more”." : "")),
      h(Table, { caption: "List of dead letters", columns: ["Task", "Step", "Lane", "Why", "Tried", "Died", ""] }, found.map((each) => h(Letter, { key: each.subtask_id, each, onRetry: () => retry([each]) }))),
    ],
    h(More, { of: read }),
    dialog,
  );
}

function sayRetry({ done, skipped }, letters) {
  const reasons = [...new Set(skipped.map((each) => each.reason))].slice(0, 3).map((each) => clip(each, 200));
  return [
    done.length ? `${plural(done.length, "task runs", "tasks run")} again from ${letters === 1 ? "the step" : "the steps"} that failed, with fresh limits; steps that are done are kept. New calls cost anew.` : "None of them can run again.",
    skipped.length > 0 && `${plural(skipped.length, "task stays", "tasks stay")} as ${skipped.length === 1 ? "it is" : "they are"}: ${reasons.join("; ")}.`,
  ];
}

function Filter({ name, label, values, chosen }) {
  const counts = new Map();
  for (const each of values) counts.set(each, (counts.get(each) ?? 0) + 1);
  const options = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return h("label", {}, label, h("select", { onChange: (event) => changeQuery({ [name]: event.currentTarget.value }) }, h("option", { value: "" }, "all"), options.map(([value, times]) => h("option", { value, selected: value === chosen }, `${clip(value, 60)} (${times})`))));
}

/** What a dead letter ended with: its own error, else that of its last try. */
function findError({ error, attempts }) {
  return error ?? attempts.at(-1)?.error ?? null;
}

function Letter({ each, onRetry }) {
  const error = findError(each);
  const tries = [each.failures && plural(each.failures, "failure"), each.reaps && plural(each.reaps, "lost lease")].filter(Boolean).join(", ");
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { class: "id", href: `#/tasks/${each.task_id}` }, each.task_id.slice(0, 8)), h("small", {}, clip(each.type, 60)), each.prompt && h("small", {}, clip(firstLine(each.prompt, 80), 80))),
    h("td", {}, clip(each.key, 60), each.on_failure === "continue" && h("small", {}, "its task went on")),
    h("td", {}, clip(each.lane, 80)),
    h("td", { class: "words" }, h("strong", {}, clip(error?.class ?? "unknown", 60)), h("small", {}, clip(explain(error), 400))),
    h("td", {}, each.attempts.length ? h("details", {}, h("summary", {}, tries || plural(each.attempts.length, "attempt")), h("ol", { class: "lines" }, each.attempts.map(describeAttempt))) : tries || "never"),
    h("td", {}, h(When, { at: each.dead_at })),
    h("td", { class: "buttons" }, h(Button, { label: "Retry", name: `Retry task ${each.task_id.slice(0, 8)}`, onClick: onRetry })),
  );
}

function describeAttempt(attempt, place) {
  const { agent_id: agent, model_id: model, outcome, error, claimed_at: begun, ended_at: ended } = attempt;
  const took = begun && ended ? milliseconds(new Date(ended) - new Date(begun)) : null;
  const words = [model, agent?.split("@")[0], outcome, took, error && explain(error)].filter(Boolean).map((each) => clip(String(each), 200));
  return h("li", { key: place }, `${place + 1}. ${words.join(" · ")}`);
}
