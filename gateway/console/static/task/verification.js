// What a result says about its code: whether it was run, and what that has shown.

import { h } from "/console/lib/dom.js";
import { money } from "/console/lib/format.js";

const MARKS = { verified: "completed", self_tested: "completed", unverified: "queued", failed: "failed" };

/** The line about the code of a result; an older result has no line of its own. */
export function describeVerification(verification) {
  return String(verification.summary ?? `${verification.status}: ${verification.reason ?? "no tests were run"}`);
}

export function buildVerification(result) {
  const { verification, receipt } = result;
  const report = verification.report;
  const status = String(verification.status);
  return [
    h(
      "p",
      { id: "verification" },
      h("span", { class: `status ${MARKS[status] ?? "queued"}` }, status.replace("_", "-")),
      " ",
      describeVerification(verification).replace(/^[\w-]+: /, ""),
    ),
    receipt?.sentence ? h("p", { class: "note" }, String(receipt.sentence)) : null,
    report ? buildReport(report) : null,
    receipt?.attempts?.length > 1 ? buildTries(receipt.attempts) : null,
    verification.tests ? buildTests(verification.tests) : null,
  ].filter(Boolean);
}

/** What the checks of a workflow have shown whose result has no verification. */
export function buildChecks(checks) {
  return h("ul", {}, ...checks.map((each) => h("li", {}, `${each?.key}: ${each?.text}`)));
}

export function buildReport(report, isOpen = false) {
  const failures = Array.isArray(report.failures) ? report.failures : [];
  if (!failures.length && !report.output) return null;
  return h(
    "details",
    { open: isOpen },
    h("summary", {}, "Test report"),
    ...failures.map((each) => h("pre", { class: "text" }, [`${each.test}: ${each.message}`, ...(each.trace ?? [])].join("\n"))),
    report.output ? h("pre", { class: "text" }, String(report.output)) : null,
  );
}

function buildTries(attempts) {
  const cells = (each) => [each.model, each.check, each.total ? `${each.passed} of ${each.total}` : "–", money(each.cost_usd)];
  return h(
    "table",
    {},
    h("caption", {}, "Attempts at the code"),
    h("thead", {}, h("tr", {}, ...["Model", "Check", "Tests passed", "Cost"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, ...attempts.map((each) => h("tr", {}, ...cells(each).map((text) => h("td", {}, String(text)))))),
  );
}

function buildTests(tests) {
  const files = Object.entries(tests.files ?? {});
  if (tests.command) files.push(["command", tests.command]);
  if (!files.length) return null;
  return h(
    "details",
    {},
    h("summary", {}, tests.written_by ? `Tests, written by ${tests.written_by}` : "Tests"),
    ...files.flatMap(([path, text]) => [h("p", { class: "note" }, path), h("pre", { class: "text" }, String(text))]),
  );
}
