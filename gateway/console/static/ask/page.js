// The form for submitting a task.

import { get, post } from "/console/lib/api.js";
import { Attachments } from "/console/ask/attachments.js";
import { listModels } from "/console/ask/models.js";
import { buildBody, fromTask, isOfOneModel, keepType, listAsked, readQuery, readSchema, readType, TYPES } from "/console/ask/request.js";
import { buildComparison, MOST } from "/console/compare/figures.js";
import { keepDraft, readDraft } from "/console/lib/draft.js";
import { useData } from "/console/lib/hooks.js";
import { go } from "/console/lib/route.js";
import { Said } from "/console/lib/said.js";
import { setTitle } from "/console/lib/title.js";
import { ToolChoice } from "/console/ask/tool_choice.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

const EVERY_MS = 15_000;
const PREFERENCES = ["balanced", "quality", "speed", "cost", "local"];
const BLANK = { prompt: "", type: readType(), model: "auto", also: [], preference: "balanced", budget: "", project: "", tags: "", asks: false, stream: true, schema: "", tools: [], files: [], from: null, base: null, address: null, isTyped: false, key: null };
const [DRAFT, FILES] = ["ask", "ask files"];
/**
 * What is typed stays while other pages are shown, and after a reload. `address` is the one that the form began with, and
 * `key` the idempotency key: if the gateway became unreachable, sending the form again does not submit a second task.
 */
let draft = { ...BLANK, ...readDraft(DRAFT), files: readDraft(FILES) ?? [] };
/** What was typed before another task or an address filled the form. */
let replaced = null;

function changeDraft(changes) {
  const { files } = draft;
  draft = { ...draft, ...changes };
  keepDraft(DRAFT, { ...draft, files: [] });
  if (draft.files !== files) keepDraft(FILES, draft.files.length ? draft.files : null); // they are large
}

