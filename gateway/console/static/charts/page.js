// Charts: cost and tokens, latency and errors, and the queue, each with its numbers.

import { Chart } from "/console/charts/chart.js";
import { addDays, listBuckets, localZone, nameBucket, PERIODS, readPeriod, readZone } from "/console/charts/periods.js";
import { KEYS, lineOf, nameValue, orderSeries, realRows, stackSeries, sumRows, tokensOf } from "/console/charts/series.js";
import { PageFrame, plural, Reading, Table, useWindow } from "/console/operate/parts.js";
import { count, milliseconds, money } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { getReader } from "/console/lib/reader.js";
import { buildAddress, changeQuery } from "/console/lib/route.js";
import { now } from "/console/lib/server_clock.js";
import { h, useMemo } from "/console/vendor/preact.js";

const FILTERS = ["project", "owner", "model", "provider"];
const QUEUE = ["queued", "running", "waiting", "delayed", "dead"];

export function Page({ query }) {
  const zone = readZone(query);
  const minute = Math.floor(now() / 60_000);
  const period = useMemo(() => readPeriod(query, zone, minute * 60_000), [String(query), zone, minute]);
  const key = KEYS.some(([name]) => name === query.get("by")) ? query.get("by") : "model";
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name)]).filter(([, value]) => value));
  const asked = { since: period.since, until: period.until, zone, ...filters };
  const usage = (more) => buildAddress("/usage", { ...asked, ...more }).slice(1);
  const whole = useData(usage({ bucket: "all", by: key, figures: "latencies" }));
  const split = useData(usage({ bucket: period.bucket, by: key, figures: "sums" }));
  const sums = useData(usage({ bucket: period.bucket, figures: "latencies" }));
  const reload = () => [whole, split, sums].forEach((each) => each.reload());
  const isEmpty = whole.data && !whole.data.rows.length;
  return h(
    PageFrame,
    { title: "Charts" },
    h(Choices, { period, zone, by: key, filters, query, reload }),
    h(Reading, { of: whole, what: "the usage" }),
    isEmpty && h("p", { class: "note" }, "No model was called in this period. Choose a longer one, or submit a task."),
    whole.data && !isEmpty && h(Totals, { report: whole.data, by: key, query }),
    !isEmpty && h(Reading, { of: split, what: "the charts" }),
    !isEmpty && split.data && sums.data && h(UsageCharts, { split: split.data, sums: sums.data, by: key, zone }),
    !isEmpty && h(Reading, { of: { ...sums, isLoading: false }, what: "the latencies" }),
    whole.data && getReader()?.is_operator && h(Queue, { report: whole.data, zone }),
  );
}

/** The period, its time zone, the grouping and the filters; all of it is in the address. */
function Choices({ period, zone, by, filters, query, reload }) {
  const here = Object.fromEntries([...query.keys()].map((name) => [name, query.get(name)]));
  const local = localZone();
  const zones = [...new Set(["UTC", local, zone])];
  const option = (value, chosen, label = value) => h("option", { value, selected: value === chosen }, label);
  const choose = (since, until) => since && until && since < until && changeQuery({ period: null, since, until });
  return h(
    "div",
    { class: "choices" },
    h("nav", { class: "periods", "aria-label": "Period" }, PERIODS.map(({ id, label }) =>
      h("a", { href: buildAddress("/charts", { ...here, period: id, since: null, until: null }), "aria-current": id === period.id ? "true" : undefined }, label))),
    h(
      "div",
      { class: "filters" },
      h("label", {}, "Group by", h("select", { value: by, onChange: (event) => changeQuery({ by: event.currentTarget.value }) }, KEYS.map(([id, label]) => option(id, by, label)))),
      h("label", {}, "From", h("input", { type: "date", value: period.since, max: addDays(period.until, -1), onChange: (event) => choose(event.currentTarget.value, period.until) })),
      h("label", {}, "To", h("input", { type: "date", value: addDays(period.until, -1), min: period.since, onChange: (event) => event.currentTarget.value && choose(period.since, addDays(event.currentTarget.value, 1)) })),
      h("label", {}, "Time zone", h("select", { value: zone, onChange: (event) => changeQuery({ zone: event.currentTarget.value }) }, zones.map((each) => option(each, zone)))),
      h("button", { type: "button", class: "quiet", onClick: reload }, "Read again"),
    ),
    Object.keys(filters).length > 0 && h("p", { class: "chosen" }, "Only ", Object.entries(filters).map(([name, value]) =>
      h("button", { key: name, type: "button", class: "quiet small", "aria-label": `Remove the filter ${name} ${value}`, onClick: () => changeQuery({ [name]: null }) }, `${name} ${value} ✕`))),
  );
}

