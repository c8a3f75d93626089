// Calls that wait for a person and of which the stream does not tell: it has those that began, and
// those whose message this page has heard.

import { isQuestion } from "/console/approvals.js";
import { CallView } from "/console/call_view.js";
import { h } from "/console/dom.js";

export class OpenCalls {
  root = h("ul", { class: "calls", id: "open-calls", "aria-label": "Calls that wait", hidden: true });
  #views = new Map();

  /** `isShown(subtaskId, callId)` returns whether the transcript has the call already. */
  update(approvals, isShown) {
    const open = approvals.filter(({ subtask_id: subtaskId, call_id: callId }) => callId && !isShown(subtaskId, callId));
    const ids = new Set(open.map((each) => each.id));
    for (const [id, view] of this.#views) {
      if (!ids.has(id)) view.root.remove(), this.#views.delete(id);
    }
    for (const each of open.filter(({ id }) => !this.#views.has(id))) {
      const view = new CallView();
      view.update(readCall(each), () => "asking", false);
      this.#views.set(each.id, view);
      this.root.append(view.root);
    }
    this.root.hidden = open.length === 0;
  }
}

/** Return the call that a question is about. */
function readCall(approval) {
  const { call_id: callId, question, show: shown } = approval;
  const call = { call_id: callId, status: "called", summary: null, size: null, duration_ms: null };
  if (isQuestion(approval)) return { ...call, tool: "cogo:ask_person", arguments: { question, ...shown }, cut: false };
  const isCut = typeof shown === "string"; // it begins with the tool
  const tool = isCut ? /^\{"tool": "([^"]*)"/.exec(shown)?.[1] : shown.tool;
  return { ...call, tool: String(tool ?? ""), arguments: shown.arguments ?? null, cut: isCut };
}
