// The tools that a new task may use: those that executors offer now.

import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { h } from "/console/vendor/preact.js";

const EVERY_MS = 15_000;
const SOURCES = { function: "Functions", mcp: "MCP servers", cogo: "COGO", vendor: "Vendors of models", none: "Not offered now" };

/** `chosen` are the names for `params.tools`. What is chosen stays when it is no longer offered. */
export function ToolChoice({ chosen, onChange }) {
  const { data } = useData("/tools", { every: EVERY_MS });
  const offered = data?.tools ?? [];
  const gone = chosen.filter((name) => !offered.some((each) => each.name === name)).map((name) => ({ name, source: data ? "none" : "function", granted: true }));
  const all = [...offered, ...gone];
  const toggle = (name) => onChange(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
  return h(
    "details",
    { id: "tools" },
    h("summary", {}, "Tools ", h("span", { class: "count" }, chosen.length || null)),
    h(
      "div",
      { class: "tools" },
      data ? null : h("p", { class: "note" }, "Loading the tools."),
      Object.entries(SOURCES).map(([source, title]) => {
        const group = all.filter((each) => each.source === source);
        if (!group.length) return null;
        return h("fieldset", { key: source }, h("legend", {}, title), group.map((each) => h(Tool, { key: each.name, tool: each, isChosen: chosen.includes(each.name), onToggle: () => toggle(each.name) })));
      }),
    ),
  );
}

function Tool({ tool: { name, granted }, isChosen, onToggle }) {
  return h(
    "label",
    { class: "tick", title: granted ? name : "It is not granted to you." },
    h("input", { type: "checkbox", value: name, disabled: !granted && !isChosen, checked: isChosen, onChange: onToggle }),
    h("span", { class: "tool" }, clip(name, 200)),
    granted ? null : h("span", { class: "note" }, "not granted"),
  );
}
