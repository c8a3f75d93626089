// One document of memory, in its parts.

import { PageFrame, More, plural, Reading } from "/console/operate/parts.js";
import { moment } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip, showControls } from "/console/lib/json_view.js";
import { usePages } from "/console/lib/pages.js";
import { buildAddress } from "/console/lib/route.js";
import { h } from "/console/vendor/preact.js";

const PARTS = 50;

export function Page({ params: [id], query }) {
  const owner = query.get("owner") ?? "";
  const path = buildAddress(`/memory/documents/${id}`, { owner, limit: PARTS }).slice(1);
  const read = useData(path);
  const parts = usePages(path, "chunks", { parameter: "first" });
  const document = read.data?.document;
  return h(
    PageFrame,
    { title: document ? clip(document.title || document.source, 120) : "Document", above: h("a", { class: "up", href: buildAddress("/memory", { owner }) }, "‹ Memory") },
    h(Reading, { of: read, what: "the document" }),
    document && h("p", { class: "note" }, `${clip(document.source, 300)} · ${plural(document.chunks, "part")} · added ${moment(document.updated_at ?? document.created_at)}`),
    h("ol", { class: "lines" }, parts.rows.map((each) => h("li", { key: each.id }, each.heading && h("h3", {}, clip(each.heading, 200)), h("pre", { class: "text" }, showControls(each.content))))),
    h(More, { of: parts }),
  );
}
