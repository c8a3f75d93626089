// What is said about a question to a person. Pure.

import { clock } from "/console/lib/format.js";
import { showControls } from "/console/lib/json_view.js";

const WAYS = {
  cli: "with the command line",
  console: "in the console",
  http: "over HTTP",
  link: "by a link",
  sql: "in SQL",
};

export const isOpen = ({ answered_at: answered, withdrawn_at: withdrawn }) => !answered && !withdrawn;

/** Whether a model asks for an answer. Else it, or a workflow, asks for leave. */
export function isQuestion({ call_id: call, show: shown }) {
  const isCall = typeof shown === "string" || (typeof shown === "object" && shown !== null && "tool" in shown);
  return Boolean(call) && !isCall;
}

export function nameKind(approval) {
  if (approval.kind === "budget") return "budget";
  if (isQuestion(approval)) return "question";
  return approval.call_id ? "tool" : "approval";
}

const namePerson = (id) => `the user ${id.slice(0, 8)}`;

/** Who may answer. Operators always may. */
export function describeApprovers({ by, owner, escalated_at: escalatedAt, escalate_to: escalateTo }) {
  const asked = [by ?? owner, escalatedAt ? escalateTo : null].filter((each) => each && each !== "operators");
  return [...new Set(asked)].map(namePerson).concat("operators").join(" or ");
}

/** How it ended, in a sentence. */
export function describeEnd(approval, nameWho = showControls) {
  if (!approval || isOpen(approval)) return "It no longer waits for your answer.";
  if (!approval.answered_at) return `It was withdrawn before anybody answered${approval.withdrawn_reason ? `: ${showControls(approval.withdrawn_reason)}` : "."}`;
  const what = isQuestion(approval) ? "Answered" : approval.approved ? "Approved" : "Refused";
  if (approval.answered_via === "expiry") return `${what}, since nobody answered in time.`;
  const who = approval.answered_by ? namePerson(approval.answered_by) : approval.answered_who ? `the operator ${nameWho(approval.answered_who)}` : "an operator";
  const said = approval.comment ?? (isQuestion(approval) ? (approval.approved ? "yes" : "no") : null);
  return `${what} by ${who}${said ? `: ${showControls(said)}` : "."}`;
}

/** When it ended, and by which way it was answered. */
export function describeEndTime({ answered_at: answeredAt, withdrawn_at: withdrawnAt, answered_via: via }) {
  const at = answeredAt ?? withdrawnAt;
  if (!at) return "";
  return via && via !== "expiry" ? `${clock(at)} ${WAYS[via] ?? `(${showControls(via)})`}` : clock(at);
}

/** How it ended, in a word. */
export function nameEnd(approval) {
  if (!approval.answered_at) return "withdrawn";
  if (isQuestion(approval)) return "answered";
  return approval.approved ? "approved" : "refused";
}

/** Return the questions that are asked more than once, as `{ question, kind, approvals }`; the most frequent first. A model's questions are left out. */
export function groupEqual(approvals) {
  const groups = new Map();
  for (const each of approvals) {
    if (isQuestion(each) || each.kind === "budget") continue;
    const key = JSON.stringify([nameKind(each), each.question]);
    if (!groups.has(key)) groups.set(key, { key, question: each.question, kind: nameKind(each), approvals: [] });
    groups.get(key).approvals.push(each);
  }
  return [...groups.values()].filter((group) => group.approvals.length > 1).sort((a, b) => b.approvals.length - a.approvals.length);
}
