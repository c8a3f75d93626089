// The red button: it stops all spending. While it is stopped, a banner says so on every page.

import { useAsked, useChanges } from "/console/operate/dialog.js";
import { plural, Problem } from "/console/operate/parts.js";
import { post } from "/console/lib/api.js";
import { moment } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { getReader } from "/console/lib/reader.js";
import { h } from "/console/vendor/preact.js";

const EVERY_MS = 4_000;
const LAST = "/actions?kind=spending&limit=1";

const askToResume = (last) => ({
  title: "Resume spending",
  say: () => ["Calls to models begin again, and what waited goes on.", describeLast(last)],
  confirm: "Resume",
  run: ({ reason }) => post("/spending/resume", { reason }),
  done: () => "Spending goes on.",
});

const askToStop = (last) => ({
  title: "Stop spending",
  fields: [{ name: "cancel", label: "Abort the calls that run, too", type: "tick", value: false }],
  say: ({ cancel }) => [
    "No new call to a model begins, of any task, within two seconds. Nothing fails: what is refused waits until spending is resumed.",
    cancel ? "Calls that run are aborted and begin again later; what they have cost until then is booked." : "Calls that run end by themselves, and are paid.",
    describeLast(last),
  ],
  confirm: "Stop spending",
  isGrave: true,
  run: ({ cancel, reason }) => post("/spending/stop", { cancel_running: cancel, reason }),
  done: ({ running, aborted }) => `Spending is stopped; ${plural(running, "call")} under way${aborted ? `, ${aborted} aborted` : ""}.`,
});

/** What the bar of every page has: the button for operators and, while spending is stopped, the banner for all. */
export function SpendingBar() {
  const { data, last, dialog, change } = useSpending();
  const stopped = data?.stopped;
  return [
    change && !stopped && h("button", { type: "button", class: "quiet small stop", title: last ? describeLast(last) : "It was never stopped.", onClick: change }, "Stop spending…"),
    stopped && h("p", { class: "banner stopped", role: "alert" }, describeStop(stopped), " ", change && h("button", { type: "button", onClick: change }, "Resume…")),
    dialog,
  ];
}

/** The state and the button on the page of limits. */
export function SpendingSwitch({ query }) {
  const { data, error, last, dialog, change } = useSpending();
  const stopped = data?.stopped ?? null;
  useAsked(query, "do", change && ((asked) => (asked === "resume") === (stopped !== null) && change()));
  return h(
    "section",
    { class: `spending ${stopped ? "is-stopped" : ""}`, "aria-label": "Spending" },
    h(Problem, { error }),
    data && [
      h("p", {}, stopped ? describeStop(stopped) : `Calls to models may begin, within the caps below. ${describeLast(last) ?? ""}`),
      h("button", { type: "button", class: stopped ? "" : "grave", onClick: change }, stopped ? "Resume spending" : "Stop spending"),
    ],
    dialog,
  );
}

/** Return whether spending is stopped, the last action on it, and `change` for operators, which asks for the other state. */
function useSpending() {
  const isOperator = getReader()?.is_operator ?? false;
  const { data, error, reload } = useData("/spending", { every: EVERY_MS });
  const actions = useData(isOperator ? LAST : null, { every: 5 * EVERY_MS });
  const last = actions.data?.actions[0] ?? null;
  const [dialog, ask] = useChanges(() => (reload(), actions.reload()));
  return { data, error, last, dialog, change: isOperator && data ? () => ask(data.stopped ? askToResume(last) : askToStop(last)) : null };
}

const describeStop = ({ since, who, reason }) =>
  `Spending is stopped since ${moment(since)}${who ? `, by ${clip(who, 100)}` : ""}${reason ? `: ${clip(reason, 500)}` : ""}. No call to a model begins.`;

/** Who stopped or resumed spending last, and when; null if nobody ever did. */
const describeLast = (last) => last && `${last.after ? "Stopped" : "Resumed"} by ${clip(last.who, 100)}, ${moment(last.at)}.`;
