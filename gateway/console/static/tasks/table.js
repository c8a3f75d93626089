// The table of tasks; on a phone its rows are cards.

import { cost, count, isOver, milliseconds, money } from "/console/lib/format.js";
import { clip } from "/console/lib/json_view.js";
import { go } from "/console/lib/route.js";
import { Time } from "/console/tasks/times.js";
import { h } from "/console/vendor/preact.js";

const PROMPT = 240;

/** `asking` are the ids of tasks that wait for the reader. `selection` has `has(id)`, `toggle(task, isRange)`, `togglePage()` and `isPage`. Columns without a value are left out. */
export function TaskTable({ tasks, selection, asking, at, isExact, isStale, isOperator, onFlipTimes }) {
  const hasLabels = tasks.some((task) => task.project || task.tags?.length);
  const columns = [
    ["Status", "status"],
    ["Prompt", "prompt"],
    ["Type", "type"],
    ["Model", "model"],
    hasLabels ? ["Project, tags", "labels"] : null,
    isOperator && tasks.some((task) => task.owner) ? ["Owner", "owner"] : null,
    ["Cost", "cost"],
    ["Tokens", "tokens"],
    [h("button", { type: "button", class: "plain", title: isExact ? "Show how long ago" : "Show exact times", onClick: onFlipTimes }, "Created"), "created"],
    [h("span", { title: "From the first work on it to its end. Waits in between, for people and before retries, are part of it." }, "Took"), "took"],
  ].filter(Boolean);
  const shown = new Set(columns.map(([, name]) => name));
  return h(
    "table",
    { id: "tasks", class: isExact ? "task-table exact" : "task-table", role: "table", "aria-label": "Tasks, the newest first", "aria-busy": String(isStale) },
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        h("th", { role: "columnheader", scope: "col", class: "c-pick" }, h("label", {}, h("input", { type: "checkbox", "aria-label": "Select all on this page", checked: selection.isPage, onChange: selection.togglePage }))),
        columns.map(([label, name]) => h("th", { key: name, role: "columnheader", scope: "col", class: `c-${name}` }, label)),
      ),
    ),
    h("tbody", { role: "rowgroup" }, tasks.map((task) => h(Row, { key: task.id, task, shown, isSelected: selection.has(task.id), isAsking: asking.has(task.id), selection, at, isExact }))),
  );
}

function Row({ task, shown, isSelected, isAsking, selection, at, isExact }) {
  const title = clip(task.prompt.trimStart().split("\n", 1)[0], PROMPT) || "(an empty prompt)";
  const cell = (name, ...children) => (shown.has(name) ? h("td", { role: "cell", class: `c-${name}` }, children) : null);
  const onPick = (event) => {
    event.preventDefault(); // the state decides what is checked
    selection.toggle(task, event.shiftKey);
  };
  const onClick = (event) => {
    if (event.target.closest("a, button, label, input") || getSelection().toString()) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey) selection.toggle(task, event.shiftKey);
    else go(`#/tasks/${task.id}`);
  };
  return h(
    "tr",
    { role: "row", class: isSelected ? "selected" : "", "data-id": task.id, onClick, onMouseDown: (event) => event.shiftKey && event.preventDefault() },
    h("td", { role: "cell", class: "c-pick" }, h("label", {}, h("input", { type: "checkbox", checked: isSelected, "aria-label": `Select ${title}`, onClick: onPick }))),
    cell("status", isAsking ? h("span", { class: "status waiting" }, "asks you") : h("span", { class: `status ${task.status}` }, task.status)),
    cell("prompt", h("a", { class: "title", href: `#/tasks/${task.id}`, title: clip(task.prompt, 300) }, title)),
    cell("type", clip(task.type, 40)),
    cell("model", h("span", { title: `Asked for: ${task.model ?? "auto"}` }, clip(nameModel(task), 60))),
    cell("labels", h(Labels, { task })),
    cell("owner", task.owner ? h("span", { title: task.owner }, task.owner.slice(0, 8)) : null),
    cell("cost", task.simulated ? h("span", { title: cost(task) }, money(task.cost_usd), h("span", { class: "simulated" }, " simulated")) : money(task.cost_usd)),
    cell("tokens", h(Tokens, { task })),
    cell("created", h(Time, { iso: task.created_at, at, isExact })),
    cell("took", h(Duration, { task, at })),
  );
}

/** The model that wrote the result, else the one that was asked for. */
const nameModel = ({ result, model }) => (typeof result?.model_used === "string" ? result.model_used : (model ?? "auto"));

function Labels({ task }) {
  const tags = task.tags ?? [];
  return [
    task.project ? h("a", { class: "label project", href: `#/tasks?project=${encodeURIComponent(task.project)}` }, clip(task.project, 40)) : null,
    tags.slice(0, 4).map((tag) => h("a", { key: tag, class: "label", href: `#/tasks?tag=${encodeURIComponent(tag)}` }, clip(tag, 30))),
    tags.length > 4 ? h("span", { class: "note", title: tags.join(", ") }, `+${tags.length - 4}`) : null,
  ];
}

function Tokens({ task }) {
  const read = (task.input_tokens ?? 0) + (task.cached_tokens ?? 0);
  const written = task.output_tokens ?? 0;
  if (!read && !written) return "–";
  return h("span", { title: `${count(read)} read, ${count(written)} written` }, shorten(read + written));
}

const shorten = (value) => (value < 10_000 ? count(value) : `${new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value)}`);

/** How long a task took from the first work on it, or has taken until now. Rows do not tell how much of it were waits in between. */
function Duration({ task: { status, created_at: created, started_at: started, finished_at: finished }, at }) {
  if (!started) return h("span", { title: isOver(status) ? "No work on it began." : "No work on it has begun." }, "–");
  const before = `Created ${milliseconds(Math.max(0, new Date(started) - new Date(created)))} before work on it began.`;
  if (finished) return h("span", { title: `${before} Waits in between are part of it.` }, milliseconds(new Date(finished) - new Date(started)));
  const seconds = Math.max(0, Math.floor((at - new Date(started)) / 1_000));
  return h("span", { title: `${before} Until now; waits in between are part of it.` }, milliseconds(seconds * 1_000));
}
