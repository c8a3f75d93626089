// Dead letters: subtasks that failed for good, by reason and one by one; all that match are retried, or one.

import { Button, More, Operate, plural, Reading, Table, useWindow, When } from "/console/operate/parts.js";
import { useAsked } from "/console/operate/dialog.js";
import { countLetters, FILTERS, narrow, sumGroups } from "/console/operate/dead_words.js";
import { post } from "/console/lib/api.js";
import { nameError } from "/console/lib/error_words.js";
import { explain, firstLine, milliseconds } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { usePages } from "/console/lib/pages.js";
import { buildAddress, changeQuery } from "/console/lib/route.js";
import { Said } from "/console/lib/said.js";
import { BulkDialog } from "/console/tasks/bulk.js";
import { QuickTimes } from "/console/tasks/failed.js";
import { readTimes } from "/console/tasks/filters.js";
import { h, useMemo, useState } from "/console/vendor/preact.js";

const EVERY_MS = 5_000;
const MINUTE_MS = 60_000;

export function Page({ query }) {
  const minute = Math.floor(Date.now() / MINUTE_MS); // a time that moves on is read anew each minute
  const period = useMemo(() => readTimes(query, (minute + 1) * MINUTE_MS), [String(query), minute]);
  const chosen = Object.fromEntries(FILTERS.map(([name]) => [name, query.get(name)]).filter(([, value]) => value));
  const filter = { ...period, ...chosen };
  const read = usePages(buildAddress("/dead-letters", { limit: 100, ...filter }).slice(1), "dead_letters", { every: EVERY_MS });
  const grouped = useData(buildAddress("/dead-letters/groups", period).slice(1), { every: 2 * EVERY_MS });
  const groups = grouped.data?.groups ?? [];
  const count = countLetters(groups, chosen);
  const [retried, retry] = useState(null);
  useAsked(query, "do", grouped.data ? () => retry({ filter }) : null);
  const reload = () => (read.reload(), grouped.reload());
  return h(
    Operate,
    { path: "/dead", title: "Dead letters" },
    h("p", { class: "note" }, "Steps of tasks that failed for good, at the time of their end."),
    h("div", { class: "failed-bar" }, h(QuickTimes, { query }), h("span", {}, count > 0 && h("button", { type: "button", onClick: () => retry({ filter }) }, count === 1 ? "Retry it…" : `Retry all ${count.toLocaleString("en")}…`))),
    h(Reading, { of: grouped, what: "the reasons" }),
    h(Reading, { of: read, what: "the dead letters" }),
    grouped.data && (groups.length ? [
      h(Groups, { groups, chosen, onRetry: (error) => retry({ filter: { ...period, ...chosen, error_class: error } }) }),
      h("div", { class: "filters", role: "search" }, FILTERS.slice(1).map(([name, label]) => h(Filter, { key: name, name, label, groups: narrow(groups, { ...chosen, [name]: null }), chosen: chosen[name] ?? "" }))),
    ] : h("p", { class: "note" }, query.get("time") ? "There are none of this time." : "There are none: nothing has failed for good.")),
    read.rows.length > 0 && h(Table, { caption: "List of dead letters", columns: ["Task", "Step", "Lane", "Why", "Tried", "Died", ""] }, read.rows.map((each) => h(Letter, { key: each.subtask_id, each, onRetry: () => retry({ ids: [each.task_id] }) }))),
    h(More, { of: read }),
    retried && h(BulkDialog, { action: "retry", ids: retried.ids ?? null, find: retried.filter && ((before) => post("/dead-letters/retry", { filter: retried.filter, before, dry_run: true })), onClose: (isDone) => (retry(null), isDone && reload()) }),
  );
}

/** The reasons, the most frequent first. */
function Groups({ groups, chosen, onRetry }) {
  const sums = sumGroups(narrow(groups, { ...chosen, error_class: null }));
  const [shown, more] = useWindow(sums, 10);
  return [
    h(Table, { caption: "Dead letters by reason", columns: ["Why", "Dead letters", "Lanes", "Last", ""] }, shown.map(({ error, letters, lanes, last }) => h(
      "tr",
      { key: error, "data-reason": error },
      h("th", { scope: "row" }, h("button", { type: "button", class: "plain", title: error, "aria-pressed": String(chosen.error_class === error), onClick: () => changeQuery({ error_class: chosen.error_class === error ? null : error }) }, clip(nameError(error), 80))),
      h("td", { class: "figure" }, letters.toLocaleString("en")),
      h("td", { class: "words" }, lanes.slice(0, 3).map((each) => clip(each, 60)).join(", "), lanes.length > 3 && ` and ${lanes.length - 3} more`),
      h("td", {}, h(When, { at: last })),
      h("td", { class: "buttons" }, h(Button, { label: letters === 1 ? "Retry it…" : `Retry these ${letters.toLocaleString("en")}…`, name: `Retry the ${letters} of ${clip(nameError(error), 80)}`, onClick: () => onRetry(error) })),
    ))),
    more,
  ];
}

function Filter({ name, label, groups, chosen }) {
  const counts = new Map();
  for (const each of groups) counts.set(each[name], (counts.get(each[name]) ?? 0) + each.letters);
  if (chosen && !counts.has(chosen)) counts.set(chosen, 0);
  const options = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return h("label", {}, label, h("select", { onChange: (event) => changeQuery({ [name]: event.currentTarget.value }) }, h("option", { value: "", selected: !chosen }, "all"), options.map(([value, times]) => h("option", { key: value, value, selected: value === chosen }, `${clip(value, 60)} (${times.toLocaleString("en")})`))));
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
    h("td", { class: "words" }, h("strong", { title: each.error_class }, clip(nameError(each.error_class), 60)), h("small", {}, h(Said, { text: clip(explain(error), 400) }))),
    h("td", {}, each.attempts.length ? h("details", {}, h("summary", {}, tries || plural(each.attempts.length, "attempt")), h("ol", { class: "lines" }, each.attempts.map((attempt, place) => h(Attempt, { key: place, attempt, place, hint: error?.hint })))) : tries || "never"),
    h("td", {}, h(When, { at: each.dead_at })),
    h("td", { class: "buttons" }, h(Button, { label: "Retry", name: `Retry task ${each.task_id.slice(0, 8)}`, onClick: onRetry })),
  );
}

function Attempt({ attempt, place, hint }) {
  const { agent_id: agent, model_id: model, outcome, error, claimed_at: begun, ended_at: ended } = attempt;
  const took = begun && ended ? milliseconds(new Date(ended) - new Date(begun)) : null;
  const words = [model, agent?.split("@")[0], outcome, took, error && explain(error, hint)].filter(Boolean).map((each) => clip(String(each), 200));
  return h("li", {}, h(Said, { text: `${place + 1}. ${words.join(" · ")}` }));
}
