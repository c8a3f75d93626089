// The red button: it stops all spending. While it is stopped, a banner says so on every page.

import { useAsked, useChanges } from "/console/operate/dialog.js";
import { useNames } from "/console/operate/known.js";
import { plural, Problem } from "/console/operate/parts.js";
import { post } from "/console/lib/api.js";
import { moment } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { getReader } from "/console/lib/reader.js";
import { h } from "/console/vendor/preact.js";

const EVERY_MS = 4_000;
const LAST = "/actions?kind=spending&limit=1";

const askToResume = (said) => ({
  title: "Resume spending",
  say: () => ["Calls to models begin again, and what waited goes on.", said],
  confirm: "Resume",
  run: ({ reason }) => post("/spending/resume", { reason }),
  done: () => "Spending goes on.",
});

const askToStop = (said) => ({
  title: "Stop spending",
  fields: [{ name: "cancel", label: "Abort the calls that run, too", type: "tick", value: false }],
  say: ({ cancel }) => [
    "No new call to a model begins, of any task, within two seconds. Nothing fails: what is refused waits until spending is resumed.",
    cancel ? "Calls that run are aborted and begin again later; what they have cost until then is booked." : "Calls that run end by themselves, and are paid.",
    said,
  ],
  confirm: "Stop spending",
  isGrave: true,
  run: ({ cancel, reason }) => post("/spending/stop", { cancel_running: cancel, reason }),
  done: ({ running, aborted }) => `Spending is stopped; ${plural(running, "call")} under way${aborted ? `, ${aborted} aborted` : ""}.`,
});

/** What the bar of every page has: the button for operators and, while spending is stopped, the banner for all. */
export function SpendingBar() {
  const { data, said, nameWho, dialog, change } = useSpending();
  const stopped = data?.stopped;
  return [
    change && !stopped && h("button", { type: "button", class: "quiet small stop", title: said ?? "It was never stopped.", onClick: change }, "Stop spending…"),
    stopped && h("p", { class: "banner stopped", role: "alert" }, describeStop(stopped, nameWho), " ", change && h("button", { type: "button", onClick: change }, "Resume…")),
    dialog,
  ];
}

/** The state and the button on the page of limits. */
export function SpendingSwitch({ query }) {
  const { data, error, said, nameWho, dialog, change } = useSpending();
  const stopped = data?.stopped ?? null;
  useAsked(query, "do", change && ((asked) => (asked === "resume") === (stopped !== null) && change()));
  return h(
    "section",
    { class: `spending ${stopped ? "is-stopped" : ""}`, "aria-label": "Spending" },
    h(Problem, { error }),
    data && [
      h("p", {}, stopped ? describeStop(stopped, nameWho) : `Calls to models may begin, within the caps below. ${said ?? ""}`),
      h("button", { type: "button", class: stopped ? "" : "grave", onClick: change }, stopped ? "Resume spending" : "Stop spending"),
    ],
    dialog,
  );
}

/** Return whether spending is stopped, who changed that last, and `change` for operators, which asks for the other state. */
function useSpending() {
  const isOperator = getReader()?.is_operator ?? false;
  const { data, error, reload } = useData("/spending", { every: EVERY_MS });
  const actions = useData(isOperator ? LAST : null, { every: 5 * EVERY_MS });
  const nameWho = useNames();
  const last = actions.data?.actions[0];
  const said = last ? describeLast(last, nameWho) : null;
  const [dialog, ask] = useChanges(() => (reload(), actions.reload()));
  return { data, error, said, nameWho, dialog, change: isOperator && data ? () => ask(data.stopped ? askToResume(said) : askToStop(said)) : null };
}

const describeStop = ({ since, who, reason }, nameWho) =>
  `Spending has been stopped since ${moment(since)}${who ? `, by ${nameWho(who)}` : ""}${reason ? `: ${clip(reason, 500)}` : ""}. No call to a model begins.`;

/** Who stopped or resumed spending last, and when. */
const describeLast = ({ after, who, at }, nameWho) => `${after ? "Stopped" : "Resumed"} by ${nameWho(who)}, ${moment(at)}.`;
