// The form for submitting a task.

import { get, post } from "/console/lib/api.js";
import { AttachmentField } from "/console/ask/attachments.js";
import { h, show } from "/console/lib/dom.js";
import { setTitle } from "/console/lib/title.js";
import { ToolChoice } from "/console/ask/tool_choice.js";

const TYPES = [
  ["GENERATE_CODE", "Generate code"],
  ["ANALYZE_CODE", "Analyse code"],
  ["OPTIMIZE_CODE", "Optimise code"],
  ["CHAT", "Chat"],
  ["STRATEGY", "Strategy"],
  ["DEBATE", "Debate"],
  ["COORDINATE", "Coordinate"],
  ["AUTO", "Auto"],
];
const PREFERENCES = ["balanced", "quality", "speed", "cost", "local"];

/** One for the whole session, so that a draft stays while other pages are shown. */
export class Ask {
  #onTask;
  #form = h("form", { id: "ask", novalidate: true });
  #root = h("div", { class: "page" }, h("h2", {}, "Ask"), this.#form);
  #key = null;
  #prompt = h("textarea", { id: "prompt", rows: 3, required: true, maxlength: 2_000_000, placeholder: "Write a Python function is_palindrome(text)" });
  #type = h("select", { id: "type" }, TYPES.map(([value, label]) => h("option", { value }, label)));
  #model = h("select", { id: "model" }, h("option", { value: "auto" }, "auto"));
  #preference = h("select", { id: "preference" }, PREFERENCES.map((value) => h("option", { value }, value)));
  #budget = h("input", { id: "budget", type: "number", min: 0, step: "any", inputmode: "decimal", placeholder: "none" });
  #asks = h("input", { id: "on-budget", type: "checkbox" });
  #stream = h("input", { id: "stream", type: "checkbox", checked: true });
  #schema = h("textarea", { id: "schema", rows: 5, spellcheck: "false", placeholder: '{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}' });
  #tools = new ToolChoice();
  #files;
  #problem = h("p", { class: "problem", role: "alert", hidden: true });
  #send = h("button", { type: "submit" }, "Ask");

  constructor(onTask) {
    this.#onTask = onTask;
    const form = this.#form;
    this.#files = new AttachmentField(form, this.#prompt, (sentence) => this.#showProblem(sentence));
    show(
      form,
      field("prompt", "What should be done?", this.#prompt),
      h(
        "div",
        { class: "fields" },
        field("type", "Type", this.#type),
        field("model", "Model", this.#model),
        field("preference", "Preference", this.#preference),
        field("budget", "Budget, USD", this.#budget),
      ),
      this.#files.root,
      this.#tools.root,
      h("details", { id: "structure" }, h("summary", {}, "Answer as JSON"), field("schema", "JSON Schema of the answer", this.#schema)),
      h("p", { class: "actions" }, h("label", { class: "tick" }, this.#stream, " stream the text"), h("label", { class: "tick" }, this.#asks, " ask for more at a spent budget"), this.#send),
      this.#problem,
    );
    form.addEventListener("submit", (event) => (event.preventDefault(), this.#submit()));
    form.addEventListener("input", () => (this.#key = null));
    this.#prompt.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
  }

  open(root) {
    show(root, this.#root);
    setTitle("Ask · COGO");
    this.#prompt.focus();
    this.#offerModels().catch(() => {}); // unreachable or unauthorized: the bar says so
    return this;
  }

  close() {}

  /** Offer the tools that executors have, and keep what is chosen. */
  watchTools() {
    this.#tools.watch();
  }

  /** Offer the models that are served now, and keep the selected one. */
  async #offerModels() {
    const { data } = await get("/api/models");
    const chosen = this.#model.value;
    const offered = data.models.map((each) => {
      const more = [each.simulated ? "simulated" : null, each.status === "available" ? null : each.status];
      return h("option", { value: each.id }, [each.id, ...more.filter(Boolean)].join(" · "));
    });
    if (chosen !== "auto" && !data.models.some((each) => each.id === chosen)) {
      offered.push(h("option", { value: chosen }, `${chosen} · not served now`));
    }
    show(this.#model, h("option", { value: "auto" }, "auto"), ...offered);
    this.#model.value = chosen;
  }

  async #submit() {
    const prompt = this.#prompt.value;
    if (!prompt.trim()) return this.#showProblem("Describe what should be done.", this.#prompt);
    if (!this.#budget.validity.valid) return this.#showProblem("A budget is a number of US dollars, such as 0.05.", this.#budget);
    const { schema, problem } = readSchema(this.#schema.value);
    if (problem) return this.#showProblem(problem, this.#schema);
    this.#send.disabled = true;
    this.#problem.hidden = true;
    await this.#files.ready;
    if (!this.#problem.hidden) return void (this.#send.disabled = false); // a file cannot be sent
    // If the gateway became unreachable, sending the form again does not submit a second task.
    this.#key ??= crypto.getRandomValues(new Uint32Array(4)).join("-");
    try {
      const task = await post("/tasks", this.#buildBody(prompt, schema), { "Idempotency-Key": this.#key });
      this.#key = null;
      this.#prompt.value = "";
      this.#files.clear();
      this.#onTask(task);
    } catch (error) {
      this.#showProblem(error.message, this.#prompt);
    } finally {
      this.#send.disabled = false;
    }
  }

  #buildBody(prompt, schema) {
    const [tools, attachments] = [this.#tools.value, this.#files.value];
    const body = {
      prompt,
      params: {
        ...(tools.length ? { tools } : {}),
        ...(schema === null ? {} : { response_schema: schema }),
        ...(attachments.length ? { attachments } : {}),
        ...(this.#asks.checked ? { on_budget: "ask" } : {}),
      },
      type: this.#type.value,
      model: this.#model.value,
      stream: this.#stream.checked,
      preferences: { preference: this.#preference.value },
    };
    return this.#budget.value === "" ? body : { ...body, budget_usd: this.#budget.value };
  }

  #showProblem(sentence, element) {
    this.#problem.hidden = false;
    this.#problem.textContent = sentence;
    element?.closest("details")?.setAttribute("open", "");
    element?.focus();
  }
}

/** Return the schema, null if there is none, or the problem with it. The server checks the rest. */
function readSchema(text) {
  if (!text.trim()) return { schema: null };
  try {
    const schema = JSON.parse(text);
    const isObject = typeof schema === "object" && schema !== null && !Array.isArray(schema);
    return isObject ? { schema } : { problem: 'A JSON Schema is an object, such as {"type": "object"}.' };
  } catch (error) {
    return { problem: `The JSON Schema is not JSON: ${error.message}` };
  }
}

function field(id, label, control) {
  return h("div", { class: "field" }, h("label", { for: id }, label), control);
}
