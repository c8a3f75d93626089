// Questions to a person: whether something may be done, or what only they know.

import { get, post } from "/console/lib/api.js";
import { Link } from "/console/inbox/link.js";
import { Answer, Asked, Decision, Shown } from "/console/inbox/parts.js";
import { describeEnd, describeEndTime, isOpen, isQuestion } from "/console/inbox/words.js";
import { useNames } from "/console/operate/known.js";
import { byId } from "/console/lib/dom.js";
import { keepDraft, readDraft } from "/console/lib/draft.js";
import { clip, showControls } from "/console/lib/json_view.js";
import { Said } from "/console/lib/said.js";
import { h, useEffect, useLayoutEffect, useRef, useState } from "/console/vendor/preact.js";

/** What is being typed outlives the page on which it was begun. */
const nameDraft = (id) => `answer ${id}`;
/** Return what was typed as the answer to a question, or as a comment on it. */
export const readTyped = (id) => readDraft(nameDraft(id)) ?? "";
export const keepTyped = (id, typed) => keepDraft(nameDraft(id), typed || null);
const postAnswer = (id, isApproved, text) => post(`/approvals/${id}`, { approved: isApproved, via: "console", ...(text ? { comment: text } : {}) });

/** Send an answer from elsewhere. */
export async function sendAnswer(id, isApproved, comment) {
  await postAnswer(id, isApproved, comment.trim());
  keepTyped(id, "");
}

/**
 * Open questions, the oldest first, or with `isGrouped` those of one task together. Those that end stay in place and
 * say how; questions whose `seq` is below `from` may be open without being listed. `onEnd()` is called when one ends.
 */
export function Approvals({ approvals, from = 0, hasLinks = false, isGrouped = false, title = null, onEnd = () => {} }) {
  const known = useRef(new Map());
  for (const each of approvals) known.current.set(each.id, each);
  const open = new Set(approvals.map((each) => each.id));
  const sorted = sortQuestions([...known.current.values()], isGrouped);
  if (!sorted.length) return null;
  const list = h(
    "ul",
    { class: "approvals", id: "approvals" },
    sorted.map((each, place) => h(Question, {
      key: each.id, approval: each, isListed: open.has(each.id) || readSeq(each) < from, round: approvals, hasLinks, onEnd,
      follows: isGrouped && sorted[place - 1]?.task_id === each.task_id,
    })),
  );
  return title ? h("section", { class: "section", "aria-label": title }, h("h3", {}, title), list) : list;
}

const readSeq = ({ seq }) => seq ?? 0;

function sortQuestions(questions, isGrouped) {
  questions.sort((a, b) => readSeq(a) - readSeq(b));
  if (!isGrouped) return questions;
  const first = new Map();
  for (const each of questions) if (!first.has(each.task_id)) first.set(each.task_id, readSeq(each));
  return questions.sort((a, b) => first.get(a.task_id) - first.get(b.task_id) || readSeq(a) - readSeq(b));
}

/** `round` changes at each reading of the open questions: then it is asked how one ended that is no longer listed. */
function Question({ approval, isListed, round, hasLinks, follows, onEnd }) {
  const { id } = approval;
  const [text, setText] = useState(readTyped(id));
  const [state, setState] = useState({ isSending: false, problem: null, ended: null });
  const nameWho = useNames(state.ended !== null);
  const form = useRef(null);
  const pressed = useRef(null); // a disabled button loses the focus
  const isBusy = useRef(false);
  const type = (typed) => {
    setText(typed);
    keepTyped(id, typed);
  };
  const begin = () => {
    isBusy.current = true;
    pressed.current = form.current.contains(document.activeElement) ? document.activeElement : null;
    setState({ isSending: true, problem: null, ended: null });
  };
  const fail = (problem) => {
    isBusy.current = false;
    setState({ isSending: false, problem, ended: null });
  };
  /** Show how it was answered, or that it no longer waits, in place of the form. */
  const settle = async (said = "", unsent = "") => {
    try {
      const approval = await read(id);
      type("");
      setState({ isSending: false, problem: null, ended: { approval, said, unsent } });
      onEnd();
    } catch {
      fail(null); // nobody knows yet: the next round asks again
    }
    isBusy.current = false;
  };
  const send = async (isApproved, comment) => {
    if (isBusy.current) return;
    begin();
    const sent = comment.trim();
    try {
      const answer = await postAnswer(id, isApproved, sent);
      if ((answer.comment ?? "") !== sent) return settle("It was answered before. ", readTyped(id).trim());
      byId("news").textContent = isQuestion(approval) ? "Your answer was sent." : isApproved ? "You approved it." : "You refused it.";
      return settle(); // what was typed was sent, or another answer was chosen
    } catch (error) {
      if (error.status === 409 && (await hasEnded(id))) return settle("Your answer was not sent. ", readTyped(id).trim());
      fail(error.message);
    }
  };
  useEffect(() => {
    const { ended } = state;
    if (isListed && ended && !ended.approval?.answered_at) fail(null); // it is asked again
    if (isListed || ended || isBusy.current) return;
    begin();
    settle("", readTyped(id).trim());
  }, [isListed, round]);
  const note = useRef(null);
  useLayoutEffect(() => {
    if (pressed.current && !state.isSending) (note.current ?? pressed.current).focus();
    if (!state.isSending) pressed.current = null;
  }, [state]);
  const { ended, isSending, problem } = state;
  const about = { text, onType: type, onSend: send, isSending };
  return h(
    "li",
    { class: follows ? "same-task" : undefined, "data-key": approval.key, "data-id": id, "data-task": approval.task_id, tabindex: -1 },
    h(Asked, { approval, hasLinks }),
    h("p", { class: "question" }, showControls(approval.question)),
    h(Shown, { approval }),
    h(
      "div",
      { ref: form, class: "answer", role: "group", "aria-label": `Answer to: ${clip(approval.question, 100)}` },
      ended && h("p", { key: "ended", ref: note, class: "note", role: "status", tabindex: -1 }, ended.said, describeEnd(ended.approval, nameWho), h("small", {}, describeEndTime(ended.approval ?? {}))),
      ended?.unsent && h("label", { key: "unsent" }, "You had typed, and did not send", h("textarea", { rows: 2, readonly: true, value: ended.unsent })),
      !ended && h(isQuestion(approval) ? Answer : Decision, { key: "form", show: approval.show, ...about }),
      problem && h("p", { key: "problem", class: "problem", role: "alert" }, h(Said, { text: problem })),
    ),
    !ended && h(Link, { approvalId: id }),
  );
}

/** Return a question as it is now; null if there is none any more. */
async function read(id) {
  try {
    return await get(`/approvals/${id}`);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

async function hasEnded(id) {
  try {
    const now = await read(id);
    return now === null || !isOpen(now);
  } catch {
    return false;
  }
}
