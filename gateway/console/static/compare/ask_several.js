// The form that asks several models the same.

import { listModels } from "/console/ask/models.js";
import { splitTags, TYPES } from "/console/ask/request.js";
import { buildComparison, MOST } from "/console/compare/figures.js";
import { post } from "/console/lib/api.js";
import { useData } from "/console/lib/hooks.js";
import { go } from "/console/lib/route.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

/** Types whose answer is one model's, so that it says something about it. */
const OF_ONE_MODEL = new Set(["CHAT", "GENERATE_CODE", "ANALYZE_CODE", "OPTIMIZE_CODE"]);
const buildKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

const listTypes = (chosen) => [...TYPES.filter(([value]) => OF_ONE_MODEL.has(value)), ...(OF_ONE_MODEL.has(chosen) ? [] : [[chosen, chosen]])];

/** `like` is the id of a task whose prompt, type, project, tags and budget are taken. */
export function AskSeveral({ like }) {
  const { data: offered, error: unknown } = useData("/models");
  const { data: original } = useData(like ? `/tasks/${like}` : null);
  const form = useRef(null);
  const [prompt, setPrompt] = useState("");
  const [type, setType] = useState("CHAT");
  const [models, setModels] = useState(["", ""]);
  const [more, setMore] = useState({ project: "", tags: "", budget: "" });
  const [problem, setProblem] = useState(null);
  const [isSending, setSending] = useState(false);
  /** What was submitted, by model: sending again after an error submits only what is missing. */
  const sent = useRef(new Map());
  useEffect(() => {
    if (!original) return;
    setPrompt(original.task.prompt);
    setType(original.task.type);
    setMore({ project: original.task.project ?? "", tags: (original.task.tags ?? []).join(", "), budget: original.task.budget_usd ?? "" });
    if (original.task.model && original.task.model !== "auto") setModels([original.task.model, ""]);
  }, [original]);
  const params = original && original.task.prompt === prompt && original.task.type === type ? (original.task.params ?? {}) : {};

  const submit = async (event) => {
    event.preventDefault();
    if (!prompt.trim()) return setProblem("Write what should be done.");
    if (models.some((each) => !each)) return setProblem("Choose each model.");
    if (new Set(models).size < models.length) return setProblem("Choose models that differ.");
    if (!form.current.querySelector("#several-budget").validity.valid) return setProblem("A budget is a number of US dollars, such as 0.05.");
    setProblem(null);
    setSending(true);
    const body = { prompt, type, params, project: more.project.trim() || null, tags: splitTags(more.tags), ...(more.budget === "" ? {} : { budget_usd: more.budget }) };
    const asked = JSON.stringify(body);
    if (sent.current.asked !== asked) sent.current = Object.assign(new Map(), { asked });
    try {
      for (const model of models) {
        const known = sent.current.get(model) ?? { key: buildKey(), id: null };
        sent.current.set(model, known);
        known.id ??= (await post("/tasks", { ...body, model }, { "Idempotency-Key": known.key })).id;
      }
      const ids = models.map((each) => sent.current.get(each).id);
      sent.current = new Map();
      go(buildComparison(ids));
    } catch (error) {
      setSending(false);
      const done = models.filter((each) => sent.current.get(each)?.id);
      setProblem(`${error.message}${done.length ? ` – ${done.join(", ")} was asked already; sending again asks only the others.` : ""}`);
    }
  };

  const field = (name, label, properties) =>
    h("div", { class: "field" }, h("label", { for: `several-${name}` }, label), h("input", { id: `several-${name}`, value: more[name], placeholder: "none", onInput: ({ target }) => setMore({ ...more, [name]: target.value }), ...properties }));
  const change = (number, value) => setModels(models.map((each, at) => (at === number ? value : each)));
  return h(
    "div",
    { class: "page compare" },
    h("h2", {}, "Ask several models the same"),
    h("p", { class: "note" }, "Each model gets a task of its own; they stand beside each other while they answer. ", h("a", { href: "#/" }, "To compare tasks that there are, open one and choose Compare.")),
    h(
      "form",
      { id: "ask-several", ref: form, noValidate: true, onSubmit: submit },
      h("div", { class: "field" }, h("label", { for: "several-prompt" }, "What should be done?"), h("textarea", { id: "several-prompt", rows: 5, value: prompt, onInput: ({ target }) => setPrompt(target.value) })),
      h("div", { class: "field" }, h("label", { for: "several-type" }, "Type"), h("select", { id: "several-type", value: type, onChange: ({ target }) => setType(target.value) }, listTypes(type).map(([value, label]) => h("option", { key: value, value }, label)))),
      h("div", { class: "fields" }, models.map((model, number) => h(
        "div",
        { class: "field", key: number },
        h("label", { for: `several-model-${number}` }, `Model ${String.fromCharCode(65 + number)}`),
        h("select", { id: `several-model-${number}`, value: model, onChange: ({ target }) => change(number, target.value) }, h("option", { value: "" }, "choose"), listModels(offered?.models ?? [], model).map(([value, label]) => h("option", { key: value, value }, label))),
      ))),
      h(
        "div",
        { class: "fields" },
        field("project", "Project", { type: "text", maxlength: 100, autocomplete: "off" }),
        field("tags", "Tags, with commas", { type: "text", autocomplete: "off" }),
        field("budget", "Budget of each task, USD", { type: "number", min: 0, step: "any", inputmode: "decimal" }),
      ),
      unknown && h("p", { class: "problem", role: "alert" }, `The models cannot be listed: ${unknown.message}`),
      h(
        "p",
        { class: "actions" },
        h("span", {},
          models.length < MOST && h("button", { type: "button", class: "quiet", onClick: () => setModels([...models, ""]) }, "Another model"),
          models.length > 2 && h("button", { type: "button", class: "quiet", onClick: () => setModels(models.slice(0, -1)) }, "One less")),
        h("button", { type: "submit", disabled: isSending }, `Ask ${models.length} models`),
      ),
      problem && h("p", { class: "problem", role: "alert" }, problem),
    ),
  );
}
