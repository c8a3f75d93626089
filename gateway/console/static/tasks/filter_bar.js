// The filters above the table: menus, the words that are searched for, and chips of what is on.

import { useData } from "/console/lib/hooks.js";
import { getReader } from "/console/lib/reader.js";
import { changeQuery } from "/console/lib/route.js";
import { clip } from "/console/lib/json_view.js";
import { clearFilters, describeFilters, removeFilter, STATUSES, TIMES } from "/console/tasks/filters.js";
import { Choices, Menu } from "/console/tasks/menu.js";
import { SavedViews } from "/console/tasks/saved_views.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

const PAUSE_MS = 300;
const FACETS_MS = 60_000;
const FLAGS = [["asking", "with open questions"], ["dead", "with dead letters"], ["children", "also child tasks"]];

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
    choose("status", STATUSES, { isOpen: false }),
    choose("type", facets.types ?? []),
    choose("model", facets.models ?? []),
    choose("project", ["none", ...(facets.projects ?? [])], { describe: (value) => (value === "none" ? "without a project" : value) }),
    choose("tag", facets.tags ?? []),
    isOperator ? choose("owner", facets.owners ?? [], { describe: nameOwner }) : null,
    h(TimeMenu, { query }),
    h(MoreMenu, { query }),
  );
}

const LABELS = { status: "Status", type: "Type", model: "Model", project: "Project", tag: "Tags", owner: "Owner" };

function TimeMenu({ query }) {
  const time = query.get("time");
  const count = ["time", "since", "until"].filter((name) => query.get(name)).length;
  return h(
    Menu,
    { label: "Time", count },
    h(
      "fieldset",
      {},
      h("legend", { class: "unseen" }, "Time"),
      Object.entries({ "": "any time", ...TIMES }).map(([value, label]) =>
        h("label", { class: "tick", key: value }, h("input", { type: "radio", name: "time", checked: (time ?? "") === value, onChange: () => change({ time: value || null, since: null, until: null }) }), label),
      ),
      h(DateField, { name: "since", label: "From", query }),
      h(DateField, { name: "until", label: "Until", query }),
    ),
  );
}

function DateField({ name, label, query }) {
  const at = new Date(query.get(name) ?? NaN);
  const value = Number.isNaN(at.getTime()) ? "" : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const take = (event) => change({ time: null, [name]: event.target.value ? new Date(event.target.value).toISOString() : null });
  return h("label", { class: "field" }, label, h("input", { type: "datetime-local", value, onChange: take }));
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
      FLAGS.map(([name, label]) => h("label", { class: "tick", key: name }, h("input", { type: "checkbox", checked: query.get(name) === "true", onChange: (event) => change({ [name]: event.target.checked ? "true" : null }) }), label)),
    ),
  );
}

/** Return whether the page fits a condition on its size now. */
export function useMedia(condition) {
  const [media] = useState(() => matchMedia(condition));
  const [isMet, setMet] = useState(media.matches);
  useEffect(() => {
    const listen = () => setMet(media.matches);
    media.addEventListener("change", listen);
    return () => media.removeEventListener("change", listen);
  }, []);
  return isMet;
}
