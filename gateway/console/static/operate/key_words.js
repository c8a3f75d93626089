// What is said about keys and grants. Pure.

import { moment, zonedMoment } from "/console/lib/format.js";
import { clip } from "/console/lib/json_view.js";
import { nameField } from "/console/operate/field_words.js";

const DAY_MS = 86_400_000;
const LASTS = [["1", "one day"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "one year"], ["date", "until the end of a day"], ["", "forever"]];
export const SCOPES = {
  "tasks:read": "read tasks, answers and memory",
  "tasks:write": "submit, cancel and answer",
  "models:read": "list models",
  "metrics:read": "read metrics",
  admin: "everything, for the tasks of all owners",
};

/** The fields of a new key that is made at `now`; `known` may learn the projects that exist later. */
export const keyFields = (known, now) => [
  { name: "name", label: nameField("key", "name"), required: true, value: `key of ${moment(new Date(now).toISOString()).replace(/:\d\d$/, "")}` },
  { name: "scopes", label: nameField("key", "scopes"), type: "ticks", value: ["tasks:read", "tasks:write", "models:read"], options: Object.entries(SCOPES).map(([scope, text]) => [scope, `${scope}: ${text}`]) },
  { name: "owner", label: nameField("key", "owner"), hint: "The UUID of a user; empty: for tasks without an owner.", value: "" },
  { name: "project", label: nameField("key", "project"), hint: "It sees and makes only tasks of this project; empty: of all.", list: () => known.project ?? [], value: "" },
  { name: "lasts", label: "It lasts", type: "select", value: "7", options: LASTS },
  { name: "until", label: "Its last day", type: "date", required: true, value: "", when: ({ lasts }) => lasts === "date" },
];

/** When a key expires that lasts some days from `from` on, or to the end of the day `until` here; null: never. */
export function expiryOf(lasts, from, until = "") {
  if (lasts === "") return null;
  if (lasts === "date") return until ? new Date(`${until}T23:59:59`).toISOString() : null;
  return new Date(from + Number(lasts) * DAY_MS).toISOString();
}

export function sayKey({ scopes, owner, project = "", lasts, until }, from, projects) {
  if (!scopes.length) return "Choose what it may do.";
  const whose = scopes.includes("admin") ? "of all owners" : owner.trim() ? `of the user ${clip(owner.trim(), 8).replace("…", "")}` : "without an owner";
  const may = scopes.includes("admin") ? "do everything an operator can, also create keys" : scopes.map((each) => SCOPES[each]).join("; ");
  const isMissing = project.trim() && projects && !projects.some(([each]) => each === project.trim());
  const expires = lasts === "" ? "It never expires." : expiryOf(lasts, from, until) && `It expires on ${zonedMoment(expiryOf(lasts, from, until))}.`;
  const isPast = lasts === "date" && until && new Date(expiryOf(lasts, from, until)) <= from;
  return [`Whoever has it may: ${may}. It acts for tasks ${whose}${project.trim() ? ` in the project ${clip(project.trim(), 60)}` : ""}.`, isPast ? "This day is over: choose a later one." : expires, isMissing && "No task of this project exists yet."].filter(Boolean);
}

/** Return the names in a text that has them in lines or with commas. */
export const splitNames = (text) => text.split(/[\n,]/).map((each) => each.trim()).filter(Boolean);

const list = (names, none) => (names.length ? names.map((each) => clip(each, 60)).join(", ") : none);

export function sayGrants({ models, providers, tools, priority }) {
  const [named, hosts, offered] = [models, providers, tools].map(splitNames);
  return [
    named.length || hosts.length ? `The owner's tasks get only ${list([...named, ...hosts.map((each) => `models of ${each}`)])}; tasks that ask for another are refused.` : "The owner's tasks may use every model.",
    !offered.length || offered.includes("all") ? "They may use every tool." : offered.includes("none") ? "They may use no tool." : `They may use only the tools ${list(offered)}.`,
    priority === "" ? "Their priorities order only their own work." : `Their priorities count among all owners, down to ${priority}.`,
  ];
}