export function Page({ query }) {
  const form = useRef(null);
  const [state, setState] = useState(draft);
  const [problem, setProblem] = useState(null);
  const [isSending, setSending] = useState(false);
  const reading = useRef({ ready: Promise.resolve(), problem: null });
  const { data: models } = useData("/models", { every: EVERY_MS });
  const [isNaming, setNaming] = useState(false);
  const { data: facets } = useData(isNaming ? "/tasks/facets" : null);
  const change = (changes) => {
    changeDraft({ isTyped: true, key: null, ...(typeof changes === "function" ? changes(draft) : changes) });
    setState(draft);
  };
  const fill = (changes) => {
    if (draft.isTyped && draft.prompt.trim()) replaced = draft;
    change({ ...changes, address, isTyped: false });
  };
  const beginAnew = () => {
    change({ ...BLANK, type: readType() });
    go("#/ask");
  };
  const putBack = () => {
    change(replaced);
    replaced = null;
    go("#/ask");
  };
  const showProblem = (text, id = null) => {
    setProblem(text);
    const field = id && form.current?.querySelector(`#${id}`);
    field?.closest("details")?.setAttribute("open", "");
    field?.focus();
  };
  const address = query.toString();
  useEffect(() => {
    setTitle("Ask · COGO");
    form.current.querySelector("#prompt").focus();
    if (!address || draft.address === address) return; // what the address says is in the form, and may have been changed
    const from = query.get("from");
    if (from) get(`/tasks/${encodeURIComponent(from)}`).then(({ task }) => fill({ ...BLANK, ...fromTask(task), ...readQuery(query) }), (error) => showProblem(error.message));
    else fill(readQuery(query));
  }, [address]);
  const submit = async (event) => {
    event.preventDefault();
    if (isSending) return;
    if (!draft.prompt.trim()) return showProblem("Describe what should be done.", "prompt");
    if (!form.current.querySelector("#budget").validity.valid) return showProblem("A budget is a number of US dollars, such as 0.05.", "budget");
    const asked = listAsked(draft);
    if (new Set(asked).size < asked.length) return showProblem("Choose models that differ.", "also-0");
    const { schema, problem: wrong } = readSchema(draft.schema);
    if (wrong) return showProblem(wrong, "schema");
    setSending(true);
    setProblem(null);
    reading.current.problem = null;
    await reading.current.ready;
    if (reading.current.problem) return setSending(false); // a file cannot be sent, and that is shown
    if (!draft.key) changeDraft({ key: crypto.getRandomValues(new Uint32Array(4)).join("-") });
    try {
      const ids = [];
      // One after the other: what was submitted before an error is found again by its key.
      for (const [number, model] of asked.entries()) ids.push((await post(draft.from ? `/tasks/${draft.from}/fork` : "/tasks", buildBody({ ...draft, model }, schema), { "Idempotency-Key": `${draft.key}-${number}` })).id);
      if (!draft.from) keepType(draft.type);
      change({ prompt: "", files: [], also: [], from: null, base: null, address: null, isTyped: false });
      for (const name of [DRAFT, FILES]) keepDraft(name, null);
      go(ids.length > 1 ? buildComparison(ids) : `#/tasks/${ids[0]}`);
    } catch (error) {
      setSending(false);
      showProblem(error.message, "prompt");
    }
  };
  const onKeyDown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.current.requestSubmit();
  };
  const field = (id, label, tag, properties = {}, ...children) =>
    h("div", { class: "field" }, h("label", { for: id }, label), h(tag, { id, value: state[id], [tag === "select" ? "onChange" : "onInput"]: (event) => change({ [id]: event.target.value }), ...properties }, ...children));
  const listOptions = (chosen) => [["auto", "auto"], ...listModels(models?.models ?? [], chosen)].map(([value, label]) => h("option", { key: value, value }, label));
  const several = listAsked(state).length;
  const places = Array.from({ length: Math.min(several, MOST - 1) }, (_, number) => number);
  const changeAlso = (number, value) => change((old) => ({ also: (number < old.also.length ? old.also.map((each, at) => (at === number ? value : each)) : [...old.also, value]).filter(Boolean) }));
  const tick = (id, name, label) => h("label", { class: "tick" }, h("input", { id, type: "checkbox", checked: state[name], onChange: (event) => change({ [name]: event.target.checked }) }), ` ${label}`);
  return h(
    "div",
    { class: "page" },
    h("h2", {}, "Ask"),
    h(
      "form",
      { id: "ask", ref: form, novalidate: true, onSubmit: submit, onKeyDown },
      state.from && h("p", { class: "note" }, "This asks ", h("a", { href: `#/tasks/${state.from}` }, "a task"), " again. ", h("button", { type: "button", class: "quiet", onClick: beginAnew }, "Begin anew")),
      replaced && h("p", { class: "note" }, "This took the place of what you had typed. ", h("button", { type: "button", class: "quiet", onClick: putBack }, "Put it back")),
      field("prompt", "What should be done?", "textarea", { rows: 6, required: true, maxlength: 2_000_000, placeholder: "Write a Python function is_palindrome(text)" }),
      h(
        "div",
        { class: "fields" },
        field("type", "Type", "select", {}, listTypes(state.type).map(([value, label]) => h("option", { key: value, value }, label))),
        field("model", "Model", "select", {}, listOptions(state.model)),
        places.map((number) => h("div", { class: "field", key: `also-${number}` }, h("label", { for: `also-${number}` }, number ? "and with" : "Compare with"), h("select", { id: `also-${number}`, value: state.also[number] ?? "", onChange: ({ target }) => changeAlso(number, target.value) }, h("option", { value: "" }, "no other model"), listOptions(state.also[number])))),
        field("preference", "Preference", "select", {}, PREFERENCES.map((value) => h("option", { key: value, value }, value))),
        field("budget", "Budget, USD", "input", { type: "number", min: 0, step: "any", inputmode: "decimal", placeholder: "none" }),
        field("project", "Project", "input", { type: "text", maxlength: 100, list: "projects", onFocus: () => setNaming(true), autocomplete: "off", placeholder: "none" }),
        field("tags", "Tags, separated by commas", "input", { type: "text", autocomplete: "off", placeholder: "none" }),
      ),
      several > 1 && h("p", { class: "note", role: "status" }, "Each model gets a task of its own; they stand beside each other while they answer.", isOfOneModel(state.type) ? null : " With this type other models take part, too; choose Chat to compare only these."),
      h("datalist", { id: "projects" }, (facets?.projects ?? []).map((value) => h("option", { key: value, value }))),
      h(Attachments, { files: state.files, form, reading: reading.current, onChange: (takeFiles) => change((old) => ({ files: takeFiles(old.files) })), onProblem: setProblem }),
      h(ToolChoice, { chosen: state.tools, onChange: (tools) => change({ tools }) }),
      h(
        "details",
        { id: "structure" },
        h("summary", {}, "Answer as JSON"),
        field("schema", "JSON Schema of the answer", "textarea", { rows: 5, spellcheck: "false", placeholder: '{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}' }),
      ),
      h("p", { class: "actions" }, tick("stream", "stream", "stream the text"), tick("on-budget", "asks", "ask for more when the budget is spent"), h("button", { type: "submit", disabled: isSending, title: "Ctrl+Enter" }, several > 1 ? `Ask ${several} models` : "Ask")),
      h("p", { class: "problem", role: "alert", hidden: !problem }, problem && h(Said, { text: problem })),
    ),
  );
}

const listTypes = (chosen) => (TYPES.some(([value]) => value === chosen) ? TYPES : [...TYPES, [chosen, chosen]]);
