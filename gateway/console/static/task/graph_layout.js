// The plan of a task as a graph: which step comes after which, and where each one is drawn. Pure.

import { nameState } from "/console/task/step_rows.js";
import { addCosts, isTimeLimit } from "/console/task/timeline.js";
import dagre from "/console/vendor/dagre.js";

export const NODE = { width: 176, height: 50 };
/** Above this size a coarser method ranks the nodes: the better one takes seconds. */
const LARGE = 120;
/** Of more steps those are drawn that have not ended, and the newest: the layout of thousands takes minutes. */
const MOST_NODES = 400;

/**
 * Return `{ nodes, edges, left }` of a task's details; `left` steps are left out. An edge `isStored` if the plan names it; of a workflow's steps, which
 * have no stored edges, those count as before that ended after the steps before were made.
 */
export function buildGraph({ subtasks, attempts }, now, most = MOST_NODES) {
  const all = subtasks.filter((each) => !isTimeLimit(each)).toSorted((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at));
  const shown = all.length > most ? chooseNodes(all, most) : all;
  const tries = new Map();
  for (const each of attempts) {
    if (tries.has(each.subtask_id)) tries.get(each.subtask_id).push(each);
    else tries.set(each.subtask_id, [each]);
  }
  const known = new Set(shown.map((each) => each.id));
  const stored = shown.flatMap((each) => (each.dependencies ?? []).filter((id) => known.has(id)).map((id) => ({ from: id, to: each.id, isStored: true })));
  const flow = shown.find((each) => each.kind === "flow");
  const edges = flow ? [...stored, ...inferEdges(flow, tries.get(flow.id) ?? [], shown.filter((each) => each !== flow), stored)] : stored;
  return { nodes: shown.map((each) => buildNode(each, tries.get(each.id) ?? [], now)), edges, left: all.length - shown.length };
}

function chooseNodes(all, most) {
  const rank = (each) => (each.finished_at ? 1 : 0);
  const newest = all.toReversed().sort((a, b) => rank(a) - rank(b));
  const kept = new Set(newest.slice(0, most).map((each) => each.id));
  return all.filter((each) => kept.has(each.id));
}

function inferEdges(flow, runs, steps, stored) {
  const has = new Set(stored.map((each) => each.to));
  const starts = runs.map((each) => Date.parse(each.claimed_at)).sort((a, b) => a - b);
  const time = (each) => Date.parse(each.created_at);
  const findRun = (each) => starts.findLastIndex((start) => start <= time(each));
  const rounds = new Map();
  for (const each of steps) {
    const run = findRun(each);
    if (rounds.has(run)) rounds.get(run).push(each);
    else rounds.set(run, [each]);
  }
  const edges = [];
  let since = -Infinity;
  for (const round of rounds.values()) {
    const begin = Math.min(...round.map(time));
    const ended = steps.filter((each) => each.finished_at && !each.not_needed && Date.parse(each.finished_at) > since && Date.parse(each.finished_at) <= begin);
    for (const each of round.filter((step) => !has.has(step.id))) {
      const own = ended.filter((other) => readBranch(other) === readBranch(each));
      const before = own.length ? own : ended;
      edges.push(...(before.length ? before : [flow]).map((other) => ({ from: other.id, to: each.id, isStored: false })));
    }
    since = begin;
  }
  return edges;
}

const readBranch = ({ key }) => key.split("/").slice(0, -1).join("/");

function buildNode(subtask, attempts, now) {
  const path = subtask.key.split("/");
  const isOver = ["completed", "failed", "cancelled"].includes(subtask.status);
  const end = subtask.finished_at ? Date.parse(subtask.finished_at) : now;
  const took = subtask.kind === "flow" ? null : Math.max(0, end - Date.parse(subtask.created_at)); // a workflow waits for its steps
  return {
    id: subtask.id, key: subtask.key, kind: subtask.kind, name: path.at(-1), branch: path.slice(0, -1).join("/"),
    who: subtask.kind === "flow" ? "workflow" : subtask.kind === "ask" ? (attempts.at(-1)?.model_id ?? subtask.lane) : ({ task: "child task", approve: "question" }[subtask.kind] ?? subtask.lane),
    status: subtask.not_needed ? "cancelled" : subtask.status, state: nameState(subtask), isOver, took,
    tries: subtask.kind === "flow" ? 1 : attempts.length, cost: addCosts(attempts),
  };
}

/** Return the places of nodes, the points of edges, and the size of the whole. `direction`: LR or TB. */
export function layOut({ nodes, edges }, direction) {
  const graph = new dagre.graphlib.Graph({ multigraph: false });
  const ranker = nodes.length > LARGE ? "longest-path" : "network-simplex";
  graph.setGraph({ rankdir: direction, nodesep: 16, ranksep: 44, marginx: 12, marginy: 12, ranker });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of nodes) graph.setNode(id, { ...NODE });
  for (const { from, to } of edges) graph.setEdge(from, to, {});
  dagre.layout(graph);
  const places = Object.fromEntries(nodes.map(({ id }) => [id, { x: graph.node(id).x, y: graph.node(id).y }]));
  const lines = edges.map((each) => ({ ...each, points: graph.edge(each.from, each.to).points.map(({ x, y }) => [x, y]) }));
  const { width = 0, height = 0 } = graph.graph();
  return { places, lines, width, height };
}

/** Return the id of the node that is next to another in a direction of the arrow keys; null if there is none. */
export function findNext(places, id, key) {
  const { x, y } = places[id];
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  let [best, least] = [null, Infinity];
  for (const [other, place] of Object.entries(places)) {
    const along = (place.x - x) * dx + (place.y - y) * dy;
    const across = Math.abs((place.x - x) * dy) + Math.abs((place.y - y) * dx);
    const cost = along + 3 * across;
    if (along > 1 && cost < least) [best, least] = [other, cost];
  }
  return best;
}