/** One row for each value of the key, the dearest first. */
function Totals({ report, by, query }) {
  const { rows } = report;
  const [shown, more] = useWindow(rows, 10);
  const [first] = realRows(rows);
  const cost = rows.some((row) => row.cost_usd !== null) ? sumRows(rows, (row) => row.cost_usd) : null;
  const unknown = sumRows(rows, (row) => row.unknown_costs);
  const columns = [KEYS.find(([name]) => name === by)[1], "Cost", "Calls", "Failed", "Tokens in", "Cached", "Tokens out", "First token: half, 95 % within", "Whole answer: half, 95 % within", ...(unknown ? ["Cost unknown"] : [])];
  return h(
    "div",
    { class: "totals" },
    h(
      "p",
      { class: "summary" },
      by === "tag" ? "A task with several tags counts for each of them. " : `${cost === null ? "" : `${money(cost)} for `}${plural(sumRows(rows, (row) => row.calls), "call")}. `,
      first && Number(first.cost_usd) > 0 && rows.length > 1 && h("strong", {}, `${nameValue(first, by)} cost most: ${money(first.cost_usd)}.`),
    ),
    unknown > 0 && h("p", { class: "reason" }, `${plural(unknown, "call has", "calls have")} an unknown cost, which is not included.`),
    h(Table, { caption: "Totals", columns }, shown.map((row) => h(
      "tr",
      { key: JSON.stringify([row[by], row.simulated]) },
      h("th", { scope: "row" }, h(Drill, { row, by, query })),
      h("td", { class: "figure" }, money(row.cost_usd)),
      h("td", { class: "figure" }, count(row.calls)),
      h("td", { class: "figure" }, row.failed ? `${count(row.failed)} (${percent(row.failed / row.calls)})` : "0"),
      h("td", { class: "figure" }, count(row.input_tokens + row.cache_write_tokens)),
      h("td", { class: "figure" }, count(row.cached_tokens)),
      h("td", { class: "figure" }, count(row.output_tokens)),
      h("td", { class: "figure", title: PERCENTILES }, latencies(row.first_token_ms_p50, row.first_token_ms_p95)),
      h("td", { class: "figure", title: PERCENTILES }, latencies(row.duration_ms_p50, row.duration_ms_p95)),
      unknown > 0 && h("td", { class: "figure" }, count(row.unknown_costs)),
    ))),
    more,
  );
}

/** A value that leads to the charts of it alone, by model or, of a model, by project. */
function Drill({ row, by, query }) {
  const name = nameValue(row, by);
  if (!FILTERS.includes(by) || (row[by] === null && !["project", "owner"].includes(by))) return name;
  const here = Object.fromEntries([...query.keys()].map((each) => [each, query.get(each)]));
  return h("a", { href: buildAddress("/charts", { ...here, by: by === "model" ? "project" : "model", [by]: row[by] ?? "none" }), title: `Only ${name}` }, name);
}

