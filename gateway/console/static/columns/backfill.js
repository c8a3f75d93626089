// The form that asks for rows of an AI column: an estimate first, then a confirmation.

import { describeEstimate } from "/console/columns/words.js";
import { post } from "/console/lib/api.js";
import { byId } from "/console/lib/dom.js";
import { count } from "/console/lib/format.js";
import { Problem } from "/console/operate/parts.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

const CHOICES = [
  ["missing", "Rows that have no value yet"],
  ["stale", "Values of an earlier version"],
  ["failed", "Failed cells, once more"],
  ["kept", "Values that people wrote: they are overwritten"],
];
const NOTHING = { said: null, offer: false, cells: 0, problem: null, isSending: false };

/** `onStart`: called when rows were asked for. */
export function Backfill({ column, onStart }) {
  const [wish, setWish] = useState({ states: ["missing"], limit: "" });
  const [state, setState] = useState(NOTHING);
  const [estimate, confirm] = [useRef(null), useRef(null)];
  const latest = useRef(wish);
  latest.current = wish;
  const change = (changed) => {
    setWish({ ...wish, ...changed });
    setState((old) => ({ ...NOTHING, isSending: old.isSending })); // something else is asked for now
  };
  const toggle = (name, isOn) => change({ states: CHOICES.map(([each]) => each).filter((each) => (each === name ? isOn : wish.states.includes(each))) });
  const send = async (more = {}) => {
    setState((old) => ({ ...old, problem: null, isSending: true }));
    const body = { states: wish.states, ...(wish.limit ? { limit: Number(wish.limit) } : {}), ...more };
    try {
      return await post(`/columns/${column.id}/backfill`, body);
    } catch (problem) {
      setState((old) => ({ ...old, problem, isSending: false }));
      return null;
    }
  };
  const ask = async (event) => {
    event.preventDefault();
    if (state.isSending) return;
    if (!wish.states.length) return setState({ ...NOTHING, problem: new Error("Choose what to ask for.") });
    setState(NOTHING);
    const answer = await send({ dry_run: true });
    if (!answer) return;
    if (latest.current !== wish) return setState(NOTHING);
    setState({ ...NOTHING, said: describeEstimate(answer, column), offer: answer.cells > 0, cells: answer.cells });
  };
  const start = async () => {
    if (state.isSending) return;
    const answer = await send();
    if (!answer) return;
    const said = answer.cells === 1 ? "1 row was asked for." : `${count(answer.cells)} rows were asked for.`;
    byId("news").textContent = said;
    setState({ ...NOTHING, said });
    estimate.current.focus();
    onStart();
  };
  useEffect(() => {
    if (state.offer) confirm.current.focus();
  }, [state.offer]);
  const disabled = state.isSending ? "true" : undefined;
  return h(
    "details",
    { class: "section for-operators backfill" },
    h("summary", {}, "Backfill"),
    h(
      "form",
      { noValidate: true, onSubmit: ask },
      h("fieldset", {}, h("legend", {}, "What to ask for"), CHOICES.map(([name, label]) => h("label", { key: name, class: "tick" }, h("input", { type: "checkbox", value: name, checked: wish.states.includes(name), onChange: (event) => toggle(name, event.currentTarget.checked) }), label))),
      h("label", { class: "field limit" }, "At most this many rows", h("input", { type: "number", min: 1, max: 100_000_000, step: 1, inputmode: "numeric", placeholder: "all", value: wish.limit, onInput: (event) => change({ limit: event.currentTarget.value }) })),
      h("p", { class: "actions" }, h("button", { ref: estimate, type: "submit", class: "quiet", "aria-disabled": disabled }, "Estimate")),
      h("p", { class: "estimate", role: "status", hidden: !state.said }, state.said),
      h("p", { class: "actions" }, h("button", { ref: confirm, type: "button", hidden: !state.offer, "aria-disabled": disabled, onClick: start }, `Ask for ${count(state.cells)} ${state.cells === 1 ? "row" : "rows"}`)),
      h(Problem, { error: state.problem }),
    ),
  );
}
