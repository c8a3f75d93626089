// The queue by lane and by owner, with the controls of both.

import { useChanges } from "/console/operate/dialog.js";
import { Button, NOBODY, nameOwner, Operate, Reading, Table, useWindow } from "/console/operate/parts.js";
import { FIGURES, findPause, limitFields, listIdle, namePace, readLimits, sayLimit, sayPause, sayResume, sumBy } from "/console/operate/queue_words.js";
import { post, put } from "/console/lib/api.js";
import { clock, remaining } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { buildAddress } from "/console/lib/route.js";
import { h } from "/console/vendor/preact.js";

const EVERY_MS = 3_000;
const SUBJECTS = {
  lane: { title: "Lanes", path: ({ lane }) => `/lanes/${encodeURIComponent(lane)}`, name: ({ lane }) => clip(lane, 100) },
  owner: { title: "Owners", path: ({ owner }) => `/owners/${owner ?? "none"}`, name: ({ owner }) => nameOwner(owner) },
};

export function Page() {
  const read = useData("/queue", { every: EVERY_MS });
  const [dialog, ask] = useChanges(read.reload);
  const agents = useData("/agents", { every: 5 * EVERY_MS });
  const rows = read.data?.lanes ?? [];
  const idle = listIdle(agents.data?.agents ?? [], rows);
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
    rows.length > 0 && [h(Subjects, { key: "lane", kind: "lane", rows, ask }), h(Subjects, { key: "owner", kind: "owner", rows, ask })],
    idle.length > 0 && h("p", { class: "actions" }, h(Button, { label: "Pause another lane", onClick: pauseIdle }), h("span", { class: "note" }, "One that is served, but has had no work lately.")),
    dialog,
  );
}

/** Who paused a lane or an owner, when and why. */
function PausedBy({ kind, subject }) {
  const { data } = useData(buildAddress("/actions", { kind, subject, limit: 20 }).slice(1), { every: 10 * EVERY_MS });
  const found = findPause(data?.actions ?? []);
  return h("small", { class: "reason" }, "paused", found && ` by ${clip(found.who, 60)}, ${clock(found.at)}${found.reason ? `: ${clip(found.reason, 300)}` : ""}`);
}

function Subjects({ kind, rows, ask }) {
  const summed = sumBy(rows, kind);
  const [shown, more] = useWindow(summed);
  const figures = FIGURES.filter((name) => name === "queued" || name === "running" || rows.some((row) => row[name] > 0));
  const { title } = SUBJECTS[kind];
  const rated = kind === "lane";
  const columns = [title.slice(0, -1), ...figures, "oldest", ...(rated ? ["done/min", "failed/min"] : []), "limits", ""];
  return h(
    "div",
    {},
    h("h3", {}, title),
    h(Table, { caption: title, columns }, shown.map((each) => h(SubjectRow, { key: each.key, kind, each, figures, rated, ask }))),
    more,
  );
}

function SubjectRow({ kind, each, figures, rated, ask }) {
  const subject = SUBJECTS[kind];
  const name = subject.name(each);
  const path = subject.path(each);
  const act = (action) => (values) => post(`${path}/${action}`, { reason: values.reason });
  const pause = () => ask({ title: `Pause ${name}`, say: () => sayPause(each), confirm: "Pause", run: act("pause"), done: () => `${name} is paused.` });
  const resume = () => ask({ title: `Resume ${name}`, say: () => sayResume(each), confirm: "Resume", run: act("resume"), done: () => `${name} goes on.` });
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
    h("th", { scope: "row" }, name, each.paused && h(PausedBy, { kind, subject: each.key === "none" ? NOBODY : each.key })),
    figures.map((figure) => h("td", { class: `figure ${figure === "dead" && each.dead ? "failed" : ""}` }, figure === "dead" && each.dead ? h("a", { href: "#/dead" }, String(each.dead)) : String(each[figure]))),
    h("td", { class: "figure" }, each.oldest_ms === null ? "–" : remaining(each.oldest_ms)),
    rated && [h("td", { class: "figure" }, each.completed_per_minute.toFixed(1)), h("td", { class: "figure" }, each.failed_per_minute.toFixed(1))],
    h("td", {}, limits || "none"),
    h(
      "td",
      { class: "buttons" },
      each.paused ? h(Button, { label: "Resume", name: `Resume ${name}`, onClick: resume }) : h(Button, { label: "Pause", name: `Pause ${name}`, onClick: pause }),
      h(Button, { label: "Limit", name: `Limit ${name}`, onClick: limit }),
    ),
  );
}
