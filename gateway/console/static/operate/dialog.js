// The dialog before a change: what it will do, in a sentence, and a reason for the log of actions.

import { byId } from "/console/lib/dom.js";
import { keepDraft, readDraft } from "/console/lib/draft.js";
import { changeQuery } from "/console/lib/route.js";
import { Said } from "/console/lib/said.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

const CHANGED = "cogo:changed";

/**
 * Return a dialog for the page, and a function that asks for a change:
 * `{ title, about, say, fields, confirm, isGrave, run, done }`. `say(values)` returns the sentence, `run(values)` makes the change (`values.reason` is the
 * reason, null without one), and `done(answer)` returns what is announced afterwards. `onDone` is called after each change,
 * also after those of other parts of the page.
 * What was changed in it is kept until it is sent or left, for dialogs of this title and of the same `about`.
 * A field's `hint`, `list` (known values to choose from) and `options` may be functions of the values.
 */
export function useChanges(onDone = () => {}) {
  const [asked, setAsked] = useState(null);
  const latest = useRef(onDone);
  latest.current = onDone;
  useEffect(() => {
    const listen = () => latest.current();
    document.addEventListener(CHANGED, listen);
    return () => document.removeEventListener(CHANGED, listen);
  }, []);
  const dialog = asked && h(ChangeDialog, { ...asked, onClose: () => setAsked(null), onDone: () => document.dispatchEvent(new CustomEvent(CHANGED)) });
  return [dialog, setAsked];
}

/**
 * Open the dialog that the address asks for by a parameter, such as `#/queue?pause=LANE`, once `open(value)` is
 * known (null until then). Nothing is changed before it is confirmed.
 */
export function useAsked(query, name, open) {
  const value = query.get(name);
  useEffect(() => {
    if (!value || !open) return;
    changeQuery({ [name]: null });
    open(value);
  }, [value, open === null]);
}

function ChangeDialog({ title, about = "", say, fields = [], confirm, isGrave = false, hasReason = true, run, done = () => "It is done.", onClose, onDone }) {
  const dialog = useRef(null);
  const kept = `dialog ${title} ${about}`.trim();
  const [typed, setTyped] = useState(() => readDraft(kept) ?? {});
  const values = { ...Object.fromEntries(fields.map(({ name, value = "" }) => [name, value])), ...typed };
  const [state, setState] = useState({});
  useEffect(() => {
    dialog.current.showModal();
    if (!Object.keys(typed).length && document.activeElement.matches("input:not([type=checkbox])")) document.activeElement.select(); // what is typed takes the place of what is proposed
  }, []);
  const set = (name, value) => {
    const changed = { ...typed, [name]: value };
    keepDraft(kept, changed);
    setTyped(changed);
  };
  const close = () => {
    keepDraft(kept, null);
    onClose();
  };
  const send = async (event) => {
    event.preventDefault();
    if (state.isSending) return;
    setState({ isSending: true });
    try {
      const answer = await run({ ...values, reason: values.reason?.trim() || null });
      keepDraft(kept, null);
      byId("news").textContent = done(answer, values);
      onDone();
      dialog.current?.close();
    } catch (error) {
      setState({ problem: error.message });
    }
  };
  const sentences = [say?.(values)].flat().filter(Boolean);
  const visible = fields.filter(({ when }) => !when || when(values));
  const isOpen = visible.some(({ name, type, required }) => type === "select" && required && !values[name]);
  return h(
    "dialog",
    { ref: dialog, class: "change", "aria-labelledby": "change-title", onClose: close },
    h(
      "form",
      { onSubmit: send },
      h("h2", { id: "change-title" }, title),
      visible.map((field) => h(Field, { key: field.name, field: settle(field, values), value: values[field.name], onChange: (value) => set(field.name, value) })),
      say && h("div", { class: "will-do", role: "status" }, sentences.map((each) => h("p", {}, each))),
      hasReason && h("label", {}, "Reason (for the log of actions)", h("input", { type: "text", maxlength: 2000, autocomplete: "off", value: values.reason ?? "", onInput: (event) => set("reason", event.currentTarget.value) })),
      state.problem && h("p", { class: "problem", role: "alert" }, h(Said, { text: state.problem })),
      h(
        "p",
        { class: "actions" },
        h("button", { type: "button", class: "quiet", onClick: () => dialog.current.close() }, "Back"),
        h("button", { class: isGrave ? "grave" : "", disabled: isOpen, "aria-disabled": state.isSending ? "true" : undefined }, confirm),
      ),
    ),
  );
}

/** Return the field with what depends on the values. */
function settle(field, values) {
  const settled = { ...field };
  for (const name of ["hint", "list", "options"]) if (typeof field[name] === "function") settled[name] = field[name](values);
  return settled;
}

/** One field: `type` is text, number, select (with `options`), ticks (a list of values) or tick. */
function Field({ field, value, onChange }) {
  const { name, label, type = "text", options = [], list = [], hint, min, max, step, required } = field;
  if (type === "ticks") {
    const toggle = (each, isOn) => onChange(isOn ? [...value, each] : value.filter((other) => other !== each));
    return h("fieldset", {}, h("legend", {}, label), options.map(([each, text]) => h("label", { class: "tick" }, h("input", { type: "checkbox", checked: value.includes(each), onChange: (event) => toggle(each, event.currentTarget.checked) }), text)));
  }
  if (type === "tick") return h("label", { class: "tick" }, h("input", { type: "checkbox", checked: value === true, onChange: (event) => onChange(event.currentTarget.checked) }), label);
  const input = type === "select"
    ? h("select", { value, onChange: (event) => onChange(event.currentTarget.value) }, options.map(([each, text]) => h("option", { value: each, selected: each === value }, text)))
    : h("input", { type, value, list: list.length ? `known-${name}` : undefined, autocomplete: "off", spellcheck: false, min, max, step, required, onInput: (event) => onChange(event.currentTarget.value) });
  return h("label", {}, label, input, list.length > 0 && h("datalist", { id: `known-${name}` }, list.map(([each, text]) => h("option", { key: each, value: each, label: text }))), hint && h("small", {}, hint));
}
