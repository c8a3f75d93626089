// Ask a task again from one of its steps on. The address names the step: `?fork=draft`; without one, `?fork=`, it is chosen.

import { post } from "/console/lib/api.js";
import { keepDraft, readDraft } from "/console/lib/draft.js";
import { isOver } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { changeQuery, go } from "/console/lib/route.js";
import { Said } from "/console/lib/said.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

/** `step` is the key of the step, empty if it is to be chosen, and null while the dialog is closed. */
export function ForkDialog({ details, step }) {
  const dialog = useRef(null);
  const steps = (details?.subtasks ?? []).filter((each) => canFork(each) || each.key === step);
  const subtask = steps.find((each) => each.key === step && each.kind !== "flow") ?? null;
  const isOpen = subtask !== null || (step === "" && details !== null);
  useEffect(() => {
    if (isOpen && !dialog.current.open) dialog.current.showModal();
    else if (!isOpen && dialog.current.open) dialog.current.close();
  }, [isOpen]);
  const close = () => step !== null && changeQuery({ fork: null });
  return h(
    "dialog",
    { ref: dialog, class: "fork", "aria-labelledby": "fork-title", onClose: close },
    isOpen && h("h2", { id: "fork-title" }, subtask ? `Fork from ${subtask.key}` : "Fork from a step"),
    isOpen && h(Choice, { steps, step }),
    subtask ? h(Form, { key: step, task: details.task, subtask, onLeave: () => dialog.current.close() }) : isOpen && h("p", { class: "actions" }, h("button", { type: "button", class: "quiet", onClick: () => dialog.current.close() }, "Back")),
  );
}

/** Whether a task can be forked from this step: one that has ended, and is not the workflow itself. */
export const canFork = ({ kind, status }) => kind !== "flow" && isOver(status);

function Choice({ steps, step }) {
  if (!steps.length) return h("p", { class: "note" }, "No step has ended yet.");
  const options = steps.map(({ key }) => h("option", { key, value: key, selected: key === step }, key));
  return h("div", { class: "field" }, h("label", { for: "fork-step" }, "Step"), h("select", { id: "fork-step", onChange: (event) => changeQuery({ fork: event.currentTarget.value }) }, step === "" && h("option", { value: "", disabled: true, selected: true }, "Choose a step"), options));
}

function Form({ task, subtask, onLeave }) {
  const isAsk = subtask.kind === "ask";
  const was = { prompt: String(subtask.params?.generation_prompt ?? ""), model: "", budget: task.budget_usd ?? "", params: JSON.stringify(task.params ?? {}, null, 2) };
  const kept = `fork ${task.id} ${subtask.key}`;
  const [given, setGiven] = useState(() => ({ ...was, ...readDraft(kept) }));
  const [problem, setProblem] = useState(null);
  const [isSending, setSending] = useState(false);
  const key = useRef(null);
  const { data: models } = useData("/api/models");
  const change = (name) => (event) => {
    key.current = null; // another request
    const changed = { [name]: event.target.value };
    keepDraft(kept, { ...readDraft(kept), ...changed });
    setGiven({ ...given, ...changed });
  };
  const leave = () => {
    keepDraft(kept, null);
    onLeave();
  };
  const submit = async (event) => {
    event.preventDefault();
    const { body, wrong } = buildFork(subtask.key, given, was);
    if (wrong) return setProblem(wrong);
    setSending(true);
    key.current ??= crypto.randomUUID?.() ?? String(Math.random());
    try {
      const forked = await post(`/tasks/${task.id}/fork`, body, { "Idempotency-Key": key.current });
      keepDraft(kept, null);
      go(`#/tasks/${forked.id}`);
    } catch (error) {
      setProblem(error.message);
    }
    setSending(false);
  };
  const field = (name, label, tag, properties, ...children) =>
    h("div", { class: "field" }, h("label", { for: `fork-${name}` }, label), h(tag, { id: `fork-${name}`, value: given[name], onInput: change(name), ...properties }, ...children));
  return h(
    "form",
    { onSubmit: submit },
    h("p", {}, "A new task does this step anew, and what depends on it. Everything else is taken over, and its cost is not counted again."),
    isAsk && field("prompt", "What the step asks", "textarea", { rows: 8 }),
    isAsk && field("model", "Model", "select", {}, h("option", { value: "" }, "as the workflow says"), h("option", { value: "auto" }, "auto"), listModels(models)),
    field("budget", "Budget of the task, USD", "input", { type: "number", min: 0, step: "any", placeholder: "none" }),
    h("details", {}, h("summary", {}, "Params of the task"), field("params", "JSON", "textarea", { rows: 8, spellcheck: "false" }), h("p", { class: "note" }, "If a step that is taken over would ask for something else with other params, the new task fails and says which.")),
    h("p", { class: "problem", role: "alert", hidden: !problem }, problem && h(Said, { text: problem })),
    h("p", { class: "actions" }, h("button", { type: "button", class: "quiet", onClick: leave }, "Back"), h("button", { type: "submit", disabled: isSending }, "Fork")),
  );
}

const listModels = (models) => (models?.data.models ?? []).map(({ id }) => h("option", { key: id, value: id }, id));

/** Return the body of the request: what differs from what was; or what is wrong with it. */
function buildFork(step, given, was) {
  const body = { from_step: step };
  for (const name of ["prompt", "model"]) if (given[name] !== was[name]) body[name] = given[name];
  if (given.prompt !== was.prompt && !given.prompt.trim()) return { wrong: "Say what the step asks." };
  if (String(given.budget) !== String(was.budget)) {
    const budget = given.budget === "" ? null : Number(given.budget);
    if (Number.isNaN(budget) || budget < 0) return { wrong: "A budget is a number of US dollars, such as 0.05." };
    body.budget_usd = budget;
  }
  if (given.params !== was.params) {
    try {
      body.params = JSON.parse(given.params);
    } catch (error) {
      return { wrong: `The params are not JSON: ${error.message}` };
    }
    if (typeof body.params !== "object" || body.params === null || Array.isArray(body.params)) return { wrong: "The params are an object, such as {}." };
  }
  return { body };
}
