// The filters above the table: menus, the words that are searched for, and chips of what is on.

import { useData, useMedia } from "/console/lib/hooks.js";
import { getReader } from "/console/lib/reader.js";
import { changeQuery } from "/console/lib/route.js";
import { clip } from "/console/lib/json_view.js";
import { clearFilters, describeFilters, removeFilter, STATUSES, TIMES } from "/console/tasks/filters.js";
import { Choices, Menu } from "/console/tasks/menu.js";
import { FAILED, SavedViews } from "/console/tasks/saved_views.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

const PAUSE_MS = 300;
const FACETS_MS = 60_000;
const FLAGS = [["dead", "with dead letters"], ["children", "also child tasks"]];

const change = (changes) => changeQuery({ ...changes, before: null });

export function FilterBar({ query }) {
  const sheet = useRef(null);
  const [isAsked, setAsked] = useState(false); // the table comes first
  const { data } = useData(isAsked ? "/tasks/facets" : null, { every: FACETS_MS });
  const chips = describeFilters(query);
  const menus = h(Menus, { query, facets: data ?? {}, onOpen: () => setAsked(true) });
  const isPhone = useMedia("(max-width: 820px)");
  return h(
    "div",
    { class: "filter-bar", role: "search", "aria-label": "Tasks" },
    h(Search, { value: query.get("q") ?? "" }),
    isPhone
      ? [
          h("button", { type: "button", class: "quiet", onClick: () => sheet.current.showModal() }, "Filters", chips.length ? h("span", { class: "count" }, ` ${chips.length}`) : null),
          h(
            "dialog",
            { class: "sheet", ref: sheet, "aria-label": "Filters", onClick: (event) => event.target === sheet.current && sheet.current.close() },
            h("div", { class: "sheet-body" }, h("h2", {}, "Filters"), menus, h("p", { class: "actions" }, h("button", { type: "button", class: "quiet", onClick: () => changeQuery(clearFilters()) }, "Clear all"), h("button", { type: "button", onClick: () => sheet.current.close() }, "Show tasks"))),
          ),
        ]
      : menus,
    h(SavedViews, { query }),
    h("a", { class: "quick-view", href: FAILED }, "Failed today"),
    chips.length
      ? h(
          "ul",
          { class: "chips", "aria-label": "Filters that are on" },
          chips.map((chip) =>
            h("li", { key: `${chip.name}=${chip.value}` }, clip(chip.text, 60), h("button", { type: "button", "aria-label": `Remove ${chip.text}`, onClick: () => changeQuery(removeFilter(query, chip)) }, "×")),
          ),
          h("li", { class: "clear" }, h("button", { type: "button", class: "quiet", onClick: () => changeQuery(clearFilters()) }, "Clear all")),
        )
      : null,
  );
}

function Search({ value }) {
  const [typed, setTyped] = useState(value);
  const timer = useRef(null);
  useEffect(() => {
    if (document.activeElement?.id !== "search") setTyped(value);
  }, [value]);
  const type = (text) => {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => change({ q: text.trim() || null }), PAUSE_MS);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return h("input", {
    id: "search",
    type: "search",
    value: typed,
    "aria-label": "Search in prompts, answers and errors",
    placeholder: "Search ( / )",
    onInput: (event) => type(event.target.value),
    onKeyDown: (event) => event.key === "Escape" && event.target.blur(),
  });
}

function Menus({ query, facets, onOpen }) {
  const isOperator = getReader()?.is_operator ?? true;
  const choose = (name, values, more = {}) => {
    const chosen = query.getAll(name).filter(Boolean);
    return h(Menu, { label: LABELS[name], count: chosen.length, onOpen }, h(Choices, { name, values, chosen, onChange: (value) => change({ [name]: value }), ...more }));
  };
  const nameOwner = (id) => (id === "none" ? "without an owner" : id.slice(0, 8));
  return h(
    "div",
    { class: "menus" },
    h(StatusMenu, { query }),
    choose("type", facets.types ?? []),
    choose("model", facets.models ?? []),
    choose("project", ["none", ...(facets.projects ?? [])], { describe: (value) => (value === "none" ? "without a project" : value) }),
    choose("tag", facets.tags ?? []),
    isOperator ? choose("owner", facets.owners ?? [], { describe: nameOwner }) : null,
    h(TimeMenu, { query }),
    h(MoreMenu, { query }),
  );
}

