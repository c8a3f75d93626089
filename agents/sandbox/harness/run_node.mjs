// Runs tests of JavaScript and TypeScript and reports each, over a pipe, with a key.
// The tested code runs in processes of their own below this one.
// Usage: node run_node.mjs GATE PIPE (descriptors); the gate has the key and the configuration.
import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, relative } from "node:path";
import { pathToFileURL } from "node:url";

const [gate, pipe] = process.argv.slice(2).map(Number);
const { key, tests, tokens, framework, packages, dom, built } = JSON.parse(readFileSync(gate, "utf8"));
const root = process.cwd();
const MAX_MESSAGE = 2000;
const MAX_TRACE = 4000;
const wrong = new Set(); // scripts that ended with a failed assertion

function send(...parts) {
  const text = JSON.stringify(parts).replace(/[\u007f-\uffff]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
  let data = Buffer.from(`${key} ${text}\n`);
  while (data.length) data = data.subarray(writeSync(pipe, data));
}

const clean = (text) => String(text ?? "").replaceAll(/\u001b\[[0-9;]*m/g, "").replaceAll(`file://${root}/`, "").replaceAll(`${root}/`, "");

function describe(error) {
  const cause = error?.cause ?? error;
  const message = clean(cause?.message ?? cause).slice(0, MAX_MESSAGE) || "it failed";
  const stack = clean(cause?.stack).split("\n").filter((line) => !/node:internal|node_modules/.test(line));
  return [message, stack.join("\n").slice(0, MAX_TRACE)];
}

async function runNodeTests() {
  const { run } = await import("node:test");
  const options = ["--enable-source-maps", `--import=${pathToFileURL(join(root, ".cogo-freeze.mjs")).href}`];
  process.env.NODE_OPTIONS = options.join(" ");
  const files = built ? await bundle(tests) : tests.map((path) => join(root, path));
  const names = [];
  const printed = new Map();
  for await (const { type, data } of run({ files, concurrency: 1 })) {
    const file = sourceOf(data.file ?? "");
    if (type === "test:start") {
      names.length = data.nesting;
      names.push(data.name);
      send("start", [file, ...names].join(" > "));
    } else if (type === "test:stderr" || type === "test:stdout") {
      process.stderr.write(data.message);
      if (type === "test:stderr") printed.set(file, (printed.get(file) ?? "") + data.message);
    } else if (type === "test:pass" || type === "test:fail") {
      names.length = data.nesting;
      const isFile = data.nesting === 0 && [file, basename(file)].includes(basename(data.name)) && data.name.includes(".");
      const id = isFile ? file : [file, ...names, data.name].join(" > ");
      const error = data.details?.error;
      if (data.details?.type === "suite" && (type === "test:pass" || error?.failureType === "subtestsFailed")) continue;
      if (type === "test:fail" && error?.failureType === "subtestsFailed") continue;
      const printedError = findError(printed.get(file));
      if (isFile && type === "test:fail" && framework === "script" && /^AssertionError/.test(printedError)) {
        send("end", id, "failed", printedError, clean(printed.get(file)).slice(-MAX_TRACE));
        wrong.add(file);
      } else if (isFile && type === "test:fail") send("problem", "import", file, printedError, clean(printed.get(file)).slice(-MAX_TRACE));
      else if (data.skip !== undefined || data.todo !== undefined) send("end", id, "skipped", "", "");
      else send("end", id, type === "test:pass" ? "passed" : "failed", ...(type === "test:pass" ? ["", ""] : describe(error)));
    }
  }
}

const sources = new Map();
const sourceOf = (path) => sources.get(path) ?? relative(root, path.startsWith("/") ? path : join(root, path));

function findError(text) {
  const line = clean(text).split("\n").find((each) => /^(\w*Error|\[?\w*Error \[)/.test(each.trim()));
  return line ?? "the process ended before its tests had ended";
}

// One file for each test, so that imports without extensions and TypeScript run in every Node.
async function bundle(paths) {
  const esbuild = createRequire(join(packages, "node_modules/vite/package.json"))("esbuild");
  const files = [];
  for (const [number, path] of paths.entries()) {
    const outfile = join(root, `.cogo-built-${number}.mjs`);
    sources.set(outfile, path);
    files.push(outfile);
    await esbuild.build({
      entryPoints: [join(root, path)], outfile, bundle: true, platform: "node", format: "esm",
      packages: "external", sourcemap: "inline", jsx: "automatic", logLevel: "silent", target: `node${process.versions.node}`,
    });
  }
  return files;
}

async function runVitest() {
  const from = (name) => pathToFileURL(join(packages, "node_modules", name)).href;
  const { startVitest } = await import(from("vitest/dist/node.js"));
  const name = (test) => `${relative(root, test.module.moduleId)} > ${test.fullName}`;
  const reporter = {
    onTestCaseReady: (test) => send("start", name(test)),
    onTestCaseResult(test) {
      const { state, errors } = test.result();
      const [message, trace] = errors?.length ? describe(errors[0]) : ["", ""];
      send("end", name(test), state, message, trace);
    },
    onTestModuleEnd(module) {
      const [error] = module.errors();
      if (error) send("problem", "import", relative(root, module.moduleId), ...describe(error));
    },
    onTestRunEnd(_, errors) {
      if (errors.length) send("problem", "unhandled", "", ...describe(errors[0]));
    },
  };
  const vitest = await startVitest("test", tests, {
    root, watch: false, config: false, globals: true, environment: dom ? "jsdom" : "node", pool: "forks",
    poolOptions: { forks: { singleFork: true } }, include: tests, reporters: ["default", reporter], cache: false,
    setupFiles: [join(root, ".cogo-setup.mjs")], passWithNoTests: true,
  }, {
    cacheDir: join(root, ".cogo-vite"), logLevel: "warn", esbuild: { jsx: "automatic" },
    resolve: { alias: { "@jest/globals": "vitest" }, preserveSymlinks: false },
    server: { fs: { strict: false } },
  });
  await vitest?.close();
}

try {
  await (framework === "vitest" ? runVitest() : runNodeTests());
  for (const [path, { file, token }] of Object.entries(tokens)) {
    let found = "";
    try {
      found = readFileSync(join(root, file), "utf8");
    } catch {}
    if (found !== token && !wrong.has(path)) send("problem", "end", path, "the process ended before its tests had ended", "");
  }
  send("over");
} catch (error) {
  send("problem", "import", tests[0] ?? "", ...describe(error?.errors?.[0] ? { message: `SyntaxError: ${error.errors[0].text} (${error.errors[0].location?.file}:${error.errors[0].location?.line})` } : error));
} finally {
  process.exit(0);
}
