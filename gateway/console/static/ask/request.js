// A new task: from the fields of the form to what the gateway takes, and back from a task.

export const TYPES = [
  ["AUTO", "Auto: a model plans the steps"],
  ["GENERATE_CODE", "Generate code"],
  ["ANALYZE_CODE", "Analyse code"],
  ["OPTIMIZE_CODE", "Optimise code"],
  ["CHAT", "Chat"],
  ["STRATEGY", "Strategy"],
  ["DEBATE", "Debate"],
  ["COORDINATE", "Coordinate"],
];
/** Types whose answer is one model's, so that it says something about it. */
const OF_ONE_MODEL = new Set(["CHAT", "GENERATE_CODE", "ANALYZE_CODE", "OPTIMIZE_CODE"]);
const FIELDS = ["prompt", "type", "model", "preference", "budget", "project", "tags", "schema"];

export const isOfOneModel = (type) => OF_ONE_MODEL.has(type);

/** Return the models that a form asks: one task for each. */
export const listAsked = ({ model, also }) => [model, ...also];

/** Return the fields that an address names, as `#/ask?type=CHAT&prompt=Hello`. */
export function readQuery(query) {
  return Object.fromEntries(FIELDS.filter((name) => query.has(name)).map((name) => [name, query.get(name)]));
}

/** Return the fields that make a task like another one. */
export function fromTask(task) {
  const params = task.params ?? {};
  return {
    from: task.id,
    base: { params, preferences: task.preferences ?? {} },
    prompt: task.prompt,
    type: task.type,
    model: task.model ?? "auto",
    preference: task.preferences?.preference ?? "balanced",
    budget: task.budget_usd === null ? "" : String(task.budget_usd),
    project: task.project ?? "",
    tags: (task.tags ?? []).join(", "),
    stream: task.stream,
    asks: params.on_budget === "ask",
    schema: params.response_schema ? JSON.stringify(params.response_schema, null, 2) : "",
    tools: Array.isArray(params.tools) ? params.tools.filter((each) => typeof each === "string") : [],
    files: (Array.isArray(params.attachments) ? params.attachments : []).filter((each) => typeof each?.url === "string").map(({ url, name }) => ({ url, name: name ?? "", note: "" })),
  };
}

/** Build the body of POST /tasks, or of a fork: what the form does not have stays as it was. */
export function buildBody(draft, schema) {
  const { tools, response_schema: asked, attachments, on_budget: onBudget, fork_session: session, ...others } = draft.base?.params ?? {};
  const params = {
    ...others,
    ...(draft.tools.length ? { tools: draft.tools } : {}),
    ...(schema === null ? {} : { response_schema: schema }),
    ...(draft.files.length ? { attachments: draft.files.map(({ url, name }) => ({ url, name })) } : {}),
    ...(draft.asks ? { on_budget: "ask" } : {}),
  };
  const tags = splitTags(draft.tags);
  return {
    prompt: draft.prompt,
    params,
    type: draft.type,
    model: draft.model,
    stream: draft.stream,
    preferences: { ...draft.base?.preferences, preference: draft.preference },
    ...(draft.budget === "" ? (draft.from ? { budget_usd: null } : {}) : { budget_usd: draft.budget }),
    ...(draft.project.trim() ? { project: draft.project.trim() } : draft.from ? { project: null } : {}),
    ...(tags.length || draft.from ? { tags } : {}),
  };
}

export const splitTags = (text) => [...new Set(text.split(",").map((each) => each.trim()).filter(Boolean))];

/** Return the schema, null if there is none, or the problem with it. The server checks the rest. */
export function readSchema(text) {
  if (!text.trim()) return { schema: null };
  try {
    const schema = JSON.parse(text);
    const isObject = typeof schema === "object" && schema !== null && !Array.isArray(schema);
    return isObject ? { schema } : { problem: 'A JSON Schema is an object, such as {"type": "object"}.' };
  } catch (error) {
    return { problem: `The JSON Schema is not JSON: ${error.message}` };
  }
}

const KEY = "cogo-type";

/** Return the type that this browser asked for last; at first the one that fits any prompt. */
export function readType() {
  try {
    const known = localStorage.getItem(KEY);
    return TYPES.some(([type]) => type === known) ? known : "AUTO";
  } catch {
    return "AUTO";
  }
}

export function keepType(type) {
  try {
    localStorage.setItem(KEY, type);
  } catch {
    // The next form begins with AUTO.
  }
}
