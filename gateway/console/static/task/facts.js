// The facts of a task, and what can be done with it.

import { post } from "/console/lib/api.js";
import { CopyButton } from "/console/lib/copy.js";
import { byId } from "/console/lib/dom.js";
import { between, cost, count, isOver, moment, money } from "/console/lib/format.js";
import { Said } from "/console/lib/said.js";
import { h, useState } from "/console/vendor/preact.js";

const MOST_MODELS = 3;

/** Name the model that was asked for, and those that were tried. */
export function nameModels({ model }, attempts) {
  const asked = model ?? "auto";
  const tried = [...new Set(attempts.map((each) => each.model_id))].filter((each) => each && each !== asked);
  if (!tried.length) return asked;
  const more = tried.length - MOST_MODELS;
  return `${asked}: ${tried.slice(0, MOST_MODELS).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

export function Facts({ task, attempts }) {
  const budget = Number(task.budget_usd);
  const facts = [
    ["Type", task.type],
    ["Model", nameModels(task, attempts)],
    ["Preference", task.preferences?.preference ?? "balanced"],
    ["Submitted", moment(task.created_at)],
    ["Took", between(task.created_at, task.finished_at)],
    ["Tokens", `${count(task.input_tokens + task.cached_tokens)} read, ${count(task.output_tokens)} written`],
    [
      "Cost",
      task.budget_usd === null ? cost(task) : `${cost(task)} of ${money(budget)}`,
      budget > 0 && h("meter", { min: 0, max: budget, high: budget * 0.8, value: Number(task.cost_usd ?? 0), "aria-label": "Cost against budget" }),
    ],
    ["Id", h("code", {}, task.id)],
  ];
  return h("dl", { class: "facts" }, facts.map(([name, ...value]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, value))));
}

export function Actions({ task }) {
  const [state, setState] = useState({ pressed: null, problem: null });
  const command = `cogo show ${task.id}`;
  const run = async ([action, label, body]) => {
    setState({ pressed: label, problem: null });
    try {
      await post(`/tasks/${task.id}/${action}`, body);
      if (action === "feedback") byId("news").textContent = `Saved: ${label.toLowerCase()}. You can change it.`;
    } catch (error) {
      setState({ pressed: null, problem: error.message });
    }
  };
  return h(
    "p",
    { class: "actions" },
    listActions(task).map((each) => h("button", { key: each[1], type: "button", class: "quiet", disabled: state.pressed === each[1], onClick: () => run(each) }, each[1])),
    state.problem && h("span", { class: "problem", role: "alert" }, h(Said, { text: state.problem })),
    h("a", { class: "action", href: `#/ask?from=${task.id}`, title: "A new task like this one (a)" }, "Ask again"),
    isOver(task.status) && h("a", { class: "action", href: `#/tasks/${task.id}?fork=`, title: "A new task that does one of the steps anew" }, "Fork from a step…"),
    h(CopyButton, { label: "Copy command", what: command, getText: () => command, class: "quiet command", title: `Copy: ${command}` }),
  );
}

function listActions(task) {
  if (task.status === "failed") return [["redrive", "Retry"]];
  if (task.status === "completed") return [["feedback", "Good answer", { score: 1 }], ["feedback", "Bad answer", { score: 0 }]];
  if (isOver(task.status)) return [];
  return [task.status === "held" ? ["resume", "Resume"] : ["pause", "Hold"], ["cancel", "Cancel"]];
}
