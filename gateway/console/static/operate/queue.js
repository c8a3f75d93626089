// The queue by lane and by owner, with the controls of both.

import { useAsked, useChanges } from "/console/operate/dialog.js";
import { useNames } from "/console/operate/known.js";
import { Button, NOBODY, nameOwner, Operate, Reading, Table, useSteady, useWindow, When } from "/console/operate/parts.js";
import { FIGURES, groupActions, limitFields, listIdle, nameAction, namePace, readLimits, sayLimit, sayPause, sayResume, sumBy } from "/console/operate/queue_words.js";
import { post, put } from "/console/lib/api.js";
import { remaining } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { buildAddress } from "/console/lib/route.js";
import { h } from "/console/vendor/preact.js";

const EVERY_MS = 3_000;
const ACTIONS_READ = 200;
const ACTIONS_SHOWN = 3;
const SUBJECTS = {
  lane: { title: "Lanes", path: ({ lane }) => `/lanes/${encodeURIComponent(lane)}`, name: ({ lane }) => clip(lane, 100) },
  owner: { title: "Owners", path: ({ owner }) => `/owners/${owner ?? "none"}`, name: ({ owner }) => nameOwner(owner) },
};

export function Page({ query }) {
  const read = useData("/queue", { every: EVERY_MS });
  const lanes = useActions("lane");
  const owners = useActions("owner");
  const nameWho = useNames();
  const [dialog, ask] = useChanges(() => [read, lanes, owners].forEach((each) => each.reload()));
  const agents = useData("/agents", { every: 5 * EVERY_MS });
  const rows = read.data?.lanes ?? [];
  const idle = listIdle(agents.data?.agents ?? [], rows);
  const switchLane = (lane, action) => ask(askToSwitch("lane", sumBy(rows, "lane").find((each) => each.lane === lane) ?? { lane, queued: 0, running: 0, max_running: null }, action));
  useAsked(query, "pause", read.data ? (lane) => switchLane(lane, "pause") : null);
  useAsked(query, "resume", read.data ? (lane) => switchLane(lane, "resume") : null);
  const pauseIdle = () => ask({
    title: "Pause another lane",
    fields: [{ name: "lane", label: "Lane", type: "select", required: true, value: "", options: [["", "Choose one"], ...idle.map((each) => [each, clip(each, 100)])] }],
    say: ({ lane }) => lane && sayPause({ queued: 0, running: 0 }),
    confirm: "Pause",
    run: ({ lane, reason }) => post(`${SUBJECTS.lane.path({ lane })}/pause`, { reason }),
    done: (_answer, { lane }) => `${lane} is paused.`,
  });
  return h(
    Operate,
    { path: "/queue", title: "Queue" },
    h(Reading, { of: read, what: "the queue" }),
    read.data && !rows.length && h("p", { class: "note" }, "The queue is empty."),
    rows.length > 0 && [h(Subjects, { key: "lane", kind: "lane", rows, actions: lanes.found, ask, nameWho }), h(Subjects, { key: "owner", kind: "owner", rows, actions: owners.found, ask, nameWho })],
    idle.length > 0 && h("p", { class: "actions" }, h(Button, { label: "Pause another lane", onClick: pauseIdle }), h("span", { class: "note" }, "One that is served, but has had no work lately.")),
    dialog,
  );
}

/** Ask before a lane or an owner is paused or resumed. */
function askToSwitch(kind, each, action) {
  const name = SUBJECTS[kind].name(each);
  const run = ({ reason }) => post(`${SUBJECTS[kind].path(each)}/${action}`, { reason });
  if (action === "pause") return { title: `Pause ${name}`, say: () => sayPause(each), confirm: "Pause", run, done: () => `${name} is paused.` };
  return { title: `Resume ${name}`, say: () => sayResume(each), confirm: "Resume", run, done: () => `${name} goes on.` };
}

/** Read the latest actions on lanes or owners: `found` has some of each by its key. */
function useActions(kind) {
  const { data, reload } = useData(buildAddress("/actions", { kind, limit: ACTIONS_READ }).slice(1), { every: 10 * EVERY_MS });
  return { found: groupActions(data?.actions ?? [], ACTIONS_SHOWN), reload };
}

/** What was done to a lane or an owner: the latest action, and those before it folded out. */
function LastActions({ actions, subject, kind, name, nameWho }) {
  if (!actions) return "–";
  const [last, ...before] = actions;
  const describe = (each) => [`${nameAction(each)} by ${nameWho(each.who)}, `, h(When, { at: each.at }), each.reason && `: ${clip(each.reason, 300)}`];
  return [
    describe(last),
    h("details", {}, h("summary", { "aria-label": `Before that: ${name}` }, "before that"), h("ul", { class: "lines" }, before.map((each) => h("li", { key: each.id }, describe(each))), h("li", {}, h("a", { href: buildAddress("/actions", { kind, subject }) }, `all of ${name}`)))),
  ];
}

function Subjects({ kind, rows, actions, ask, nameWho }) {
  const [summed, hold] = useSteady(sumBy(rows, kind));
  const [shown, more] = useWindow(summed);
  const figures = FIGURES.filter((name) => name === "queued" || name === "running" || rows.some((row) => row[name] > 0));
  const { title } = SUBJECTS[kind];
  const rated = kind === "lane";
  const columns = [title.slice(0, -1), ...figures.map((each) => each[0].toUpperCase() + each.slice(1)), "Oldest", ...(rated ? ["Done/min", "Failed/min"] : []), "Limits", "Last change", ""];
  return h(
    "div",
    hold,
    h("h3", {}, title),
    h(Table, { caption: title, columns }, shown.map((each) => h(SubjectRow, { key: each.key, kind, each, figures, rated, actions, ask, nameWho }))),
    more,
  );
}

function SubjectRow({ kind, each, figures, rated, actions, ask, nameWho }) {
  const subject = SUBJECTS[kind];
  const name = subject.name(each);
  const path = subject.path(each);
  const flip = () => ask(askToSwitch(kind, each, each.paused ? "resume" : "pause"));
  const key = each.key === "none" ? NOBODY : each.key;
  const limit = () => ask({
    title: `Limit ${name}`,
    fields: limitFields(each),
    say: (values) => sayLimit(each, values),
    confirm: "Set the limit",
    run: (values) => put(`${path}/limit`, readLimits(values)),
    done: () => `The limits of ${name} are set.`,
  });
  const limits = namePace(each);
  return h(
    "tr",
    { "data-subject": each.key },
    h("th", { scope: "row" }, name, each.paused && h("small", { class: "reason" }, "paused")),
    figures.map((figure) => h("td", { class: `figure ${figure === "dead" && each.dead ? "failed" : ""}` }, figure === "dead" && each.dead ? h("a", { href: kind === "lane" ? buildAddress("/dead", { lane: each.lane }) : "#/dead" }, String(each.dead)) : String(each[figure]))),
    h("td", { class: "figure" }, each.oldest_ms === null ? "–" : remaining(each.oldest_ms)),
    rated && [h("td", { class: "figure" }, each.completed_per_minute.toFixed(1)), h("td", { class: "figure" }, each.failed_per_minute.toFixed(1))],
    h("td", {}, limits || "none"),
    h("td", { class: "words" }, h(LastActions, { actions: actions.get(key), kind, subject: key, name, nameWho })),
    h(
      "td",
      { class: "buttons" },
      h(Button, { label: each.paused ? "Resume" : "Pause", name: `${each.paused ? "Resume" : "Pause"} ${name}`, onClick: flip }),
      h(Button, { label: "Limit", name: `Limit ${name}`, onClick: limit }),
    ),
  );
}
