// The waterfall: steps, attempts, calls to models and tools, and checks on one axis of time.

import { buildComparison } from "/console/compare/figures.js";
import { explainTime, KINDS, sumTime, traceTime } from "/console/task/explanation.js";
import { isOver, milliseconds, money } from "/console/lib/format.js";
import { useData, useMedia, useNow } from "/console/lib/hooks.js";
import { changeQuery } from "/console/lib/route.js";
import { Table } from "/console/operate/parts.js";
import { RowDetails } from "/console/task/step_details.js";
import { findWindow, listRows, listTicks } from "/console/task/step_rows.js";
import { readSteps } from "/console/task/timeline.js";
import { chooseTick, useTimelines } from "/console/task/use_timelines.js";
import { h, useEffect, useLayoutEffect, useMemo, useRef, useState } from "/console/vendor/preact.js";

/** Fewer rows are all drawn, and the page scrolls; of more those that are seen. */
const DRAW_ALL = 200;
const MOST_IN_TABLE = 500;
const PAGE = 20;
const SPENDING_MS = 4_000;
const HEIGHT = 32;
const PHONE_HEIGHT = 50;
const PHONE = "(max-width: 820px)";

/** `details` is what GET /tasks/{id} gives; `query.step` has the key of the step that is open. */
export function Steps({ details, query }) {
  const [open, setOpen] = useState(() => new Set());
  const [isTable, setTable] = useState(false);
  const wanted = useMemo(() => listWanted(open), [open]);
  const { tasks, error } = useTimelines(details, wanted);
  const isEnded = isOver(details.task.status);
  const time = useNow(!isEnded, chooseTick(details.subtasks.length));
  const { steps, children, from, to } = useMemo(() => readTree(details, tasks, time), [details, tasks, isEnded ? 0 : time]);
  const isQueued = details.subtasks.some((each) => each.kind === "ask" && each.status === "queued");
  const { data: spending } = useData(isQueued ? "/spending" : null, { every: SPENDING_MS });
  const parts = useMemo(() => sumTime(traceTime(steps, from, to)), [steps, from, to]);
  const rows = listRows(steps, open, children);
  const toggle = (id, isOpen) => setOpen((old) => new Set(isOpen ? [...old, id] : [...old].filter((each) => each !== id)));
  if (!rows.length) return h("p", { class: "note" }, isEnded ? "It ended without a step." : "An orchestrator has not planned it yet.");
  const view = { rows, steps, from, to, toggle, selections: details.selections, hint: details.task.error?.hint, step: query?.get("step") ?? null };
  return h(
    "div",
    { class: "waterfall", id: "waterfall" },
    h("p", { class: "explanation", id: "explanation" }, explainTime(parts, isEnded), isQueued && spending?.stopped ? " Spending is stopped: what is in the queue of a model waits until an operator resumes it." : ""),
    error && h("p", { class: "problem", role: "alert" }, `The times of single calls cannot be read now: ${error.message}`),
    isTable ? h(StepsTable, view) : h(Chart, view),
    h("div", { class: "waterfall-foot" }, !isTable && h(Legend, { rows }), h("a", { href: buildComparison([details.task.id]) }, "Compare with another run"), h("button", { type: "button", class: "quiet", "aria-pressed": String(isTable), onClick: () => setTable(!isTable) }, "As a table")),
  );
}

/** Rows of steps that are child tasks are unfolded by the id of the step; which task that is they know. */
const listWanted = (open) => new Set([...open].filter((each) => each.startsWith("task:")).map((each) => each.slice(5)));

function readTree(details, tasks, time) {
  const children = new Map();
  const read = (entry, timeline, depth) => {
    const steps = readSteps(entry, timeline, time);
    for (const step of steps) {
      const known = step.subtask.child_task_id && depth < 8 ? tasks.get(step.subtask.child_task_id) : null;
      if (!known) continue;
      const inner = read(known.details, known.timeline, depth + 1);
      children.set(step.subtask.child_task_id, inner);
      step.segments = step.segments.flatMap((each) => (each.kind === "child" ? nameBetween(traceTime(inner, each.from, each.to), each) : [each]));
      step.cost = known.details.task.cost_usd === null ? null : Number(known.details.task.cost_usd);
    }
    return steps;
  };
  const steps = read(details, tasks.get(details.task.id)?.timeline, 0);
  const from = Date.parse(details.task.created_at);
  const end = details.task.finished_at ? Date.parse(details.task.finished_at) : time;
  return { steps, children, from, to: Math.max(from + 1, end, ...steps.map((each) => Math.min(each.to, end))) };
}

const nameBetween = (pieces, { name }) => pieces.map((each) => (each.of ? each : { ...each, kind: "child", name, of: undefined }));

