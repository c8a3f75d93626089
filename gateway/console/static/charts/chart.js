// A chart with its legend, its numbers as a table, and these as a file.

import { saveCsv } from "/console/charts/csv.js";
import { MOST_SERIES } from "/console/charts/series.js";
import { Table, useWindow } from "/console/operate/parts.js";
import uPlot from "/console/vendor/uplot.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

const HEIGHT = 220;
const DARK = matchMedia("(prefers-color-scheme: dark)");

/**
 * `buckets` are `{ id, label, title }`, `series` are `{ name, values, place }`: `place` chooses the colour.
 * `kind` is bars (values on top of each other) or lines (a null value is a gap). `write` formats a value.
 */
export function Chart({ title, id, kind, buckets, series, write, note = null, empty = "There were no calls." }) {
  const [at, setAt] = useState(null);
  const isEmpty = !series.length;
  return h(
    "section",
    { class: "chart section", id: `chart-${id}`, "aria-label": title },
    h("div", { class: "heading" }, h("h3", {}, title), h(Save, { id, buckets, series, isEmpty })),
    note,
    isEmpty ? h("p", { class: "note" }, empty) : [
      h(Canvas, { key: "canvas", title, kind, buckets, series, write, onCursor: setAt }),
      h(Legend, { key: "legend", kind, buckets, series, write, at }),
      h(Numbers, { key: "numbers", title, buckets, series, write }),
    ],
  );
}

function Save({ id, buckets, series, isEmpty }) {
  const save = () => saveCsv(`${id}.csv`, [
    ["bucket", ...series.map(({ name }) => name)],
    ...buckets.map((bucket, row) => [bucket.id, ...series.map(({ values }) => values[row])]),
  ]);
  return h("button", { type: "button", class: "quiet small", disabled: isEmpty, "aria-label": `Save the numbers of ${id} as CSV`, onClick: save }, "CSV");
}

/** The names with their colours, and what the bucket under the pointer has. */
function Legend({ kind, buckets, series, write, at }) {
  const whole = kind === "bars" && at !== null ? series.reduce((sum, { values }) => sum + values[at], 0) : null;
  return h(
    "div",
    { class: "legend" },
    h("p", { class: "note" }, at === null ? "" : [buckets[at].title, whole !== null && series.length > 1 ? `: ${write(whole)}` : ""]),
    h("ul", {}, series.map(({ name, values, place }) =>
      h("li", { key: name }, h("span", { class: `swatch s${place}`, "aria-hidden": "true" }), h("span", { class: "name" }, name), at !== null && h("span", { class: "figure" }, write(values[at]))))),
  );
}

function Numbers({ title, buckets, series, write }) {
  const [isOpen, setOpen] = useState(false);
  return h(
    "details",
    { class: "numbers-of", onToggle: (event) => setOpen(event.currentTarget.open) },
    h("summary", {}, "Numbers"),
    isOpen && h(NumbersTable, { title, buckets, series, write }),
  );
}

function NumbersTable({ title, buckets, series, write }) {
  const rows = buckets.map((bucket, row) => ({ bucket, values: series.map(({ values }) => values[row]) })).filter(({ values }) => values.some(Boolean));
  const [shown, more] = useWindow(rows.reverse());
  const columns = ["", ...series.map(({ name }) => name)];
  return [
    h(Table, { caption: `Numbers of ${title}`, columns: ["When", ...columns.slice(1)] }, shown.map(({ bucket, values }) =>
      h("tr", { key: bucket.id }, h("th", { scope: "row" }, bucket.title), values.map((value) => h("td", { class: "figure" }, write(value)))))),
    more,
  ];
}

function Canvas({ title, kind, buckets, series, write, onCursor }) {
  const place = useRef(null);
  const [isDark, setDark] = useState(DARK.matches);
  useEffect(() => {
    const change = () => setDark(DARK.matches);
    DARK.addEventListener("change", change);
    return () => DARK.removeEventListener("change", change);
  }, []);
  useEffect(() => {
    const element = place.current;
    const plot = draw(element, { kind, buckets, series, write, onCursor });
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
      onCursor(null);
    };
  }, [kind, buckets, series, isDark]);
  const label = `${title}: a ${kind === "bars" ? "bar" : "line"} chart of ${series.map(({ name }) => name).join(", ")}; its numbers are below`;
  return h("div", { class: "canvas", ref: place, role: "img", "aria-label": label });
}

function draw(element, { kind, buckets, series, write, onCursor }) {
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(name).trim();
  const places = buckets.map((_, index) => index);
  const data = kind === "bars" ? stack(series) : series.map(({ values }) => values);
  const lines = series.map(({ name, place }) => {
    const stroke = colour(place >= MOST_SERIES ? "--series-rest" : `--series-${place + 1}`);
    if (kind === "bars") return { label: name, fill: stroke, stroke, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.75, 60, 1] }) };
    return { label: name, stroke, width: 2, points: { size: 5, fill: stroke, show: buckets.length <= 60 } };
  });
  const axis = { stroke: colour("--soft"), font: "12px system-ui, sans-serif", grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const options = {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    padding: [10, 10, 0, 0],
    cursor: { drag: { x: false, y: false }, y: false, points: { show: kind === "lines" } },
    scales: { x: { time: false, range: [-0.6, buckets.length - 0.4] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, incrs: [1, 2, 3, 6, 7, 12, 14, 24, 30, 60, 90, 120, 180, 360], values: (_, splits) => splits.map((each) => (Number.isInteger(each) ? (buckets[each]?.label ?? "") : "")), space: 24 + 7 * (buckets[0]?.label.length ?? 0), size: 30 },
      { ...axis, values: (_, splits) => splits.map((each) => write(each)), size: 74 },
    ],
    series: [{}, ...lines],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)] },
  };
  return new uPlot(options, [places, ...data], element);
}

/** Return the sums of each series with all that come after it: each bar is drawn over the one before. */
function stack(series) {
  const sums = [];
  series.reduceRight((below, { values }, place) => (sums[place] = values.map((value, index) => value + (below?.[index] ?? 0))), null);
  return sums;
}
