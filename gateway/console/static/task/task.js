// One task: its rows, which are read again after each event of its stream, and its text.

import { Approvals } from "/console/inbox/approvals.js";
import { Files } from "/console/lib/files.js";
import { explain, firstLine, isOver } from "/console/lib/format.js";
import { Said } from "/console/lib/said.js";
import { setTitle } from "/console/lib/title.js";
import { AnswerText } from "/console/task/answer_text.js";
import { AnswerTools, CodeFiles, WholeTask } from "/console/task/answer_tools.js";
import { AttemptsDiff } from "/console/task/attempts_diff.js";
import { readCallState } from "/console/task/call.js";
import { CompareTexts } from "/console/task/compare_texts.js";
import { Debate } from "/console/task/debate.js";
import { Actions, Facts } from "/console/task/facts.js";
import { PlanGraph } from "/console/task/graph.js";
import { LiveAnswerView } from "/console/task/live_answer_view.js";
import { Relatives } from "/console/task/relatives.js";
import { Result } from "/console/task/result.js";
import { Selections } from "/console/task/selections.js";
import { Steps } from "/console/task/steps.js";
import { Attempts, History } from "/console/task/tables.js";
import { describeVerification, hasChecks, Verification } from "/console/task/verification.js";
import { h, useEffect, useMemo } from "/console/vendor/preact.js";

/** `live` is the LiveAnswer of the task, `events` those of its history, and `subscribe` as of `task/feed.js`. */
export function Task({ details, live, events, subscribe, query }) {
  const { task, subtasks, attempts, selections, approvals = [] } = details;
  const title = `${firstLine(task.prompt, 40)} · ${task.status} · COGO`;
  useEffect(() => setTitle(title), [title]);
  const nameStep = (id) => nameSubtask(subtasks.find((each) => each.id === id));
  const getKey = (id) => subtasks.find((each) => each.id === id)?.key ?? "subtask";
  // The answer of a workflow that made it of its steps is no step's text.
  const own = task.result?.workflow ? task.result.text : null;
  const result = own === live.text ? null : own;
  const pieces = useMemo(() => [result], [result]);
  const hasText = live.stepId !== null;
  const getAnswer = () => readAnswer(details, live);
  const verification = task.result?.verification?.status ? task.result.verification : null;
  return h(
    "div",
    {},
    h("a", { class: "back", href: "#/" }, "‹ All tasks"),
    h("h2", { class: "unseen" }, "Task"),
    h(
      "header",
      {},
      h("p", { role: "status" }, h("span", { class: `status ${task.status}` }, task.status), verification && h("span", { id: "badge", class: `badge ${verification.status}` }, describeVerification(verification))),
      h(Actions, { key: task.status, task }),
    ),
    h("p", { class: "prompt", tabindex: 0 }, task.prompt),
    h(Files, { attachments: task.params?.attachments }),
    h(TaskProblem, { task }),
    task.simulated && h("p", { class: "note simulated" }, "The vendor simulator answered. No model was called, and nothing was spent."),
    h(Facts, { task, attempts }),
    h(Approvals, { approvals, title: "Questions" }),
    h(
      Section,
      { title: "Answer" },
      (hasText || task.result) && h(AnswerTools, { task, getText: getAnswer }),
      !hasText && !result && h("p", { class: "note" }, isOver(task.status) ? "No text was stored." : "There is no text yet."),
      h(LiveAnswerView, { live, subscribe, nameStep, getCallState: (call) => readCallState(call, details) }),
      result && h(AnswerText, { pieces }),
      h("div", { id: "code" }, h(CodeFiles, { result: task.result, answer: getAnswer() })),
      h(Result, { task }),
    ),
    h(Section, { title: "Steps" }, h(Steps, { details, query })),
    subtasks.length >= 3 && h(Section, { title: "Plan" }, h(PlanGraph, { details })),
    h(Debate, { details, subscribe }),
    hasChecks(task.result) && h(Section, { title: "Verification" }, h(Verification, { result: task.result })),
    h(Relatives, { details }),
    h("details", { class: "section", open: true }, h("summary", {}, "Model selection"), h(Selections, { selections, subtasks, isSimulated: task.simulated })),
    h(Section, { title: "Attempts" }, h(Attempts, { rows: attempts, getKey, hint: task.error?.hint })),
    h(CompareTexts, { details }),
    h(AttemptsDiff, { details }),
    h("details", { class: "section" }, h("summary", {}, "History"), h(History, { events, getKey })),
    h(WholeTask, { details }),
  );
}

/** Return the answer as it is now. */
export const readAnswer = (details, live) => details?.task.result?.text ?? live.text;

function Section({ title, children }) {
  return h("section", { class: "section", "aria-label": title }, h("h3", {}, title), children);
}

function TaskProblem({ task }) {
  const unreadable = Object.entries(task.unreadable ?? {}).map(([column, why]) => `${column} cannot be read: ${why}`);
  const said = [explain(task.error), ...unreadable].filter(Boolean).join(" – ");
  return said ? h("p", { class: "problem" }, h(Said, { text: said })) : null;
}

function nameSubtask(row) {
  if (!row) return "working";
  return row.lane === "cio" ? row.key : `${row.key} · ${row.params?.model_id ?? row.lane}`;
}