function Chart({ rows, from, to, toggle, selections, hint, step }) {
  const box = useRef(null);
  const isPhone = useMedia(PHONE);
  const height = isPhone ? PHONE_HEIGHT : HEIGHT;
  const [scroll, setScroll] = useState({ top: 0, seen: 700 });
  const [focused, setFocused] = useState(null);
  const [extra, setExtra] = useState(0);
  const mustFocus = useRef(false);
  const opened = step === null ? -1 : rows.findIndex((each) => (each.level === 1 && each.key === step) || each.id === step);
  const isWindowed = rows.length > DRAW_ALL;
  const found = findWindow({ count: rows.length, height, open: opened < 0 ? null : opened, extra, top: scroll.top, seen: scroll.seen });
  const { begin, end, above, below } = isWindowed ? found : { begin: 0, end: rows.length, above: 0, below: 0 };
  const current = rows.findIndex((each) => each.id === focused);
  const tabbed = Math.max(0, current);
  const choose = (row) => changeQuery({ step: row === null ? null : row.level === 1 && row.key ? row.key : row.id });

  const place = (number) => number * height + (opened >= 0 && number > opened ? extra : 0);
  const showRow = (number) => {
    const { scrollTop, clientHeight } = box.current;
    if (place(number) < scrollTop) box.current.scrollTop = place(number);
    else if (place(number) + height > scrollTop + clientHeight) box.current.scrollTop = place(number) + height - clientHeight;
  };
  const focus = (number) => {
    const to = Math.max(0, Math.min(rows.length - 1, number));
    mustFocus.current = true;
    setFocused(rows[to].id);
    if (isWindowed) showRow(to);
  };
  useLayoutEffect(() => {
    if (!mustFocus.current) return;
    const row = box.current.querySelector('[role="row"][tabindex="0"]');
    if (!row || row.dataset.id !== focused) return; // it is drawn when the box has scrolled
    mustFocus.current = false;
    row.focus({ preventScroll: isWindowed });
  });
  useEffect(() => {
    if (opened < 0) return;
    if (isWindowed) showRow(opened);
    box.current.querySelector(".row.is-open")?.scrollIntoView({ block: "nearest" });
  }, [step, opened >= 0]);

  const handleKey = (event) => {
    if (event.target.getAttribute("role") !== "row" || event.ctrlKey || event.altKey || event.metaKey) return;
    const at = rows.findIndex((each) => each.id === event.target.dataset.id);
    if (at < 0) return;
    const row = rows[at];
    const parent = rows.findLastIndex((each, number) => number < at && each.level < row.level);
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, PageDown: at + PAGE, PageUp: at - PAGE };
    if (event.key in moves) focus(moves[event.key]);
    else if (event.key === "ArrowRight" && row.hasInner) row.isOpen ? focus(at + 1) : toggleRow(row, true);
    else if (event.key === "ArrowLeft") {
      if (row.isOpen) toggleRow(row, false);
      else if (parent >= 0) focus(parent);
    } else if (event.key === "Enter" || event.key === " ") choose(at === opened ? null : row);
    else if (event.key === "Escape" && opened >= 0) choose(null);
    else return;
    event.preventDefault();
  };
  const toggleRow = (row, isOpen) => {
    toggle(row.id, isOpen);
    if (row.step?.subtask.child_task_id) toggle(`task:${row.step.subtask.child_task_id}`, isOpen);
  };

  return h(
    "div",
    {
      class: isWindowed ? "chart windowed" : "chart", role: "treegrid", "aria-label": "Steps", "aria-rowcount": rows.length + 1, ref: box, onKeyDown: handleKey,
      onScroll: isWindowed ? ({ currentTarget }) => setScroll({ top: currentTarget.scrollTop, seen: currentTarget.clientHeight }) : undefined,
    },
    h(Head, { from, to }),
    h("div", { role: "rowgroup", style: { paddingTop: `${above}px`, paddingBottom: `${below}px` } },
      rows.slice(begin, end).map((row, number) =>
        h(Row, {
          key: row.id, row, from, to, place: begin + number, isTabbed: begin + number === tabbed, isOpened: begin + number === opened, selections, hint, setExtra,
          onToggle: () => toggleRow(row, !row.isOpen), onFocus: () => setFocused(row.id), onChoose: () => choose(begin + number === opened ? null : row),
        }),
      ),
    ),
  );
}

function Head({ from, to }) {
  const ticks = listTicks(to - from);
  const label = (ms) => (ms === 0 ? "0" : ms < 1000 && to - from < 1000 ? `${ms} ms` : ms % 1000 ? `${ms / 1000} s` : milliseconds(ms).replace(".0 s", " s").replace(" min 0 s", " min"));
  return h(
    "div",
    { class: "row head", role: "row", "aria-rowindex": 1 },
    ["Step", "Model"].map((each) => h("span", { role: "columnheader", class: each === "Model" ? "who" : "key" }, each)),
    h("span", { role: "columnheader", class: "axis" }, h("span", { class: "unseen" }, "Time"), ticks.filter((each) => each < 0.96 * (to - from)).map((each) => h("span", { style: { left: `${(100 * each) / (to - from)}%` }, "aria-hidden": "true" }, label(each)))),
    ["Took", "Cost", "State"].map((each) => h("span", { role: "columnheader", class: each === "State" ? "state" : "figure" }, each)),
  );
}

