// Long-term memory: facts and documents, a search in them, and how to forget them.

import { OwnerChoice, Remembered } from "/console/memory/parts.js";
import { useChanges } from "/console/operate/dialog.js";
import { Button, More, plural, Problem, Reading, Table, When } from "/console/operate/parts.js";
import { post, remove } from "/console/lib/api.js";
import { count } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { usePages } from "/console/lib/pages.js";
import { buildAddress } from "/console/lib/route.js";
import { h, useState } from "/console/vendor/preact.js";

const EVERY_MS = 10_000;
const LONG = 600;

export function Page({ query }) {
  const owner = query.get("owner") ?? "";
  const at = (path, values = {}) => buildAddress(path, { ...values, owner }).slice(1);
  const status = useData(at("/memory/status"), { every: EVERY_MS });
  const facts = usePages(at("/memory/facts"), "facts", { every: EVERY_MS, parameter: "after" });
  const documents = usePages(at("/memory/documents"), "documents", { every: EVERY_MS, parameter: "after" });
  const reload = () => [status, facts, documents].forEach((each) => each.reload());
  const [dialog, ask] = useChanges(reload);
  const forget = (each, name, what) => ask({
    title: `Forget ${what}`,
    say: () => `“${clip(name, 300)}” is deleted for good${what === "a document" ? `, with its ${plural(each.chunks, "part")}` : ""}; tasks find it no more.`,
    confirm: "Forget it",
    isGrave: true,
    hasReason: false,
    run: () => remove(at(`/memory/${each.id}`)),
    done: () => "It is forgotten.",
  });
  return h(
    Remembered,
    { path: "/memory", title: "Memory" },
    h(OwnerChoice, { key: owner, owner }),
    h(Reading, { of: status, what: "what is remembered" }),
    status.data && h(Status, { status: status.data }),
    h(Search, { key: `search ${owner}`, at }),
    h("h3", {}, "Facts"),
    h(Problem, { error: facts.error }),
    !facts.isLoading && !facts.rows.length && h("p", { class: "note" }, "No fact is remembered."),
    facts.rows.length > 0 && h(Table, { caption: "List of facts", columns: ["Fact", "From", "Remembered", ""] }, facts.rows.map((each) => h(
      "tr",
      { key: each.id },
      h("td", { class: "words" }, clip(each.content, LONG), each.error && h("small", { class: "problem" }, `has no vector: ${clip(each.error, 200)}`)),
      h("td", { class: "words" }, each.task_id ? h("a", { href: `#/tasks/${each.task_id}` }, clip(each.source ?? each.task_id.slice(0, 8), 100)) : clip(each.source ?? "–", 100)),
      h("td", {}, h(When, { at: each.created_at })),
      h("td", { class: "buttons" }, h(Button, { label: "Forget", name: `Forget: ${clip(each.content, 60)}`, onClick: () => forget(each, each.content, "a fact") })),
    ))),
    h(More, { of: facts }),
    h("h3", {}, "Documents"),
    h(Problem, { error: documents.error }),
    !documents.isLoading && !documents.rows.length && h("p", { class: "note" }, "No document is remembered."),
    documents.rows.length > 0 && h(Table, { caption: "List of documents", columns: ["Document", "Size", "Added", ""] }, documents.rows.map((each) => h(
      "tr",
      { key: each.id },
      h("th", { scope: "row" }, h("a", { href: buildAddress(`/memory/documents/${each.id}`, { owner }) }, clip(each.title || each.source, 120)), each.title && h("small", {}, clip(each.source, 200))),
      h("td", { class: "figure" }, `${count(each.characters)} characters`, h("small", {}, plural(each.chunks, "part"))),
      h("td", {}, h(When, { at: each.updated_at ?? each.created_at })),
      h("td", { class: "buttons" }, h(Button, { label: "Forget", name: `Forget: ${clip(each.source, 60)}`, onClick: () => forget(each, each.source, "a document") })),
    ))),
    h(More, { of: documents }),
    h("h3", {}, "Forget more"),
    h(ForgetMany, { key: `forget ${owner}`, at, ask }),
    dialog,
  );
}

