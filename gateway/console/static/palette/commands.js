// What the palette offers: pages, actions and what exists, each with an address. Those of actions open the dialog that asks before. Pure.

import { clip } from "/console/lib/json_view.js";
import { buildAddress } from "/console/lib/route.js";

const SHOWN = 30;
/** Pages: label, address, words by which they are found, the part, and whether only operators see them. */
const PAGES = [
  ["Tasks", "#/", "list table home", "tasks"],
  ["Inbox", "#/inbox", "approve answer questions what waits", "inbox"],
  ["Ask", "#/ask", "new task submit compare models", "tasks"],
  ["Compare tasks", "#/compare", "several models side by side", "tasks"],
  ["Models", "#/models", "prices ban pin drain policy", "models"],
  ["Charts", "#/charts", "usage cost tokens latency", "charts"],
  ["Columns", "#/columns", "ai columns backfill", "columns"],
  ["Memory", "#/memory", "facts documents", "memory"],
  ["Sessions", "#/sessions", "conversations", "sessions"],
  ["Agents", "#/agents", "executors deployments", "operate", true],
  ["Queue", "#/queue", "lanes owners pause resume limit", "operate", true],
  ["Dead letters", "#/dead", "failed for good errors", "operate", true],
  ["Limits", "#/limits", "caps budgets spending", "tasks"],
  ["Projects", "#/projects", "members caps", "tasks"],
  ["Keys and grants", "#/keys", "api keys rights", "operate", true],
  ["Actions", "#/actions", "log who did what", "operate", true],
];
const FAILED = [["noon", "since 12:00"], ["1h", "in the last hour"], ["today", "today"], ["yesterday", "yesterday"]];

const name = (text) => clip(text, 80);

/** Return the entries `{ kind, label, says, address, words }` for what is known: lists of `lanes`, `models`, `projects` and `keys`, and `isStopped`. The reader sees all parts if `parts` is null. */
export function listCommands({ isOperator, parts, isStopped, lanes, models, projects, keys }) {
  const sees = (part) => parts === null || parts.includes(part);
  const action = (label, says, address, words = "") => ({ kind: "action", label, says, address, words });
  const commands = PAGES.filter(([, , , part, isForOperators]) => sees(part) && (isOperator || !isForOperators)).map(([label, address, words]) => ({ kind: "page", label, says: "", address, words }));
  const retry = (time) => (isOperator ? buildAddress("/dead", { time, do: "retry" }) : buildAddress("/tasks", { status: "failed", time, do: "retry" }));
  const tasks = sees("tasks") ? FAILED.map(([time, when]) => action(`Retry what failed ${when}`, "Shows it, and says what would run again", retry(time), "redrive failures")) : [];
  const charts = sees("charts") ? [action("Cost of yesterday by model", "Which model cost most and was used most", buildAddress("/charts", { period: "yesterday", by: "model" }), "usage most expensive")] : [];
  const controls = isOperator
    ? [
        isStopped
          ? action("Resume spending", "Calls to models begin again, after a question", buildAddress("/limits", { do: "resume" }), "start")
          : action("Stop spending", "No call to a model begins until it is resumed, after a question", buildAddress("/limits", { do: "stop" }), "red button halt"),
        action("New key", "A key for a week, unless you change it", buildAddress("/keys", { do: "create" }), "create api key token"),
        ...lanes.map(({ lane, paused }) => action(`${paused ? "Resume" : "Pause"} lane ${name(lane)}`, paused ? "What waits may begin, after a question" : "What runs ends and what comes waits, after a question", buildAddress("/queue", { [paused ? "resume" : "pause"]: lane }))),
        ...projects.map((each) => action(`Set a cap for project ${name(each)}`, "Asks for the limit", buildAddress("/projects", { cap: each }), "budget")),
        ...keys.map(({ id, name: label }) => action(`Revoke key ${name(label)}`, "Requests with it are refused for good, after a question", buildAddress("/keys", { revoke: id }), id)),
      ]
    : [];
  const things = [
    ...models.map((each) => ({ kind: "model", label: name(each), says: "", address: buildAddress("/models", { q: each }), words: "" })),
    ...projects.map((each) => ({ kind: "project", label: name(each), says: "Its tasks", address: buildAddress("/tasks", { project: each }), words: "" })),
  ];
  const [first, ...rest] = controls;
  return [...tasks.slice(0, 1), ...(first ? [first] : []), ...rest.slice(0, 1), ...charts, ...commands, ...tasks.slice(1), ...rest.slice(1), ...things];
}

/** Return an entry for each task that was found for a text, and one that shows them all. */
export function listTasks(tasks, text) {
  const found = tasks.map(({ id, prompt, status }) => ({ kind: "task", label: clip(prompt.trim().split("\n", 1)[0], 120) || "(an empty prompt)", says: status, address: `#/tasks/${id}`, words: "" }));
  return [...found, { kind: "search", label: `Tasks with “${clip(text, 60)}”`, says: "Shows them as a table", address: buildAddress("/tasks", { q: text }), words: "" }];
}

/** Return the entries that have all words of a text, those first whose label begins with it. */
export function findCommands(commands, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return commands.slice(0, SHOWN);
  const rank = ({ label, says, words: more }) => {
    const [said, all] = [label.toLowerCase(), `${label} ${more} ${says}`.toLowerCase()];
    if (!words.every((each) => all.includes(each))) return null;
    if (said.startsWith(words.join(" "))) return 0;
    return words.every((each) => said.includes(each)) ? 1 : 2;
  };
  const found = commands.map((each) => [rank(each), each]).filter(([place]) => place !== null);
  return found.sort(([a], [b]) => a - b).slice(0, SHOWN).map(([, each]) => each);
}
