// The plan of a task as a graph that grows while it runs. A node opens its step in the waterfall.

import { isOver, milliseconds, money } from "/console/lib/format.js";
import { useMedia, useNow } from "/console/lib/hooks.js";
import { changeQuery } from "/console/lib/route.js";
import { buildGraph, findNext, layOut, NODE } from "/console/task/graph_layout.js";
import { chooseTick } from "/console/task/use_timelines.js";
import { h, useEffect, useMemo, useRef, useState } from "/console/vendor/preact.js";

const LEAST = 0.08;
const MOST = 2;
/** Below this scale a text cannot be read, and only boxes are drawn. */
const READABLE = 0.5;
const PAN = 60;
/** Layouts take at most one part in so many of the time. */
const PAUSE = 8;
const PHONE = "(max-width: 820px)";

export function PlanGraph({ details }) {
  const time = useNow(!isOver(details.task.status), chooseTick(details.subtasks.length));
  const graph = useMemo(() => buildGraph(details, time), [details, time]);
  const shape = graph.nodes.map((each) => each.id).join(" ") + graph.edges.map((each) => `${each.from}>${each.to}`).join(" ");
  const direction = useMedia(PHONE) ? "TB" : "LR";
  const layout = useLayout(graph, shape, direction);
  if (graph.nodes.filter((each) => each.kind !== "flow").length < 2 || !layout) return null;
  return h(Canvas, { ...layout, left: graph.left, nodes: graph.nodes.filter(({ id }) => layout.places[id]) });
}

/** Lay the plan out anew when it has grown, so that this takes a small part of the time. */
function useLayout(graph, shape, direction) {
  const [layout, setLayout] = useState(null);
  const spent = useRef(0);
  const latest = useRef(graph);
  latest.current = graph;
  useEffect(() => {
    const work = () => {
      const begin = performance.now();
      setLayout(layOut(latest.current, direction));
      spent.current = performance.now() - begin;
    };
    const timer = setTimeout(work, PAUSE * spent.current);
    return () => clearTimeout(timer);
  }, [shape, direction]);
  return layout;
}

