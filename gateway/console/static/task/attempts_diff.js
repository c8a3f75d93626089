// The attempts at one step, beside each other or as what differs between neighbours, and why each failed.

import { explain } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { showControls } from "/console/lib/json_view.js";
import { Said } from "/console/lib/said.js";
import { Changes } from "/console/task/compare_texts.js";
import { h, useEffect, useState } from "/console/vendor/preact.js";

/** Ends after which another attempt does the same again. */
const AGAIN = new Set(["failed", "rerouted", "reaped"]);

/** Return the steps of which an attempt was not the last, in order: `{ step, attempts }`, without choices of a model. */
export function listRepeated({ subtasks, attempts }) {
  return subtasks
    .filter((each) => each.kind !== "flow")
    .map((step) => ({ step, attempts: attempts.filter((each) => each.subtask_id === step.id && each.lane !== "cio").toSorted((a, b) => a.attempt - b.attempt) }))
    .filter((each) => each.attempts.length > 1 && each.attempts.some(({ outcome }) => AGAIN.has(outcome)));
}

/** Return what an attempt has written: `{ text, cut }`, of which `cut` is the length of a text that was cut; null if nothing is known. */
export function readText(attempt, step, outputs) {
  if (attempt.outcome === "completed") {
    const text = step.output?.text ?? step.output?.generated_code;
    return typeof text === "string" && text ? { text, cut: null } : null;
  }
  const found = outputs.find((each) => each.subtask_id === attempt.subtask_id && each.attempt === attempt.attempt);
  const text = found?.text || found?.reasoning;
  return text ? { text, cut: found.characters ?? null } : null;
}

/** `details` is what GET /tasks/{id} gives. */
export function AttemptsDiff({ details }) {
  const [isOpen, setOpen] = useState(false);
  const repeated = listRepeated(details);
  // It is read again when another attempt has ended.
  const ended = details.attempts.filter((each) => each.outcome).length;
  const { data, error, reload } = useData(isOpen && repeated.length ? `/tasks/${details.task.id}/attempts` : null);
  useEffect(reload, [ended]);
  if (!repeated.length) return null;
  return h(
    "details",
    { class: "section", id: "attempts-diff", open: isOpen, onToggle: ({ currentTarget }) => setOpen(currentTarget.open) },
    h("summary", {}, "Compare attempts"),
    error && h("p", { class: "problem", role: "alert" }, `What they had written cannot be read now: ${error.message}`),
    isOpen && data && repeated.map((each) => h(StepAttempts, { key: each.step.id, ...each, outputs: data.attempts, hint: details.task.error?.hint })),
  );
}

function StepAttempts({ step, attempts, outputs, hint }) {
  const [isBeside, setBeside] = useState(false);
  const [chosen, choose] = useState(null);
  const written = attempts.map((attempt) => ({ attempt, ...readText(attempt, step, outputs) })).filter((each) => each.text);
  const pairs = written.slice(1).map((after, number) => ({ before: written[number], after }));
  const pair = pairs.find((each) => each.after.attempt.attempt === chosen) ?? pairs.at(-1);
  const press = (label, isPressed, onClick) => h("button", { key: label, type: "button", class: "quiet", "aria-pressed": String(isPressed), onClick }, label);
  return h(
    "section",
    { class: "attempts-of-step" },
    h("h4", {}, showControls(step.key)),
    h("ol", { class: "failures" }, attempts.map((each) => h(Attempt, { key: each.attempt, attempt: each, hint, isWritten: written.some(({ attempt }) => attempt === each) }))),
    pairs.length > 0 && h(
      "p",
      { class: "actions" },
      h("span", {}, pairs.map((each) => press(`#${each.before.attempt.attempt} → #${each.after.attempt.attempt}`, !isBeside && each === pair, () => { setBeside(false); choose(each.after.attempt.attempt); }))),
      press("Side by side", isBeside, () => setBeside(!isBeside)),
    ),
    isBeside || !pair ? h("div", { class: "compare-columns" }, written.map((each) => h(Written, { key: each.attempt.attempt, ...each }))) : h(Changes, { before: pair.before.text, after: pair.after.text }),
  );
}

function Attempt({ attempt, isWritten, hint }) {
  const { attempt: number, model_id: model, lane, outcome, error } = attempt;
  return h(
    "li",
    {},
    h("span", {}, `#${number}`),
    h(
      "span",
      { class: "facts" },
      h("span", { class: `status ${outcome ?? "running"}` }, outcome ?? "running"),
      ` ${showControls(model ?? lane)}`,
      error && h(Said, { text: ` – ${showControls(explain(error, hint))}` }),
      !isWritten && outcome && " – it had written nothing that was stored",
    ),
  );
}

const Written = ({ attempt, text, cut }) =>
  h(
    "div",
    { class: "compare-column" },
    h("div", { class: "compare-head" }, h("h5", {}, `Attempt ${attempt.attempt}`)),
    h("pre", { class: "text compare-answer", tabindex: 0, role: "region", "aria-label": `Text of attempt ${attempt.attempt}` }, showControls(text)),
    cut !== null && h("p", { class: "note" }, `Of ${cut.toLocaleString("en")} characters the first ${text.length.toLocaleString("en")} were stored.`),
  );
