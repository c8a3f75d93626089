// Answers to all questions that ask the same.

import { groupEqual } from "/console/inbox/words.js";
import { useChanges } from "/console/operate/dialog.js";
import { Button, plural } from "/console/operate/parts.js";
import { post } from "/console/lib/api.js";
import { clip, showControls } from "/console/lib/json_view.js";
import { h } from "/console/vendor/preact.js";

const AT_ONCE = 4;
const SHOWN = 20;
const COMMENT = { name: "comment", label: "Comment (optional)", value: "" };

/** Questions that several tasks ask alike, to be answered in one go. */
export function EqualQuestions({ approvals, onDone }) {
  const [dialog, ask] = useChanges(onDone);
  const groups = groupEqual(approvals);
  const answer = (group, isApproved) => ask({
    title: `${isApproved ? "Approve" : "Refuse"} ${plural(group.approvals.length, "question")}`,
    about: group.key,
    fields: [COMMENT],
    say: () => [
      `${showControls(group.question)} is ${isApproved ? "approved" : "refused"} for ${plural(new Set(group.approvals.map((each) => each.task_id)).size, "task")}, each by itself:`,
      ...group.approvals.slice(0, SHOWN).map((each) => `task ${each.task_id.slice(0, 8)}: ${describeShown(each) ?? "as it stands"}`),
      group.approvals.length > SHOWN ? `and ${group.approvals.length - SHOWN} more` : null,
    ],
    confirm: isApproved ? "Approve all" : "Refuse all",
    isGrave: !isApproved,
    hasReason: false,
    run: ({ comment }) => answerAll(group.approvals, isApproved, comment.trim()),
    done: ({ answered }) => `${plural(answered, "question was", "questions were")} answered.`,
  });
  if (!groups.length && !dialog) return null;
  return h(
    "div",
    {},
    groups.length > 0 && h("ul", { class: "equal", "aria-label": "Equal questions" }, groups.map((group) => h(
      "li",
      { key: group.key },
      h("span", {}, `${group.approvals.length} times: ${clip(group.question, 160)}`),
      h("span", { class: "buttons" }, h(Button, { label: "Approve all", name: `Approve all: ${clip(group.question, 80)}`, onClick: () => answer(group, true) }), h(Button, { label: "Refuse all", name: `Refuse all: ${clip(group.question, 80)}`, onClick: () => answer(group, false) })),
    ))),
    dialog,
  );
}

/** Answer a few at once. Raise an error that says how many were not answered, and why. */
async function answerAll(approvals, isApproved, comment) {
  const waiting = [...approvals];
  const problems = [];
  const work = async () => {
    for (let each = waiting.shift(); each; each = waiting.shift()) {
      try {
        await post(`/approvals/${each.id}`, { approved: isApproved, via: "console", ...(comment ? { comment } : {}) });
      } catch (error) {
        problems.push(error.message);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (problems.length) throw new Error(`${approvals.length - problems.length} were answered, and ${problems.length} were not: ${problems[0]}`);
  return { answered: approvals.length };
}

/** What a question is about, on one line; null if it says it all. */
export function describeShown({ show }) {
  if (show === null || show === undefined) return null;
  const shown = typeof show === "object" && show.arguments ? show.arguments : show;
  return clip(typeof shown === "string" ? shown : JSON.stringify(shown), 300);
}
