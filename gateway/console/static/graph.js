// The plan as a graph: layers from left to right, each subtask right of its dependencies.

import { s } from "/console/dom.js";

const WIDTH = 172;
const HEIGHT = 50;
const GAP_X = 44;
const GAP_Y = 14;

/** Compute positions. `edges` are pairs of nodes; PLAN precedes subtasks without dependencies. */
export function layout(subtasks) {
  const known = new Map(subtasks.map((each) => [each.id, each]));
  const plan = subtasks.find((each) => each.type === "PLAN");
  const before = (each) => {
    const found = each.dependencies.filter((id) => known.has(id));
    return found.length === 0 && plan && each !== plan ? [plan.id] : found;
  };
  const depths = new Map();
  const depth = (id, path = new Set()) => {
    if (depths.has(id)) return depths.get(id);
    if (path.has(id)) return 0; // rows have no cycles, but drawing must not hang
    const deeper = before(known.get(id)).map((other) => 1 + depth(other, new Set([...path, id])));
    depths.set(id, Math.max(0, ...deeper));
    return depths.get(id);
  };
  const rows = [];
  const nodes = new Map();
  for (const each of subtasks) {
    const column = depth(each.id);
    rows[column] = (rows[column] ?? 0) + 1;
    const place = { column, row: rows[column] - 1 };
    nodes.set(each.id, { subtask: each, ...place });
  }
  const tallest = Math.max(1, ...rows.map((each) => each ?? 0));
  for (const node of nodes.values()) {
    const free = (tallest - rows[node.column]) / 2;
    node.x = node.column * (WIDTH + GAP_X) + 1;
    node.y = (node.row + free) * (HEIGHT + GAP_Y) + 1;
  }
  const edges = [];
  for (const node of nodes.values()) {
    for (const id of before(node.subtask)) edges.push([nodes.get(id), node]);
  }
  return {
    nodes: [...nodes.values()],
    edges,
    width: rows.length * (WIDTH + GAP_X) - GAP_X + 2,
    height: tallest * (HEIGHT + GAP_Y) - GAP_Y + 2,
  };
}

export function buildGraph(subtasks) {
  const { nodes, edges, width, height } = layout(subtasks);
  return s(
    "svg",
    {
      class: "graph",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "aria-label": nodes.map(({ subtask }) => describe(subtask)).join("; "),
    },
    edges.map(([from, to]) => s("path", { class: "edge", d: curve(from, to) })),
    nodes.map(buildNode),
  );
}

function buildNode({ subtask, x, y }) {
  return s(
    "g",
    { class: `node ${subtask.status}`, transform: `translate(${x} ${y})` },
    s("title", {}, describe(subtask)),
    s("rect", { width: WIDTH, height: HEIGHT, rx: 8 }),
    s("circle", { cx: 16, cy: 18, r: 5 }),
    s("text", { class: "key", x: 29, y: 22 }, clip(subtask.key, 18)),
    s("text", { class: "lane", x: 12, y: 40 }, clip(subtask.lane, 25)),
  );
}

function curve(from, to) {
  const [x1, y1] = [from.x + WIDTH, from.y + HEIGHT / 2];
  const [x2, y2] = [to.x, to.y + HEIGHT / 2];
  const bend = (x2 - x1) / 2;
  return `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

const describe = (each) => `${each.key}: ${each.status}, lane ${each.lane}, attempt ${each.attempt}`;
const clip = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
