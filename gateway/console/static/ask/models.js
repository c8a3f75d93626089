// The models that a form offers.

import { money } from "/console/lib/format.js";
import { describeState } from "/console/models/words.js";

/** Return `[id, label]` of the models that answer and are served now, and of the chosen one, with what each costs and why it may not answer. */
export function listModels(models, chosen) {
  const served = models.filter((each) => each.kind === "chat");
  const options = served.map((each) => [each.id, [each.id, describePrice(each), each.simulated ? "simulated" : null, each.status === "available" ? null : describeState(each.status)[0]].filter(Boolean).join(" · ")]);
  if (chosen && chosen !== "auto" && !served.some((each) => each.id === chosen)) options.push([chosen, `${chosen} · not served now`]);
  return options;
}

function describePrice({ is_local: isLocal, usd_per_million: price }) {
  if (!price) return isLocal ? "on our machines" : null;
  return `${money(price.input)} read, ${money(price.output)} written per million`;
}
