// What a result says about its code: whether it was run, and what that has shown.

import { money } from "/console/lib/format.js";
import { Table } from "/console/operate/parts.js";
import { h } from "/console/vendor/preact.js";

const MARKS = { verified: "completed", self_tested: "completed", unverified: "queued", failed: "failed" };

/** Return the line about the code of a result; an older result has no line of its own. */
export function describeVerification(verification) {
  return String(verification.summary ?? `${verification.status}: ${verification.reason ?? "no tests were run"}`);
}

const listChecks = (result) => (Array.isArray(result?.checks) ? result.checks : []);

/** Whether there is something to be verified. */
export const hasChecks = (result) => Boolean(result?.verification?.status) || listChecks(result).length > 0;

/** What the run of the code has shown, or of a workflow whose result has no verification its checks. */
export function Verification({ result }) {
  const { verification, receipt } = result;
  if (!verification?.status) return h("ul", {}, listChecks(result).map((each, number) => h("li", { key: number }, `${each?.key}: ${each?.text}`)));
  const status = String(verification.status);
  return h(
    "div",
    {},
    h("p", { id: "verification" }, h("span", { class: `status ${MARKS[status] ?? "queued"}` }, status.replace("_", "-")), " ", describeVerification(verification).replace(/^[\w-]+: /, "")),
    receipt?.sentence && h("p", { class: "note" }, String(receipt.sentence)),
    verification.report && h(Report, { report: verification.report }),
    receipt?.attempts?.length > 1 && h(Tries, { attempts: receipt.attempts }),
    verification.tests && h(Tests, { tests: verification.tests }),
  );
}

export function Report({ report, isOpen = false }) {
  const failures = Array.isArray(report.failures) ? report.failures : [];
  if (!failures.length && !report.output) return null;
  return h(
    "details",
    { open: isOpen },
    h("summary", {}, "Test report"),
    failures.map((each, number) => h("pre", { key: number, class: "text" }, [`${each.test}: ${each.message}`, ...(each.trace ?? [])].join("\n"))),
    report.output && h("pre", { class: "text" }, String(report.output)),
  );
}

function Tries({ attempts }) {
  const cells = (each) => [each.model, each.check, each.total ? `${each.passed} of ${each.total}` : "–", money(each.cost_usd)];
  return h(Table, { caption: "Attempts at the code", columns: ["Model", "Check", "Tests passed", "Cost"] }, attempts.map((each, row) => h("tr", { key: row }, cells(each).map((text, place) => h("td", { key: place }, String(text))))));
}

function Tests({ tests }) {
  const files = Object.entries(tests.files ?? {});
  if (tests.command) files.push(["command", tests.command]);
  if (!files.length) return null;
  return h(
    "details",
    {},
    h("summary", {}, tests.written_by ? `Tests, written by ${tests.written_by}` : "Tests"),
    files.map(([path, text]) => [h("p", { class: "note" }, path), h("pre", { class: "text" }, String(text))]),
  );
}