function Row({ row, from, to, place, isTabbed, isOpened, selections, hint, setExtra, onToggle, onFocus, onChoose }) {
  const panel = useRef(null);
  useLayoutEffect(() => {
    if (!isOpened) return undefined;
    const measure = () => setExtra(panel.current?.offsetHeight ?? 0);
    const observer = new ResizeObserver(measure);
    observer.observe(panel.current);
    measure();
    return () => observer.disconnect();
  }, [isOpened]);
  const took = row.worked + row.waited;
  return h(
    "div",
    { class: isOpened ? "entry opened" : "entry", role: "none" },
    h(
      "div",
      {
        class: `row level-${Math.min(row.level, 4)}${isOpened ? " is-open" : ""}`, role: "row", tabindex: isTabbed ? 0 : -1, "data-id": row.id, "data-key": row.key, "aria-level": row.level,
        "aria-rowindex": place + 2, "aria-expanded": row.hasInner ? String(row.isOpen) : undefined, "aria-selected": String(isOpened), onFocus, onClick: onChoose,
      },
      h(
        "span",
        { class: "key", role: "gridcell" },
        row.hasInner
          ? h("button", { type: "button", class: "fold", tabindex: -1, "aria-label": `${row.isOpen ? "Fold" : "Unfold"} ${row.name}`, onClick: (event) => (event.stopPropagation(), onToggle()) }, row.isOpen ? "▾" : "▸")
          : h("span", { class: "fold" }),
        h("span", { class: "name", title: row.branch ? `${row.branch}/${row.name}` : row.name }, row.branch && h("small", {}, `${row.branch}/`), row.name),
      ),
      h("span", { class: "who", role: "gridcell", title: row.who }, row.who),
      h("span", { class: "axis", role: "gridcell", "aria-label": describeTimes(row) }, row.bars.map((each, number) => h(Bar, { key: number, ...each, begin: from, whole: to - from, isLive: !row.isOver && each.to >= to - 1500 }))),
      h("span", { class: "figure", role: "gridcell", title: describeTimes(row) }, took >= 1 || row.isOver ? milliseconds(took) : "", row.tries > 1 && h("small", {}, `${row.tries} attempts`)),
      h("span", { class: "figure cost", role: "gridcell" }, row.cost === null ? "" : money(row.cost)),
      h("span", { class: "state", role: "gridcell" }, h("span", { class: `status ${row.status}` }, row.status)),
    ),
    isOpened && h("div", { class: "row-details", role: "row", ref: panel }, h("div", { role: "gridcell" }, h(RowDetails, { row, selections, hint }))),
  );
}

function Bar({ kind, from, to, begin, whole, isLive }) {
  const left = Math.max(0, Math.min(99.7, (100 * (from - begin)) / whole));
  const width = Math.max(0.3, Math.min(100 - left, (100 * (to - from)) / whole));
  return h("span", { class: `bar ${kind}${isLive ? " live" : ""}`, style: { left: `${left}%`, width: `${width}%` }, title: `${KINDS[kind] ?? kind}: ${milliseconds(to - from)}` });
}

function describeTimes({ worked, waited }) {
  return [`worked ${milliseconds(worked)}`, waited >= 1 ? `waited ${milliseconds(waited)}` : null].filter(Boolean).join(", ");
}

function Legend({ rows }) {
  const kinds = new Set(rows.flatMap((each) => each.bars.map((bar) => bar.kind)));
  return h("ul", { class: "bar-legend", "aria-label": "What the bars mean" }, Object.entries(KINDS).filter(([kind]) => kinds.has(kind)).map(([kind, name]) => h("li", { key: kind }, h("span", { class: `bar ${kind}` }), name)));
}

function StepsTable({ rows, from }) {
  const [most, setMost] = useState(MOST_IN_TABLE);
  const columns = ["Step", "Model", "Began after", "Worked", "Waited", "Attempts", "Cost", "State"];
  return [
    h(Table, { caption: "Steps as a table", id: "steps-table", columns }, rows.slice(0, most).map((row) => h(
      "tr",
      { key: row.id },
      h("th", { scope: "row", style: { paddingLeft: `${14 * (row.level - 1)}px` } }, row.branch ? `${row.branch}/${row.name}` : row.name),
      h("td", {}, row.who),
      [row.bars.length ? milliseconds(Math.max(0, row.bars[0].from - from)) : "–", milliseconds(row.worked), milliseconds(row.waited), String(row.tries), row.cost === null ? "–" : money(row.cost)].map((each) => h("td", { class: "figure" }, each)),
      h("td", {}, h("span", { class: `status ${row.status}` }, row.status)),
    ))),
    rows.length > most && h("button", { type: "button", class: "quiet", onClick: () => setMost(most + MOST_IN_TABLE) }, `Show more (${rows.length - most})`),
  ];
}
