// Models: what each can do and costs, how it performed, who serves it, and the operators' controls.

import { ModelControls } from "/console/models/controls.js";
import { describeScope, describeState, findControls, findSeen, listAbilities, matches, nameControl, nameKind, ORDERS, sortModels, tokens } from "/console/models/words.js";
import { Button, Meter, PageFrame, plural, Reading, Table, useWindow } from "/console/operate/parts.js";
import { milliseconds, money } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { getReader } from "/console/lib/reader.js";
import { buildAddress, changeQuery } from "/console/lib/route.js";
import { h, useState } from "/console/vendor/preact.js";

const EVERY_MS = 10_000;
const PERIODS = [["hour", "the last hour", 1], ["day", "the last day", 24], ["week", "the last week", 168]];

export function Page({ query }) {
  const isOperator = getReader()?.is_operator ?? false;
  const period = query.get("since") ?? "day";
  const hours = (PERIODS.find(([name]) => name === period) ?? PERIODS[1])[2];
  const read = useData("/models", { every: EVERY_MS });
  const operations = useData(isOperator ? `/models/operations?hours=${hours}` : null, { every: EVERY_MS });
  const models = read.data?.models ?? [];
  const filter = Object.fromEntries(["q", "kind", "provider", "ability", "where"].map((name) => [name, query.get(name) ?? ""]));
  const sort = query.get("sort") ?? "";
  const found = sortModels(models.filter((each) => matches(each, filter)), sort, operations.data?.report ?? []);
  const [shown, more] = useWindow(found);
  const [asked, setAsked] = useState(null);
  const local = models.filter((each) => each.is_local).length;
  const columns = ["Model", "Can", "Context", "$ per million", ...(isOperator ? [`Observed in ${(PERIODS.find(([name]) => name === period) ?? PERIODS[1])[1]}`, "Rated", ""] : ["State"])];
  return h(
    PageFrame,
    { title: "Models" },
    h(Reading, { of: read, what: "the models" }),
    h(Reading, { of: operations, what: "what was observed" }),
    read.data && !models.length && h("p", { class: "note" }, "No executor serves any model now; start one with cogo serve executor."),
    models.length > 0 && [
      h("p", { class: "summary" }, `${plural(models.length, "model is", "models are")} served: ${local ? `${local} on machines of this system, ` : ""}${models.length - local} by vendors.`),
      h(Filters, { models, filter, period, sort, isOperator }),
      h(Table, { caption: "List of models", columns }, shown.map((each) => h(ModelRow, { key: each.id, each, isOperator, operations: operations.data, onControl: () => setAsked(each) }))),
      !found.length && h("p", { class: "note" }, "No model matches."),
      more,
    ],
    isOperator && operations.data && h(ModelControls, { models, operations: operations.data, reload: operations.reload, asked, onAsked: () => setAsked(null) }),
  );
}

function Filters({ models, filter, period, sort, isOperator }) {
  const choose = (name, label, options) =>
    h("label", {}, label, h("select", { value: filter[name], onChange: (event) => changeQuery({ [name]: event.currentTarget.value }) }, [["", "all"], ...options].map(([value, text]) => h("option", { value, selected: value === filter[name] }, text))));
  const unique = (values) => [...new Set(values)].sort().map((each) => [each, clip(each, 60)]);
  return h(
    "div",
    { class: "filters", role: "search" },
    h("label", {}, "Name, maker or role", h("input", { type: "search", value: filter.q, onInput: (event) => changeQuery({ q: event.currentTarget.value }) })),
    choose("kind", "Kind", ["chat", "embedding", "rerank"].map((each) => [each, nameKind(each)])),
    choose("ability", "Can", unique(models.flatMap(listAbilities))),
    choose("provider", "Provider", unique(models.map((each) => each.provider))),
    choose("where", "Where it runs", [["local", "on our machines"], ["vendor", "at vendors"]]),
    h("label", {}, "Sort by", h("select", { onChange: (event) => changeQuery({ sort: event.currentTarget.value }) }, [["", "name"], ...ORDERS.slice(0, isOperator ? ORDERS.length : 2)].map(([value, text]) => h("option", { value, selected: value === sort }, text)))),
    isOperator && h("label", {}, "Observed in", h("select", { value: period, onChange: (event) => changeQuery({ since: event.currentTarget.value }) }, PERIODS.map(([value, text]) => h("option", { value, selected: value === period }, text)))),
  );
}

