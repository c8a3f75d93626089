// The sections of a task's page, its facts, and what can be done with it.

import { post } from "/console/lib/api.js";
import { copyByButton } from "/console/lib/copy.js";
import { byId, h } from "/console/lib/dom.js";
import { between, cost, count, isOver, moment, money } from "/console/lib/format.js";
import { AnswerText } from "/console/task/answer_text.js";

export const note = (text) => h("p", { class: "note" }, text);

/** Build the sections of a task; the parts are filled in later. */
export function buildSections(waterfall, plan, approvals, result, debate) {
  const parts = {
    prompt: h("p", { class: "prompt", tabindex: 0 }),
    files: h("ul", { class: "files", "aria-label": "Attached files", hidden: true }),
    status: h("span", {}),
    simulated: h("p", { class: "note simulated", hidden: true }, "The vendor simulator answered. No model was called, and nothing was spent."),
    facts: h("dl", { class: "facts" }),
    actions: h("p", { class: "actions" }),
    problem: h("p", { class: "problem", hidden: true }),
    badge: h("span", { id: "badge", hidden: true }),
    relatives: h("div", {}),
    answerNote: note(""),
    answer: h("div", { id: "answer" }),
    result: h("pre", { id: "result", class: "text", tabindex: 0 }),
    tools: h("div", {}),
    code: h("div", { id: "code" }),
    compare: h("div", { class: "part-of-task" }),
    whole: h("div", { class: "part-of-task" }),
    verification: h("div", { class: "wide" }),
    attempts: h("div", {}),
    selections: h("div", {}),
    history: h("div", {}),
  };
  parts.approvalsSection = section("Questions", approvals);
  parts.planSection = section("Plan", plan);
  parts.relativesSection = section("Related tasks", parts.relatives);
  parts.verificationSection = section("Verification", parts.verification);
  parts.resultText = new AnswerText(parts.result);
  parts.root = h(
    "div",
    {},
    h("a", { class: "back", href: "#/" }, "‹ All tasks"),
    h("h2", { class: "unseen" }, "Task"),
    h("header", {}, h("p", { role: "status" }, parts.status, parts.badge), parts.actions),
    parts.prompt,
    parts.files,
    parts.problem,
    parts.simulated,
    parts.facts,
    parts.approvalsSection,
    section("Answer", parts.tools, parts.answerNote, parts.answer, parts.resultText.root, parts.code, result),
    section("Steps", waterfall),
    parts.planSection,
    debate,
    parts.verificationSection,
    parts.relativesSection,
    h("details", { class: "section", open: true }, h("summary", {}, "Model selection"), parts.selections),
    section("Attempts", parts.attempts),
    parts.compare,
    h("details", { class: "section" }, h("summary", {}, "History"), parts.history),
    parts.whole,
  );
  return parts;
}

function section(title, ...children) {
  return h("section", { class: "section", "aria-label": title }, h("h3", {}, title), ...children);
}

export function buildFacts(task) {
  const budget = Number(task.budget_usd);
  const tokens = `${count(task.input_tokens + task.cached_tokens)} read, ${count(task.output_tokens)} written`;
  return [
    fact("Type", task.type),
    fact("Model", task.model ?? "auto"),
    fact("Preference", task.preferences?.preference ?? "balanced"),
    fact("Submitted", moment(task.created_at)),
    fact("Took", between(task.created_at, task.finished_at)),
    fact("Tokens", tokens),
    fact(
      "Cost",
      task.budget_usd === null ? cost(task) : `${cost(task)} of ${money(budget)}`,
      budget > 0
        ? h("meter", { min: 0, max: budget, high: budget * 0.8, value: Number(task.cost_usd ?? 0), "aria-label": "Cost against budget" })
        : null,
    ),
    fact("Id", h("code", {}, task.id)),
  ];
}

function confirmRating(button) {
  for (const each of button.parentElement.querySelectorAll("button")) each.disabled = each === button;
  byId("news").textContent = `Saved: ${button.textContent.toLowerCase()}. You can change it.`;
}

const fact = (name, value, more = null) => h("div", {}, h("dt", {}, name), h("dd", {}, value, more));

export function buildActions(task) {
  const command = `cogo show ${task.id}`;
  return [
    ...listActions(task).map(([action, label, body]) =>
      h("button", { type: "button", class: "quiet", onclick: (event) => runAction(event.target, task.id, action, body) }, label),
    ),
    h("a", { class: "action", href: `#/ask?from=${task.id}`, title: "A new task like this one (a)" }, "Ask again"),
    isOver(task.status) && h("a", { class: "action", href: `#/tasks/${task.id}?fork=`, title: "A new task that does one of the steps anew" }, "Fork from a step…"),
    h("button", { type: "button", class: "quiet command", title: `Copy: ${command}`, onclick: ({ currentTarget }) => copyByButton(currentTarget, command, command) }, "Copy command"),
  ].filter(Boolean);
}

function listActions(task) {
  if (task.status === "failed") return [["redrive", "Retry"]];
  if (task.status === "completed") return [["feedback", "Good answer", { score: 1 }], ["feedback", "Bad answer", { score: 0 }]];
  if (isOver(task.status)) return [];
  return [task.status === "held" ? ["resume", "Resume"] : ["pause", "Hold"], ["cancel", "Cancel"]];
}

async function runAction(button, id, action, body) {
  button.disabled = true;
  try {
    await post(`/tasks/${id}/${action}`, body);
    if (action === "feedback") confirmRating(button);
  } catch (error) {
    button.disabled = false;
    byId("news").textContent = error.message;
    button.after(h("span", { class: "problem", role: "alert" }, error.message));
  }
}