function UsageCharts({ split, sums, by, zone }) {
  const charts = useMemo(() => {
    const ids = listBuckets(split, now());
    const buckets = ids.map((id) => ({ id, label: nameBucket(id, zone), title: nameBucket(id, zone, true) }));
    const order = orderSeries(split.rows, by);
    const real = realRows(sums.rows);
    const stacked = (measure) => stackSeries(split.rows, by, ids, measure, order);
    const line = (name, place, measure) => ({ name, place, values: lineOf(real, ids, measure) });
    const drawn = (series) => series.filter(({ values }) => values.some((value) => value !== null));
    return {
      buckets,
      cost: stacked((row) => row.cost_usd),
      tokens: stacked(tokensOf),
      latency: drawn([
        line("first token: half within", 0, (row) => row.first_token_ms_p50),
        line("first token: 95 % within", 1, (row) => row.first_token_ms_p95),
        line("whole answer: half within", 2, (row) => row.duration_ms_p50),
        line("whole answer: 95 % within", 3, (row) => row.duration_ms_p95),
      ]),
      errors: drawn([line("failed calls", 1, (row) => row.failed / row.calls)]),
    };
  }, [split, sums, by, zone]);
  const { buckets } = charts;
  const label = KEYS.find(([name]) => name === by)[1].toLowerCase();
  const unknown = sumRows(split.rows, (row) => row.unknown_costs);
  return h(
    "div",
    { class: "charts" },
    h(Chart, { title: `Cost by ${label}`, id: "cost", kind: "bars", buckets, series: charts.cost, write: money, empty: unknown > 0 ? "No cost is known." : "These calls cost nothing.", note: unknown > 0 && h("p", { class: "reason" }, `Without ${plural(unknown, "call")} of unknown cost.`) }),
    h(Chart, { title: `Tokens by ${label}`, id: "tokens", kind: "bars", buckets, series: charts.tokens, write: short, empty: "No tokens were counted." }),
    h(Chart, { title: "Latency of completed calls", id: "latency", kind: "lines", buckets, series: charts.latency, write: milliseconds, empty: "No call was completed." }),
    h(Chart, { title: "Failed and lost calls", id: "errors", kind: "lines", buckets, series: charts.errors, write: percent }),
  );
}

/** All lanes together, in the period of a report. */
function Queue({ report, zone }) {
  const read = useData(`${buildAddress("/queue/history", { since: report.since, until: report.until }).slice(1)}&lane=`);
  const chart = useMemo(() => {
    const steps = listSteps(read.data);
    const isLong = Date.parse(report.until) - Date.parse(report.since) > 2 * 86_400_000;
    return {
      buckets: steps.map(({ at }) => ({ id: at, label: nameBucket(at, zone, isLong), title: nameBucket(at, zone, true) })),
      series: QUEUE.map((name, place) => ({ name, place, values: steps.map(({ sample }) => sample?.[name] ?? null) })).filter(({ values }) => values.some(Boolean)),
    };
  }, [read.data, report, zone]);
  return [
    h(Reading, { of: read, what: "the queue" }),
    read.data && h(Chart, { title: "Subtasks in all lanes", id: "queue", kind: "lines", ...chart, write: count, empty: chart.buckets.length ? "The queue was empty." : "The queue was not sampled in this period; samples are kept for 30 days." }),
  ];
}

/** Return the steps from the first sample to the last one, also those in which nothing was sampled. */
function listSteps(history) {
  const samples = history?.samples ?? [];
  if (!samples.length) return [];
  const byTime = new Map(samples.map((sample) => [Date.parse(sample.at), sample]));
  const steps = [];
  for (let at = Date.parse(samples[0].at); at <= Date.parse(samples.at(-1).at); at += history.seconds * 1000) {
    steps.push({ at: new Date(at).toISOString(), sample: byTime.get(at) });
  }
  return steps;
}

const PERCENTILES = "The median (p50) and the 95th percentile (p95)";
const latencies = (p50, p95) => (p50 === null ? "–" : `${milliseconds(p50)}, ${milliseconds(p95)}`);

function percent(value) {
  if (value === null || value === undefined) return "–";
  const share = value * 100;
  return `${share === 0 || share >= 9.95 ? share.toFixed(0) : share.toFixed(1)} %`;
}

/** A large number in three digits: 1.2 M. */
function short(value) {
  if (value === null || value === undefined) return "–";
  return new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}