function ModelRow({ each, isOperator, operations, onControl }) {
  const seen = findSeen(each, operations?.report ?? []);
  const controls = findControls(each, operations?.controls ?? []);
  const prices = each.usd_per_million;
  const open = [each.license, each.parameters && `${each.parameters} B parameters`, each.quantization, each.tokens_per_s && `${each.tokens_per_s.toFixed(0)} tokens/s`].filter(Boolean);
  const cost = prices
    ? [`${plain(prices.input)} in, ${plain(prices.output)} out`, prices.cached !== null && h("small", {}, `${plain(prices.cached)} cached`)]
    : each.usd_per_search !== null ? `${plain(each.usd_per_search)} a search` : each.is_local ? "free" : "unknown";
  return h(
    "tr",
    { "data-model": each.id },
    h(
      "th",
      { scope: "row" },
      clip(each.id, 120),
      h("small", {}, `${clip(each.name, 80)} · ${clip(each.maker, 60)}${each.provider !== each.maker.toLowerCase() ? ` at ${clip(each.provider, 60)}` : ""}`),
      open.length > 0 && h("small", {}, open.map((fact) => clip(fact, 60)).join(" · ")),
      h(
        "span",
        { class: "tags" },
        h("span", { class: `tag ${each.is_local ? "good" : ""}` }, each.is_local ? "local" : "vendor"),
        each.simulated && h("span", { class: "tag wait" }, "simulated"),
        each.roles.map((role) => h("span", { class: "tag" }, `role ${clip(role, 40)}`)),
        each.excluded && h("span", { class: "tag bad", title: each.excluded }, "excluded by the data policy"),
        each.ends_on && h("span", { class: "tag wait" }, `ends on ${each.ends_on}`),
        controls.map((control) => h("span", { class: `tag ${control.action === "pin" ? "good" : "bad"}`, title: control.reason }, `${nameControl(control.action)} ${describeScope(control.scope)}`)),
      ),
    ),
    h("td", {}, h("span", { class: "tags" }, each.kind === "chat" ? listAbilities(each).map((name) => h("span", { class: "tag" }, name)) : h("span", { class: "tag" }, nameKind(each.kind)))),
    h("td", { class: "figure" }, tokens(each.context_window), each.max_output_tokens && h("small", {}, `answers ${tokens(each.max_output_tokens)}`)),
    h("td", { class: "figure" }, cost),
    isOperator
      ? [h("td", {}, h(Observed, { seen, each })), h("td", { class: "figure" }, seen?.ratings ? [h(Meter, { value: seen.satisfaction, most: 1, high: 1, label: `Liked: ${each.id}` }), h("small", {}, `${(seen.satisfaction * 100).toFixed(0)} % of ${seen.ratings}`)] : "–"), h("td", { class: "buttons" }, each.kind === "chat" && h("a", { class: "button", href: buildAddress("/ask", { model: each.id }) }, "Ask"), h(Button, { label: "Control", name: `Control ${each.id}`, onClick: onControl }))]
      : h("td", {}, h(State, { status: each.status })),
  );
}

function State({ status, reason }) {
  const [words, tone] = describeState(status);
  return h("span", { class: `status ${tone}`, title: reason ?? undefined }, words);
}

function Observed({ seen, each }) {
  const served = h("small", {}, "served by ", h("a", { href: buildAddress("/agents", { q: each.id }) }, plural(each.executors, "executor")));
  if (!seen || !seen.attempts) return [h(State, { status: each.status }), h("small", {}, "no calls"), served];
  const ended = seen.completed + seen.failed;
  return [
    h(State, { status: each.status, reason: seen.reason }),
    h("small", { class: "figure", title: "The median (p50) of the time to the first token" }, `half begin within ${milliseconds(seen.first_token_ms_p50)}`),
    h("small", { class: "figure", title: "The median (p50) and the 95th percentile (p95) of the whole time" }, `half end within ${milliseconds(seen.duration_ms_p50)}, 95 % within ${milliseconds(seen.duration_ms_p95)}`),
    h("small", { class: "figure" }, `${plural(seen.attempts, "call")}, ${ended ? ((seen.failed / ended) * 100).toFixed(ended > 1000 ? 1 : 0) : 0} % failed · ${money(seen.cost_usd)}`),
    served,
  ];
}

const plain = (dollars) => `$${Number(dollars).toLocaleString("en", { maximumFractionDigits: 4 })}`;
