// Print the name, version and licence text of each library that is bundled.
import { existsSync, readFileSync, readdirSync } from "node:fs";

const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
for (const [path, { version, dev, optional }] of Object.entries(packages).sort()) {
  if (!path || dev || optional || path.includes("@types/")) continue;
  const file = readdirSync(path).find((name) => /^licen[cs]e/i.test(name));
  const { license } = JSON.parse(readFileSync(`${path}/package.json`, "utf8"));
  const text = file && existsSync(`${path}/${file}`) ? readFileSync(`${path}/${file}`, "utf8").trim() : "";
  console.log(`${path.replace("node_modules/", "")} ${version} (${license})\n\n${text}\n\n${"-".repeat(80)}\n`);
}