function Status({ status }) {
  const { facts, documents, waiting, failed, can_embed: canEmbed, last_error: error } = status;
  return [
    h("p", { class: "summary" }, `${plural(facts, "fact")} and ${plural(documents, "document")}${waiting ? `; ${plural(waiting, "text waits", "texts wait")} for a vector` : ""}.`),
    !canEmbed && h("p", { class: "reason" }, "Searches are by words alone: this database keeps no vectors."),
    failed > 0 && h("p", { class: "reason" }, `${plural(failed, "text has", "texts have")} no vector${error ? `: ${clip(error, 300)}` : "."}`),
  ];
}

/** A search when it is sent: by meaning, which a model's call embeds, or by words alone. */
function Search({ at }) {
  const [state, setState] = useState({ typed: "", words: false });
  const send = async (event) => {
    event.preventDefault();
    if (!state.typed.trim() || state.isSearching) return;
    setState((old) => ({ ...old, isSearching: true, error: null }));
    try {
      const found = await post(at("/memory/search"), { query: state.typed, words: state.words, limit: 20 });
      setState((old) => ({ ...old, isSearching: false, found }));
    } catch (error) {
      setState((old) => ({ ...old, isSearching: false, error }));
    }
  };
  const { found } = state;
  return h(
    "div",
    {},
    h(
      "form",
      { class: "filters", role: "search", "aria-label": "Search memory", onSubmit: send },
      h("label", {}, "Search", h("input", { type: "search", value: state.typed, maxlength: 10_000, onInput: ({ currentTarget }) => setState((old) => ({ ...old, typed: currentTarget.value })) })),
      h("label", { class: "tick" }, h("input", { type: "checkbox", checked: state.words, onChange: ({ currentTarget }) => setState((old) => ({ ...old, words: currentTarget.checked })) }), "by words alone, without a model"),
      h("button", { class: "small", "aria-disabled": state.isSearching ? "true" : undefined }, state.isSearching ? "Searching" : "Search"),
    ),
    h(Problem, { error: state.error }),
    found && h("div", { class: "hits", role: "status" },
      h("p", { class: "note" }, found.hits.length ? `${plural(found.hits.length, "text")}, best first. ` : "Nothing was found. ", found.notes.map((each) => clip(each, 300)).join(" ")),
      h("ol", { class: "lines" }, found.hits.map((each) => h("li", { key: each.id }, h("span", {}, clip(each.content, LONG)), h("small", {}, [each.title ?? each.source, each.heading].filter(Boolean).map((part) => clip(part, 120)).join(" › "), each.document_id && [" ", h("a", { href: at(`/memory/documents/${each.document_id}`).replace(/^/, "#") }, "open it")])))),
    ),
  );
}

/** Forgetting by source, kind and age: counted first. */
function ForgetMany({ at, ask }) {
  const [values, setValues] = useState({ kind: "", source: "", before: "" });
  const [problem, setProblem] = useState(null);
  const set = (name) => ({ currentTarget }) => setValues((old) => ({ ...old, [name]: currentTarget.value }));
  const send = async (event) => {
    event.preventDefault();
    setProblem(null);
    const wish = Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim()).map(([name, value]) => [name, name === "before" ? new Date(value).toISOString() : value.trim()]));
    if (!Object.keys(wish).length) return setProblem(new Error("Say which: a kind, a source or a time."));
    try {
      const would = await post(at("/memory/forget"), { ...wish, dry_run: true });
      ask({
        title: "Forget what matches",
        say: () => `${plural(would.forgotten, "text")} and ${plural(would.documents, "document")} are deleted for good.`,
        confirm: "Forget them",
        isGrave: true,
        hasReason: false,
        run: () => post(at("/memory/forget"), wish),
        done: (gone) => `${plural(gone.forgotten, "text")} and ${plural(gone.documents, "document")} were forgotten.`,
      });
    } catch (error) {
      setProblem(error);
    }
  };
  return h(
    "form",
    { class: "filters", onSubmit: send },
    h("label", {}, "Kind", h("select", { onChange: set("kind") }, [["", "both"], ["fact", "facts"], ["document", "documents"]].map(([value, text]) => h("option", { value }, text)))),
    h("label", {}, "Source, such as notes/*", h("input", { type: "text", value: values.source, onInput: set("source") })),
    h("label", {}, "Stored before", h("input", { type: "datetime-local", value: values.before, onInput: set("before") })),
    h("button", { class: "quiet small" }, "Count, then forget"),
    h(Problem, { error: problem }),
  );
}
