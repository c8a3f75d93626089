// Agents: who is alive, what they serve and how busy they are, and the deployments that they call.

import { nameError } from "/console/lib/error_words.js";
import { describeState } from "/console/models/words.js";
import { Busy, Meter, Operate, plural, Reading, Table, useWindow, When, ago } from "/console/operate/parts.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { changeQuery } from "/console/lib/route.js";
import { h } from "/console/vendor/preact.js";

const EVERY_MS = 3_000;
const ORDER = ["silent", "alive", "stopped"];
const CIRCUITS = {
  open: "not used after failures",
  half_open: "tried with one call",
  resting: "the vendor asked to wait",
};

export function Page({ query }) {
  const read = useData("/agents", { every: EVERY_MS });
  const served = useData("/models", { every: 2 * EVERY_MS });
  const operations = useData("/models/operations", { every: 2 * EVERY_MS });
  return h(
    Operate,
    { path: "/agents", title: "Agents" },
    h(Reading, { of: read, what: "the agents" }),
    read.data && h(Agents, { agents: read.data.agents, sought: query.get("q") ?? "" }),
    h("h3", {}, "Deployments"),
    h(Reading, { of: operations, what: "the deployments" }),
    operations.data && h(Deployments, { deployments: operations.data.deployments, models: served.data?.models ?? [] }),
  );
}

function Agents({ agents, sought }) {
  const wanted = sought.trim().toLowerCase();
  const sorted = [...agents].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.agent.id < b.agent.id ? -1 : 1));
  const found = wanted ? sorted.filter(({ agent }) => [agent.id, agent.kind, ...agent.lanes].some((each) => each.toLowerCase().includes(wanted))) : sorted;
  const [shown, more] = useWindow(found);
  const alive = agents.filter((each) => each.state === "alive");
  const silent = agents.filter((each) => each.state === "silent").length;
  const executors = alive.filter(({ agent }) => agent.kind === "executor");
  const sum = (name) => executors.reduce((total, { agent }) => total + agent[name], 0);
  if (!agents.length) return h("p", { class: "note" }, "No agent is alive. Start some with cogo up.");
  return [
    h("p", { class: "summary" }, `${plural(alive.length, "agent is", "agents are")} alive; executors run ${sum("running")} of ${sum("capacity")} subtasks at most.`),
    silent > 0 && h("p", { class: "reason" }, `${plural(silent, "agent is", "agents are")} silent: what they held is given to others when its lease ends.`),
    h("label", { class: "filter" }, "Filter by name or model", h("input", { type: "search", value: sought, onInput: (event) => changeQuery({ q: event.currentTarget.value }) })),
    h(Table, { caption: "List of agents", columns: ["State", "Agent", "Busy", "Serves", "Last seen", "Started"] }, shown.map((each) => h(AgentRow, { key: each.agent.id, ...each }))),
    !found.length && h("p", { class: "note" }, "No agent matches."),
    more,
  ];
}

function AgentRow({ agent, state }) {
  const name = agent.id.split("@")[0];
  const { sandbox, simulated, memory_model: memory } = agent.details ?? {};
  const about = [agent.kind, agent.host, agent.version && `version ${agent.version}`, sandbox && `sandbox ${sandbox}`, memory && `memory ${memory}`, simulated && "simulated"];
  const problems = Object.entries(agent.details?.tool_problems ?? {});
  return h(
    "tr",
    {},
    h("td", {}, h("span", { class: `status ${state}` }, state)),
    h("th", { scope: "row" }, clip(name, 60), h("small", {}, about.filter(Boolean).map((each) => clip(each, 60)).join(" · ")), problems.map(([tool, why]) => h("small", { class: "problem" }, `${clip(tool, 60)}: ${clip(typeof why === "string" ? why : JSON.stringify(why), 200)}`))),
    h("td", {}, h(Busy, { running: agent.running, capacity: agent.capacity, label: `Busy: ${name}` })),
    h("td", {}, h(Served, { agent })),
    h("td", {}, h("time", { datetime: agent.heartbeat_at, title: agent.heartbeat_at }, ago(agent.heartbeat_at))),
    h("td", {}, h(When, { at: agent.started_at })),
  );
}

function Served({ agent }) {
  if (agent.kind !== "executor") return "plans";
  const models = agent.lanes.filter((lane) => !/^(sandbox|tools):/.test(lane));
  const others = agent.lanes.filter((lane) => /^(sandbox|tools):/.test(lane));
  const tools = agent.details?.tools ?? [];
  const lists = [["Models", models], ["Other lanes", others], ["Tools", tools]].filter(([, names]) => names.length);
  return h(
    "details",
    {},
    h("summary", {}, plural(models.length, "model"), tools.length ? `, ${plural(tools.length, "tool")}` : ""),
    lists.map(([label, names]) => [h("h5", {}, label), h("ul", { class: "names" }, names.map((each) => h("li", {}, clip(each, 100))))]),
  );
}

function Deployments({ deployments, models }) {
  const bad = (each) => each.state !== "closed";
  const sorted = [...deployments].sort((a, b) => bad(b) - bad(a) || (a.deployment < b.deployment ? -1 : 1));
  const [shown, more] = useWindow(sorted);
  if (!deployments.length) return h("p", { class: "note" }, "No call was made yet: health is learned from calls.");
  return [
    h(Table, { caption: "Deployments", columns: ["Deployment", "State", "Lately", "Calls at once", "Last error"] }, shown.map((each) => h(DeploymentRow, { key: each.deployment, each, model: models.find(({ id }) => id === each.model_id) }))),
    more,
  ];
}

function DeploymentRow({ each, model }) {
  const circuit = CIRCUITS[each.state];
  const [state, tone] = circuit ? [circuit, each.state === "open" ? "failed" : "waiting"] : describeState(model?.status ?? "not served now");
  const [answered, failed] = [Math.round(each.answered), Math.round(each.failed)];
  const error = each.last_error;
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, clip(each.deployment, 80), each.unreachable_for > 0 && h("small", { class: "problem" }, `${plural(each.unreachable_for, "executor")} cannot connect`)),
    h("td", {}, h("span", { class: `status ${tone}` }, state), each.wait_seconds > 0 && h("small", {}, `for ${Math.ceil(each.wait_seconds)} s`)),
    h("td", {}, answered + failed ? h("span", { class: "busy" }, h(Meter, { value: answered, most: answered + failed, high: 1, label: `Answered: ${each.deployment}` }), h("span", { class: "figure" }, `${answered} answered, ${failed} failed`)) : "no calls"),
    h("td", {}, h(Busy, { running: each.running, capacity: each.concurrency, label: `Calls at once: ${each.deployment}` })),
    h("td", { class: "words" }, error ? [clip(`${nameError(error.class ?? "error")}: ${error.message ?? ""}`, 200), h("small", {}, h(When, { at: each.last_error_at }))] : "–"),
  );
}
