// The red button: it stops all spending. While it is stopped, a banner says so on every page.

import { useChanges } from "/console/operate/dialog.js";
import { plural, Problem } from "/console/operate/parts.js";
import { post } from "/console/lib/api.js";
import { moment } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { getReader } from "/console/lib/reader.js";
import { h, useEffect } from "/console/vendor/preact.js";

const EVERY_MS = 4_000;
const CHANGED = "cogo:spending";

const announce = () => document.dispatchEvent(new CustomEvent(CHANGED));

const RESUMING = {
  title: "Resume spending",
  say: () => "Calls to models begin again, and what waited goes on.",
  confirm: "Resume",
  run: ({ reason }) => post("/spending/resume", { reason }),
  done: () => "Spending goes on.",
};

/** The banner of all pages. */
export function StoppedBanner() {
  const { data, reload } = useSpending();
  const [dialog, ask] = useChanges(() => (reload(), announce()));
  const stopped = data?.stopped;
  if (!stopped) return dialog;
  return [
    h("p", { class: "banner stopped", role: "alert" }, describeStop(stopped), " ", getReader()?.is_operator && h("button", { type: "button", onClick: () => ask(RESUMING) }, "Resume…")),
    dialog,
  ];
}

/** The button on the page of limits. */
export function SpendingSwitch() {
  const { data, error, reload } = useSpending();
  const [dialog, ask] = useChanges(() => (reload(), announce()));
  const stopped = data?.stopped ?? null;
  const stop = () => ask({
    title: "Stop spending",
    fields: [{ name: "cancel", label: "Abort the calls that run, too", type: "tick", value: false }],
    say: ({ cancel }) => [
      "No new call to a model begins, of any task, within two seconds. Nothing fails: what is refused waits until spending is resumed.",
      cancel ? "Calls that run are aborted and begin again later; what they have cost until then is booked." : "Calls that run end by themselves, and are paid.",
    ],
    confirm: "Stop spending",
    isGrave: true,
    run: ({ cancel, reason }) => post("/spending/stop", { cancel_running: cancel, reason }),
    done: ({ running, aborted }) => `Spending is stopped; ${plural(running, "call")} under way${aborted ? `, ${aborted} aborted` : ""}.`,
  });
  return h(
    "section",
    { class: `spending ${stopped ? "is-stopped" : ""}`, "aria-label": "Spending" },
    h(Problem, { error }),
    data && [
      h("p", {}, stopped ? describeStop(stopped) : "Calls to models may begin, within the caps below."),
      stopped ? h("button", { type: "button", onClick: () => ask(RESUMING) }, "Resume spending") : h("button", { type: "button", class: "grave", onClick: stop }, "Stop spending"),
    ],
    dialog,
  );
}

function useSpending() {
  const read = useData("/spending", { every: EVERY_MS });
  useEffect(() => {
    document.addEventListener(CHANGED, read.reload);
    return () => document.removeEventListener(CHANGED, read.reload);
  }, [read.reload]);
  return read;
}

const describeStop = ({ since, who, reason }) =>
  `Spending is stopped since ${moment(since)}${who ? `, by ${clip(who, 100)}` : ""}${reason ? `: ${clip(reason, 500)}` : ""}. No call to a model begins.`;