const LABELS = { type: "Type", model: "Model", project: "Project", tag: "Tags", owner: "Owner" };

function StatusMenu({ query }) {
  const chosen = query.getAll("status").filter(Boolean);
  return h(
    Menu,
    { label: "Status", count: chosen.length + (query.get("asking") ? 1 : 0) },
    h(Choices, { name: "status", values: STATUSES, chosen, onChange: (value) => change({ status: value }), isOpen: false }),
    h("fieldset", {}, h("legend", { class: "unseen" }, "Of these"), h(Flag, { name: "asking", label: "only what waits for a person", query })),
  );
}

function TimeMenu({ query }) {
  const [partial, setPartial] = useState({}); // fields with half a date, which no filter can take
  const time = query.get("time");
  const count = ["time", "since", "until"].filter((name) => query.get(name)).length;
  return h(
    Menu,
    { label: Object.values(partial).includes(true) ? "Time: a date is not complete" : "Time", count },
    h(
      "fieldset",
      {},
      h("legend", { class: "unseen" }, "Time"),
      Object.entries({ "": "any time", ...TIMES }).map(([value, label]) =>
        h("label", { class: "tick", key: value }, h("input", { type: "radio", name: "time", checked: (time ?? "") === value, onChange: () => change({ time: value || null, since: null, until: null }) }), label),
      ),
      h(DateField, { name: "since", label: "From", query, isPartial: partial.since, onPartial: (since) => setPartial((old) => ({ ...old, since })) }),
      h(DateField, { name: "until", label: "Until", query, isPartial: partial.until, onPartial: (until) => setPartial((old) => ({ ...old, until })) }),
      h("p", { class: "note" }, `Times are those of this browser: ${nameZone(new Date())}.`),
    ),
  );
}

function DateField({ name, label, query, isPartial, onPartial }) {
  const at = new Date(query.get(name) ?? NaN);
  const value = Number.isNaN(at.getTime()) ? "" : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const take = (event) => change({ time: null, [name]: event.target.value ? new Date(event.target.value).toISOString() : null });
  const look = ({ target }) => target.validity.badInput !== Boolean(isPartial) && onPartial(target.validity.badInput);
  const id = `${name}-partial`;
  return [
    h("label", { class: "field" }, label, h("input", { type: "datetime-local", value, onChange: (event) => (look(event), event.target.validity.badInput || take(event)), onKeyUp: look, onBlur: look, "aria-invalid": isPartial ? "true" : null, "aria-describedby": id })),
    h("p", { class: "problem", id, role: "status" }, isPartial ? "Not yet complete: a day, a month, a year and a time." : null),
  ];
}

function MoreMenu({ query }) {
  const names = ["min_cost", "max_cost", ...FLAGS.map(([name]) => name)];
  const cost = (name, label) =>
    h("label", { class: "field" }, label, h("input", { type: "number", min: 0, step: "any", inputmode: "decimal", value: query.get(name) ?? "", onChange: (event) => event.target.validity.valid && change({ [name]: event.target.value || null }) }));
  return h(
    Menu,
    { label: "More", count: names.filter((name) => query.get(name)).length },
    h(
      "fieldset",
      {},
      h("legend", { class: "unseen" }, "Cost, and tasks with something special"),
      cost("min_cost", "Cost from, USD"),
      cost("max_cost", "Cost up to, USD"),
      FLAGS.map(([name, label]) => h(Flag, { key: name, name, label, query })),
    ),
  );
}

const Flag = ({ name, label, query }) =>
  h("label", { class: "tick" }, h("input", { type: "checkbox", checked: query.get(name) === "true", onChange: (event) => change({ [name]: event.target.checked ? "true" : null }) }), label);

/** Return the name of the browser's time zone, with how far it is from UTC at a time. */
function nameZone(at) {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const offset = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" }).formatToParts(at).find(({ type }) => type === "timeZoneName").value;
  return timeZone === "UTC" ? "UTC" : `${timeZone} (${offset})`;
}
