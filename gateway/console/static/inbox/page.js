// The inbox: the open questions of all tasks that the reader may answer, and those that were answered.

import { Approvals, readTyped, sendAnswer } from "/console/inbox/approvals.js";
import { describeShown, EqualQuestions } from "/console/inbox/many.js";
import { useQuestions } from "/console/inbox/questions.js";
import { describeEnd, describeEndTime, isOpen, isQuestion, nameEnd } from "/console/inbox/words.js";
import { useNames } from "/console/operate/known.js";
import { useChanges } from "/console/operate/dialog.js";
import { More, Problem } from "/console/operate/parts.js";
import { byId } from "/console/lib/dom.js";
import { money } from "/console/lib/format.js";
import { clip, showControls } from "/console/lib/json_view.js";
import { registerKeys } from "/console/lib/keys.js";
import { usePages } from "/console/lib/pages.js";
import { setTitle } from "/console/lib/title.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

const ANSWERED = "cogo:answered";
const tellAnswered = () => document.dispatchEvent(new CustomEvent(ANSWERED));

export function Page() {
  const { found, next, error, refresh, showOlder } = useQuestions();
  const [isGrouped, setGrouped] = useState(false);
  const [dialog, ask] = useChanges();
  useEffect(() => setTitle("Inbox · COGO"), []);
  useKeys(found ?? [], (asked, isApproved) => ask({
    title: isApproved ? "Approve it?" : "Refuse it?",
    about: asked.id,
    fields: [{ name: "comment", label: "Comment (optional)", value: readTyped(asked.id) }],
    say: () => [showControls(asked.question), describeShown(asked), isApproved && asked.cost_usd ? `It may cost ${money(asked.cost_usd)}.` : null],
    confirm: isApproved ? "Approve" : "Refuse",
    isGrave: !isApproved,
    hasReason: false,
    run: ({ comment }) => sendAnswer(asked.id, isApproved, comment),
    done: () => (refresh(), "Your answer is sent."),
  }));
  const isEmpty = !found?.length;
  return h(
    "div",
    { class: "page inbox" },
    h("h2", {}, "Inbox"),
    h(Problem, { error }),
    isEmpty && !error && h("p", { class: "note" }, found ? "Nothing waits for you. A step, a tool or a budget that needs a person's answer appears here." : "Loading the questions."),
    !isEmpty && [
      h(
        "p",
        { class: "actions" },
        h("label", { class: "tick" }, h("input", { type: "checkbox", checked: isGrouped, onChange: (event) => setGrouped(event.currentTarget.checked) }), "Questions of one task together"),
        h("span", { class: "note keys" }, "Keys: j and k for the next and the previous question, a to approve or answer, r to refuse, o to open its task"),
      ),
      h(EqualQuestions, { approvals: found, onDone: refresh }),
      next !== null && h("button", { type: "button", class: "quiet", onClick: showOlder }, "Show older questions"),
    ],
    found && h(Approvals, { key: "questions", approvals: found, from: next ?? 0, hasLinks: true, isGrouped, onEnd: tellAnswered }),
    h(Answered, { key: "answered" }),
    dialog,
  );
}

/** Move between the questions by keys; `onAnswer(approval, isApproved)` is called for the one that has the focus. */
function useKeys(found, onAnswer) {
  const latest = useRef(null);
  latest.current = ({ key, target }, prevent) => {
    const items = [...(byId("approvals")?.children ?? [])];
    const here = items.findIndex((each) => each.contains(target));
    if (key === "j" || key === "k") {
      const next = items[key === "j" ? here + 1 : here < 0 ? items.length - 1 : here - 1];
      if (!next) return;
      prevent();
      next.focus();
      next.scrollIntoView({ block: "nearest" });
      return;
    }
    const asked = found.find((each) => each.id === items[here]?.dataset.id);
    if (!asked) return;
    if (key === "o") location.hash = `#/tasks/${asked.task_id}`;
    else if (key === "a" && isQuestion(asked)) prevent(), items[here].querySelector("textarea")?.focus();
    else if (key === "a" || (key === "r" && !isQuestion(asked))) prevent(), onAnswer(asked, key === "a");
  };
  useEffect(() => {
    const run = (event) => {
      latest.current(event, () => event.preventDefault());
      return false;
    };
    return registerKeys("The inbox", KEYS.map(([key, label]) => [key, label, run]));
  }, []);
}

const KEYS = [
  ["j", "The next question"],
  ["k", "The question before"],
  ["a", "Approve, or go to the field of the answer"],
  ["r", "Refuse"],
  ["o", "Open the task"],
];

/** Questions that are no longer open, which are read when they are asked for. */
function Answered() {
  const [isShown, setShown] = useState(false);
  const read = usePages(isShown ? "/approvals?answered=true&limit=50" : null, "approvals");
  useEffect(() => {
    document.addEventListener(ANSWERED, read.reload);
    return () => document.removeEventListener(ANSWERED, read.reload);
  });
  const nameWho = useNames(isShown);
  const ended = read.rows.filter((each) => !isOpen(each));
  return h(
    "details",
    { class: "section", onToggle: (event) => setShown(event.currentTarget.open) },
    h("summary", {}, "Answered"),
    h(Problem, { error: read.error, reload: read.reload }),
    isShown && !read.isLoading && !read.error && !ended.length && !read.isMore && h("p", { class: "note" }, "Nothing was answered yet."),
    h("ol", { class: "ended" }, ended.map((each) => h(Ended, { key: each.id, each, nameWho }))),
    h(More, { of: read }),
  );
}

function Ended({ each, nameWho }) {
  const title = clip(each.question, 300);
  return h(
    "li",
    {},
    h("span", { class: `status ${nameEnd(each)}` }, nameEnd(each)),
    h("a", { class: "title", href: `#/tasks/${each.task_id}`, title }, title),
    h("span", { class: "facts" }, `${describeEnd(each, nameWho)} – ${describeEndTime(each)}`),
  );
}
