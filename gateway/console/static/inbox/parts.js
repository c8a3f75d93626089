// The parts of a question to a person: who is asked and until when, what it is about, and the form.

import { describeApprovers, isQuestion, nameKind } from "/console/inbox/words.js";
import { buildCountdown } from "/console/lib/countdown.js";
import { h } from "/console/lib/dom.js";
import { clock, firstLine, money, moment } from "/console/lib/format.js";
import { buildJson, buildText, clip, showControls } from "/console/lib/json_view.js";

/** Who may answer, since when and until when it waits, and what an approval may cost. */
export function buildAsked(approval, { hasLinks = false } = {}) {
  const { task_id: taskId, key, asked_at: askedAt, cost_usd: cost, expires_at: expiresAt, escalate_at: escalateAt, prompt, project } = approval;
  const { on_expiry: onExpiry, escalate_to: escalateTo, escalated_at: escalatedAt } = approval;
  const next = !escalatedAt && escalateAt ? ["then asks ", escalateTo === "operators" ? "operators " : "somebody else ", buildCountdown(escalateAt)] : null;
  const facts = [
    h("span", { class: "status waiting" }, nameKind(approval)),
    hasLinks ? h("a", { href: `#/tasks/${taskId}` }, `${clip(key.split("/")[0], 60)} of ${prompt ? `“${clip(firstLine(prompt, 80), 80)}”` : `task ${taskId.slice(0, 8)}`}`) : null,
    hasLinks && project ? h("span", {}, `project ${clip(project, 60)}`) : null,
    askedAt ? h("span", {}, "asked ", h("time", { datetime: askedAt, title: moment(askedAt) }, clock(askedAt))) : null,
    h("span", {}, `for ${describeApprovers(approval)}`),
    escalatedAt ? h("span", {}, `passed on at ${clock(escalatedAt)}`) : null,
    next ? h("span", {}, next) : null,
    cost !== null && cost !== undefined ? h("span", {}, `may cost ${money(cost)}`) : null,
    expiresAt ? h("span", { class: "urgent" }, onExpiry === "approve" ? "approved " : "refused ", buildCountdown(expiresAt), " without an answer") : null,
  ];
  return h("p", { class: "asked" }, facts);
}

/** Approve or Refuse, with a comment. */
export function buildDecision(send) {
  const comment = h("input", { type: "text", maxlength: 10_000, autocomplete: "off" });
  return [
    h("label", {}, "Comment (optional)", comment),
    h(
      "p",
      { class: "actions" },
      h("button", { type: "button", onclick: () => send(true, comment.value) }, "Approve"),
      h("button", { type: "button", class: "quiet", onclick: () => send(false, comment.value) }, "Refuse"),
    ),
  ];
}

/** A text for the answer, and buttons for the usual ones. */
export function buildAnswer({ show: shown }, send) {
  const given = Array.isArray(shown?.choices) ? shown.choices.slice(0, 20).map(String) : [];
  const field = h("textarea", { rows: 2, maxlength: 10_000 });
  const submit = () => (field.value.trim() ? send(true, field.value) : field.focus());
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  });
  const quick = given.length
    ? given.map((each) => h("button", { type: "button", class: "quiet", onclick: () => send(true, each) }, showControls(each)))
    : [["Yes", true], ["No", false]].map(([label, isYes]) => h("button", { type: "button", class: "quiet", onclick: () => send(isYes, "") }, label));
  return [
    h("p", { class: "actions choices-given" }, quick),
    h("label", {}, given.length ? "Another answer" : "Your answer", field),
    h("p", { class: "actions" }, h("button", { type: "button", onclick: submit }, "Send answer")),
  ];
}

/** What it is about; empty if the question says it all. */
export function buildShown(approval) {
  const { show: shown } = approval;
  if (shown === null || shown === undefined || isQuestion(approval)) return h("div", { hidden: true });
  if (approval.kind === "budget" && typeof shown === "object") return buildCap(shown);
  if (typeof shown === "string") return h("div", { "aria-label": "What it is about", role: "group" }, buildText(shown));
  const isCall = Boolean(approval.call_id) && typeof shown.arguments === "object" && shown.arguments !== null;
  if (!isCall) return h("div", { "aria-label": "What it is about", role: "group" }, buildJson(shown));
  if (!Object.keys(shown.arguments).length) return h("p", { class: "note" }, "It has no arguments.");
  return h("div", { "aria-label": "Arguments", role: "group" }, buildJson(shown.arguments));
}

function buildCap({ limit_usd: limit, spent_usd: spent, needed_usd: needed, resets_at: resetsAt, steps }) {
  const most = Number(limit);
  const meter = most > 0 ? h("meter", { min: 0, max: most, high: most * 0.8, value: Number(spent ?? 0), "aria-label": "Spent of the limit" }) : null;
  const facts = [
    ["Spent", [`${money(spent)} of ${money(limit)}`, meter]],
    ["Needed on top", money(needed)],
    ["Resets", resetsAt ? buildCountdown(resetsAt) : "never"],
    steps > 1 ? ["Waiting for it", `${steps} steps`] : null,
  ];
  return h("dl", { class: "facts" }, facts.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}