function Canvas({ nodes, left, places, lines, width, height }) {
  const box = useRef(null);
  const pointers = useRef(new Map());
  const moved = useRef(0);
  const [view, setView] = useState(null); // { x, y, scale }; null: all of it, or its beginning
  const [size, setSize] = useState({ width: 800, height: 300 });
  const [focused, setFocused] = useState(null);
  useEffect(() => {
    const measure = () => box.current && setSize({ width: box.current.clientWidth, height: box.current.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    measure();
    return () => observer.disconnect();
  }, []);
  const whole = Math.min(1, size.width / width, size.height / height);
  const shown = view ?? place(Math.max(whole, READABLE), { width, height }, size);
  const isFar = shown.scale < READABLE;
  const tabbed = places[focused] ? focused : nodes[0].id;

  const zoom = (factor, at = { x: size.width / 2, y: size.height / 2 }) => {
    const scale = Math.max(LEAST, Math.min(MOST, shown.scale * factor));
    const change = scale / shown.scale;
    setView({ scale, x: at.x - (at.x - shown.x) * change, y: at.y - (at.y - shown.y) * change });
  };
  const pan = (dx, dy) => setView({ ...shown, x: shown.x + dx, y: shown.y + dy });
  const fit = () => setView(place(Math.max(LEAST, whole), { width, height }, size));
  const focus = (id) => {
    setFocused(id);
    const { x, y } = places[id];
    const [left, top] = [x * shown.scale + shown.x, y * shown.scale + shown.y];
    const [w, t] = [(NODE.width / 2) * shown.scale + 8, (NODE.height / 2) * shown.scale + 8];
    const dx = left < w ? w - left : Math.min(0, size.width - w - left);
    const dy = top < t ? t - top : Math.min(0, size.height - t - top);
    if (dx || dy) pan(dx, dy);
    box.current.querySelector(`[data-id="${id}"]`)?.focus({ preventScroll: true });
  };
  const open = (node) => changeQuery({ step: node.key });

  const handleKey = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const arrows = { ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN], ArrowDown: [0, -PAN] };
    const id = event.target.dataset?.id;
    if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else if (event.key in arrows && (event.shiftKey || !id)) pan(...arrows[event.key]);
    else if (event.key in arrows) {
      const next = findNext(places, id, event.key);
      if (next) focus(next);
    } else if ((event.key === "Enter" || event.key === " ") && id) open(nodes.find((each) => each.id === id));
    else return;
    event.preventDefault();
  };

  const where = ({ clientX, clientY }) => {
    const { left, top } = box.current.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const handleMove = (event) => {
    const before = pointers.current.get(event.pointerId);
    if (!before) return;
    const at = where(event);
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    moved.current += Math.abs(at.x - before.x) + Math.abs(at.y - before.y);
    if (other) {
      const distance = (a) => Math.hypot(a.x - other.x, a.y - other.y);
      zoom(distance(at) / Math.max(1, distance(before)), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
    } else if (moved.current > 3) {
      box.current.setPointerCapture(event.pointerId); // not before: a click belongs to its node
      pan(at.x - before.x, at.y - before.y);
    }
    pointers.current.set(event.pointerId, at);
  };
  const handleDown = (event) => {
    if (!pointers.current.size) moved.current = 0;
    pointers.current.set(event.pointerId, where(event));
  };
  const handleUp = (event) => pointers.current.delete(event.pointerId);
  useEffect(() => {
    const wheel = (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 300), where(event));
    };
    box.current.addEventListener("wheel", wheel, { passive: false });
    return () => box.current?.removeEventListener("wheel", wheel);
  });

  const counted = new Map();
  for (const { state } of nodes) counted.set(state, (counted.get(state) ?? 0) + 1);
  return h(
    "div",
    { class: "plan-graph", id: "plan-graph" },
    h(
      "div",
      { class: "graph-bar" },
      h("p", { class: "note" }, `${nodes.length} steps: ${[...counted].map(([state, number]) => `${number} ${state}`).join(", ")}${left ? `. ${left.toLocaleString("en")} more are in the list of steps: here are those that have not ended, and the newest.` : ""}`),
      h("span", { class: "graph-buttons" }, button("+", "Zoom in", () => zoom(1.25)), button("−", "Zoom out", () => zoom(0.8)), button("Fit", "Fit the whole plan", fit)),
    ),
    h(
      "div",
      {
        class: isFar ? "canvas far" : "canvas", ref: box, role: "group", "aria-label": "Plan. Arrow keys go from step to step, Enter opens one, plus and minus zoom, Shift with arrows moves.",
        onKeyDown: handleKey, onPointerDown: handleDown, onPointerMove: handleMove, onPointerUp: handleUp, onPointerCancel: handleUp, onPointerLeave: handleUp,
        style: {
          touchAction: height * shown.scale <= size.height ? "pan-y" : "none", // a finger scrolls the page where nothing is hidden above or below
          height: `${Math.max(120, Math.min(480, innerHeight * 0.55, height * Math.max(whole, READABLE) + 8))}px`,
        },
      },
      h(
        "svg",
        { width: "100%", height: "100%" },
        h("defs", {}, h("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, h("path", { d: "M0 0L8 4L0 8z" }))),
        h(
          "g",
          { transform: `translate(${shown.x} ${shown.y}) scale(${shown.scale})` },
          lines.map((each) => h("path", { key: `${each.from}>${each.to}`, class: each.isStored ? "edge" : "edge inferred", d: buildPath(each.points), "marker-end": "url(#arrow)" })),
          nodes.map((each) => h(Node, { key: each.id, node: each, at: places[each.id], isTabbed: each.id === tabbed, isFar, onFocus: () => setFocused(each.id), onOpen: () => moved.current <= 3 && open(each) })),
        ),
      ),
    ),
  );
}

const button = (text, label, onClick) => h("button", { type: "button", class: "quiet", "aria-label": label, title: label, onClick }, text);

/** Return the view in which the whole, or its beginning, is in the middle. */
function place(scale, { width, height }, size) {
  const center = (whole, part) => Math.max(0, (whole - part * scale) / 2);
  return { scale, x: center(size.width, width), y: center(size.height, height) };
}

function Node({ node, at, isTabbed, isFar, onFocus, onOpen }) {
  const { name, branch, who, status, state, took, tries, cost, isOver } = node;
  const facts = [took !== null && (isOver || status === "running") ? milliseconds(took) : null, tries > 1 ? `${tries} attempts` : null, cost ? money(cost) : null].filter(Boolean).join(" · ");
  return h(
    "g",
    {
      class: `node ${status}${node.kind === "flow" ? " flow" : ""}`, transform: `translate(${at.x - NODE.width / 2} ${at.y - NODE.height / 2})`, role: "button", tabindex: isTabbed ? 0 : -1, "data-id": node.id, onFocus, onClick: onOpen,
    },
    h("title", {}, [branch ? `${branch}/${name}` : name, state, who, facts].filter(Boolean).join(", ")),
    h("rect", { width: NODE.width, height: NODE.height, rx: 7 }),
    h("rect", { class: "mark", width: 5, height: NODE.height, rx: 2 }),
    !isFar && h("text", { class: "name", x: 14, y: 17 }, cut(name, 21)),
    !isFar && h("text", { x: 14, y: 31 }, cut(who, 26)),
    !isFar && h("text", { class: "state", x: 14, y: 44 }, cut([state === "completed" ? null : state, facts].filter(Boolean).join(" · ") || state, 28)),
  );
}

const cut = (text, most) => ([...text].length > most ? `${[...text].slice(0, most - 1).join("")}…` : text);

function buildPath(points) {
  if (points.length < 3) return `M${points.map((each) => each.join(" ")).join("L")}`;
  const middle = ([ax, ay], [bx, by]) => `${(ax + bx) / 2} ${(ay + by) / 2}`;
  let path = `M${points[0].join(" ")}`;
  for (let number = 1; number < points.length - 1; number++) {
    const isLast = number === points.length - 2;
    path += `Q${points[number].join(" ")} ${isLast ? points[number + 1].join(" ") : middle(points[number], points[number + 1])}`;
  }
  return path;
}
