// The log of operators: who changed what and when, what it was before and is now, and why.

import { describeChange } from "/console/operate/action_words.js";
import { useNames } from "/console/operate/known.js";
import { More, Operate, Reading, Table } from "/console/operate/parts.js";
import { moment } from "/console/lib/format.js";
import { clip } from "/console/lib/json_view.js";
import { usePages } from "/console/lib/pages.js";
import { buildAddress, changeQuery } from "/console/lib/route.js";
import { h, useState } from "/console/vendor/preact.js";

const EVERY_MS = 5_000;
const KINDS = { lane: "lane", owner: "owner", model: "model", policy: "selection policy", grant: "grants", budget: "cap", key: "API key", member: "member of a project", column: "AI column", spending: "stop of spending", task: "task", erasure: "erasure", instance: "system" };
const LINKS = { lane: "#/queue", owner: "#/queue", model: "#/models", policy: "#/models", budget: "#/limits", spending: "#/limits", grant: "#/keys", key: "#/keys", member: "#/projects" };

export function Page({ query }) {
  const filter = Object.fromEntries(["who", "kind", "subject", "since"].map((name) => [name, query.get(name) ?? ""]));
  const since = filter.since ? new Date(filter.since) : null;
  const isDate = since !== null && !Number.isNaN(since.getTime());
  const nameWho = useNames();
  const read = usePages(buildAddress("/actions", { limit: 100, ...filter, since: isDate ? since.toISOString() : "" }).slice(1), "actions", { every: EVERY_MS });
  return h(
    Operate,
    { path: "/actions", title: "Actions" },
    h(Filters, { key: JSON.stringify(filter), filter }),
    h(Reading, { of: read, what: "the actions" }),
    !read.isLoading && !read.error && !read.rows.length && h("p", { class: "note" }, "No operator has done anything that matches."),
    read.rows.length > 0 && h(Table, { caption: "List of actions", columns: ["When", "Who", "What", "Before and after", "Reason"] }, read.rows.map((each) => h(Action, { key: each.id, each, nameWho }))),
    h(More, { of: read }),
  );
}

/** The filters apply when the form is sent, so that no list is read for each letter. */
function Filters({ filter }) {
  const [values, setValues] = useState(filter);
  const set = (name) => ({ currentTarget }) => setValues((old) => ({ ...old, [name]: currentTarget.value }));
  const send = (event) => (event.preventDefault(), changeQuery(values));
  return h(
    "form",
    { class: "filters", role: "search", onSubmit: send },
    h("label", {}, "Kind", h("select", { onChange: (event) => changeQuery({ ...values, kind: event.currentTarget.value }) }, h("option", { value: "" }, "all"), Object.entries(KINDS).map(([kind, name]) => h("option", { key: kind, value: kind, selected: kind === filter.kind }, name)))),
    h("label", {}, "Who (as in the list)", h("input", { type: "search", value: values.who, onInput: set("who") })),
    h("label", {}, "What (as in the list)", h("input", { type: "search", value: values.subject, onInput: set("subject") })),
    h("label", {}, "Since", h("input", { type: "datetime-local", value: values.since, onInput: set("since") })),
    h("button", { class: "quiet small" }, "Filter"),
  );
}

function Action({ each, nameWho }) {
  const place = each.kind === "task" ? `#/tasks/${each.subject.slice(0, 36)}` : each.kind === "column" ? `#/columns/${each.subject.slice(0, 36)}` : LINKS[each.kind];
  const subject = clip(each.subject, 120);
  return h(
    "tr",
    {},
    h("td", { class: "figure" }, h("time", { datetime: each.at }, moment(each.at))),
    h("td", { class: "words" }, nameWho(each.who)),
    h("th", { scope: "row" }, place ? h("a", { href: place }, subject) : subject, h("small", {}, KINDS[each.kind] ?? each.kind)),
    h("td", { class: "words" }, describeChange(each).map((line) => h("div", {}, line))),
    h("td", { class: "words" }, each.reason ? clip(each.reason, 500) : "–"),
  );
}
