// The parts of a question to a person: who is asked and until when, what it is about, and the form.

import { describeApprovers, isQuestion, nameKind } from "/console/inbox/words.js";
import { Countdown } from "/console/lib/countdown.js";
import { clock, firstLine, money } from "/console/lib/format.js";
import { clip, Json, LongText, showControls } from "/console/lib/json_view.js";
import { When } from "/console/operate/parts.js";
import { h, useRef } from "/console/vendor/preact.js";

/** Who may answer, since when and until when it waits, and what an approval may cost. */
export function Asked({ approval, hasLinks = false }) {
  const { task_id: taskId, key, asked_at: askedAt, cost_usd: cost, expires_at: expiresAt, escalate_at: escalateAt, prompt, project } = approval;
  const { on_expiry: onExpiry, escalate_to: escalateTo, escalated_at: escalatedAt } = approval;
  return h(
    "p",
    { class: "asked" },
    h("span", { class: "status waiting" }, nameKind(approval)),
    hasLinks && h("a", { href: `#/tasks/${taskId}` }, describeStep(key, prompt ? `“${clip(firstLine(prompt, 80), 80)}”` : `task ${taskId.slice(0, 8)}`)),
    hasLinks && project && h("span", {}, `project ${clip(project, 60)}`),
    askedAt && h("span", {}, "asked ", h(When, { at: askedAt })),
    h("span", {}, `for ${describeApprovers(approval)}`),
    escalatedAt && h("span", {}, `passed on at ${clock(escalatedAt)}`),
    !escalatedAt && escalateAt && h("span", {}, "then asks ", escalateTo === "operators" ? "operators " : "somebody else ", h(Countdown, { iso: escalateAt })),
    cost !== null && cost !== undefined && h("span", {}, `may cost ${money(cost)}`),
    expiresAt && h("span", { class: "urgent" }, onExpiry === "approve" ? "approved " : "refused ", h(Countdown, { iso: expiresAt }), " without an answer"),
  );
}

/** Name the step that asks; a task of one step has only that. */
function describeStep(key, task) {
  const [step] = key.split("/");
  return step === "main" ? task : `step ${clip(step, 60)} of ${task}`;
}

/** Approve or Refuse, with a comment. */
export function Decision({ text, onType, onSend, isSending }) {
  return [
    h("label", {}, "Comment (optional)", h("input", { type: "text", maxlength: 10_000, autocomplete: "off", value: text, onInput: (event) => onType(event.currentTarget.value) })),
    h(
      "p",
      { class: "actions" },
      h("button", { type: "button", disabled: isSending, onClick: () => onSend(true, text) }, "Approve"),
      h("button", { type: "button", class: "quiet", disabled: isSending, onClick: () => onSend(false, text) }, "Refuse"),
    ),
  ];
}

/** A text for the answer, and buttons for the usual ones. */
export function Answer({ show: shown, text, onType, onSend, isSending }) {
  const field = useRef(null);
  const given = Array.isArray(shown?.choices) ? shown.choices.slice(0, 20).map(String) : [];
  const submit = () => (text.trim() ? onSend(true, text) : field.current.focus());
  const onKeyDown = (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && submit();
  const quick = given.length ? given.map((each) => [showControls(each), true, each]) : [["Yes", true, ""], ["No", false, ""]];
  return [
    h("p", { class: "actions choices-given" }, quick.map(([label, isYes, said], place) => h("button", { key: place, type: "button", class: "quiet", disabled: isSending, onClick: () => onSend(isYes, said) }, label))),
    h("label", {}, given.length ? "Another answer" : "Your answer", h("textarea", { ref: field, rows: 2, maxlength: 10_000, value: text, onInput: (event) => onType(event.currentTarget.value), onKeyDown })),
    h("p", { class: "actions" }, h("button", { type: "button", disabled: isSending, onClick: submit }, "Send answer")),
  ];
}

/** What it is about; nothing if the question says it all. */
export function Shown({ approval }) {
  const { show: shown } = approval;
  if (shown === null || shown === undefined || isQuestion(approval)) return null;
  if (approval.kind === "budget" && typeof shown === "object") return h(Cap, { cap: shown });
  if (typeof shown === "string") return h("div", { "aria-label": "What it is about", role: "group" }, h(LongText, { text: shown }));
  const isCall = Boolean(approval.call_id) && typeof shown.arguments === "object" && shown.arguments !== null;
  if (!isCall) return h("div", { "aria-label": "What it is about", role: "group" }, h(Json, { value: shown }));
  if (!Object.keys(shown.arguments).length) return h("p", { class: "note" }, "It has no arguments.");
  return h("div", { "aria-label": "Arguments", role: "group" }, h(Json, { value: shown.arguments }));
}

function Cap({ cap: { limit_usd: limit, spent_usd: spent, needed_usd: needed, resets_at: resetsAt, steps } }) {
  const most = Number(limit);
  const facts = [
    ["Spent", `${money(spent)} of ${money(limit)}`, most > 0 && h("meter", { min: 0, max: most, high: most * 0.8, value: Number(spent ?? 0), "aria-label": "Spent of the limit" })],
    ["Needed on top", money(needed)],
    ["Resets", resetsAt ? h(Countdown, { iso: resetsAt }) : "never"],
    steps > 1 && ["Waiting for it", `${steps} steps`],
  ];
  return h("dl", { class: "facts" }, facts.filter(Boolean).map(([name, ...value]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, value))));
}
