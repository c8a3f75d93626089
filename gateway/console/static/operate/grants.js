// The grants of owners.

import { useChanges } from "/console/operate/dialog.js";
import { nameField } from "/console/operate/field_words.js";
import { sayGrants, splitNames } from "/console/operate/key_words.js";
import { Button, nameOwner, Reading, Table, useWindow } from "/console/operate/parts.js";
import { put, remove } from "/console/lib/api.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { buildAddress } from "/console/lib/route.js";
import { h } from "/console/vendor/preact.js";

const EVERY_MS = 10_000;
const path = (owner) => `/grants/${encodeURIComponent(owner ?? "none")}`;

export function Grants() {
  const read = useData("/grants", { every: EVERY_MS });
  const [dialog, ask] = useChanges(read.reload);
  const grants = read.data?.grants ?? [];
  const [shown, more] = useWindow(grants);
  const set = (each) => ask({
    title: each ? `Change what ${nameOwner(each.owner)} may use` : "Restrict or prioritise an owner",
    fields: [
      ...(each ? [] : [{ name: "owner", label: "Owner", hint: "The UUID of a user, or none for tasks without an owner.", required: true, value: "" }]),
      { name: "models", label: `${nameField("grant", "model")} (names, with commas)`, value: each?.models.join(", ") ?? "" },
      { name: "providers", label: nameField("grant", "provider"), value: each?.providers.join(", ") ?? "" },
      { name: "tools", label: `${nameField("grant", "tool")} (full names or SOURCE/*; none for none)`, value: each?.tools ? each.tools.join(", ") || "none" : "" },
      { name: "priority", label: `${nameField("grant", "priority")} (0 is first; empty: none)`, type: "number", min: 0, max: 9, step: 1, value: each?.priority === null || !each ? "" : String(each.priority) },
    ],
    say: sayGrants,
    confirm: "Set it",
    run: (values) => put(path(each ? each.owner : values.owner.trim()), {
      models: splitNames(values.models),
      providers: splitNames(values.providers),
      tools: splitNames(values.tools),
      priority: values.priority === "" ? -1 : Number(values.priority),
      reason: values.reason,
    }),
    done: () => "The grants are set.",
  });
  const take = (each) => ask({
    title: `Remove the grants of ${nameOwner(each.owner)}`,
    say: () => "The owner may then use every model and every tool, at equal priority.",
    confirm: "Remove them",
    run: ({ reason }) => remove(buildAddress(path(each.owner), { reason }).slice(1)),
    done: () => "The grants are removed.",
  });
  return h(
    "section",
    { class: "part", "aria-label": "Grants" },
    h("h3", {}, "Grants"),
    h(Reading, { of: read, what: "the grants" }),
    h("p", { class: "actions" }, h(Button, { label: "Restrict or prioritise an owner", onClick: () => set(null) })),
    read.data && !grants.length && h("p", { class: "note" }, "Every owner may use every model and every tool, at equal priority."),
    grants.length > 0 && h(Table, { caption: "List of grants", columns: ["Owner", "Models", "Providers", "Tools", "Priority", ""] }, shown.map((each) => h(
      "tr",
      { key: each.owner ?? "none" },
      h("th", { scope: "row" }, nameOwner(each.owner)),
      h("td", { class: "words" }, clip(each.models.join(", ") || "–", 300)),
      h("td", { class: "words" }, clip(each.providers.join(", ") || "–", 300)),
      h("td", { class: "words" }, each.tools === null ? "all" : clip(each.tools.join(", ") || "none", 300)),
      h("td", {}, each.priority ?? "–"),
      h("td", { class: "buttons" }, h(Button, { label: "Change", name: `Change the grants of ${nameOwner(each.owner)}`, onClick: () => set(each) }), h(Button, { label: "Remove", name: `Remove the grants of ${nameOwner(each.owner)}`, onClick: () => take(each) })),
    ))),
    more,
    dialog,
  );
}
