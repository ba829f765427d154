// The API with made-up data, and the built page: `npm run dev`, then http://127.0.0.1:7399/. `--mode empty|error|out|viewer`.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as data from "./data.js";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const CSP = "default-src 'self'; frame-ancestors 'none'";
const problem = (status, code, detail, more = {}) => ({
  status,
  body: { type: "about:blank", title: code, status, detail, code, ...more },
});
const ok = (body, status = 200) => ({ status, body });

/** The state of one server: what was created, how often an operation was asked for. */
export function api(mode = "") {
  const created = [];
  const asked = new Map();
  const all = () => (mode === "empty" ? created : [...data.tasks(), ...created]);
  const find = (name) => all().find((task) => task.name === name);
  const ofRun = (id) => all().find((task) => task.run?.id === id || task.last_run?.id === id) ?? all()[4] ?? all()[0];
  const missing = () => problem(404, "not-found", "there is no such thing");
  const begin = (kind, result) => {
    const id = data.uuid(700 + asked.size);
    asked.set(id, { kind, result, from: Date.now() });
    return ok({ task: null, operation: id }, 202);
  };
  const check = (body) => {
    const definition =
      typeof body === "string"
        ? { task: "pasted", source: { location: "s3://a" }, destination: { location: "s3://b" } }
        : body;
    if (definition.find?.compare === "wrong" || definition.schedule === "every x") {
      return problem(422, "invalid-definition", `schedule "${definition.schedule}" is none`, {
        setting: "schedule",
        remedy: "give one such as every 6h",
      });
    }
    const toml = data.definition({
      ...definition,
      name: definition.task,
      version: 1,
      source: definition.source?.location,
      destination: definition.destination?.location,
    }).toml;
    return ok({
      toml,
      definition,
      due: definition.schedule ? [1, 2, 3].map((n) => new Date(Date.now() + n * 3.6e6).toISOString()) : [],
    });
  };
  const create = (body) => {
    created.push({
      ...data.tasks()[2],
      name: body.task,
      id: data.uuid(950 + created.length),
      source: body.source.location,
      destination: body.destination.location,
      schedule: body.schedule ?? null,
      last_run: null,
      next_due: null,
    });
    return ok({ task: body.task, version: 1, next_due: null, notes: [] }, 201);
  };
  const recorded = (name) => ok({ task: name, version: 2, next_due: null, notes: [] }, 202);

  const routes = [
    [
      "GET",
      "/features",
      () =>
        ok({
          version: "0.9.0",
          fleet: "prod",
          mode: "fleet",
          login: "token",
          scales_machines: true,
          serves_tasks: false,
        }),
    ],
    ["GET", "/me", () => ok({ name: "ada@example.com", role: mode === "viewer" ? "viewer" : "admin" })],
    [
      "POST",
      "/login",
      ({ body }) =>
        body.token === "wrong" ? problem(401, "wrong-token", "this token is not known") : ok({ session: "made-up" }),
    ],
    ["POST", "/logout", () => ok(null, 204)],
    [
      "GET",
      "/tasks",
      ({ query }) => {
        const search = (query.get("search") ?? "").toLowerCase();
        const matching = all().filter((task) =>
          `${task.name} ${task.source} ${task.destination}`.toLowerCase().includes(search),
        );
        const counts = { all: matching.length, failed: 0, running: 0, waiting: 0, paused: 0, deleting: 0 };
        matching.forEach((task) => (counts[task.status] += 1));
        const status = query.get("status");
        return ok({ items: matching.filter((task) => !status || task.status === status), next: null, counts });
      },
    ],
    ["POST", "/tasks", ({ body }) => create(body)],
    ["GET", "/tasks/:t", ({ t }) => (find(t) ? ok(data.fullTask(find(t))) : missing())],
    ["PUT", "/tasks/:t", ({ t }) => recorded(t)],
    ["DELETE", "/tasks/:t", ({ t }) => recorded(t)],
    ["POST", "/tasks/:t/pause", ({ t }) => recorded(t)],
    ["POST", "/tasks/:t/resume", ({ t }) => recorded(t)],
    ["PATCH", "/tasks/:t/limits", ({ body }) => ok(body, 202)],
    ["GET", "/tasks/:t/definition", ({ t }) => (find(t) ? ok(data.definition(find(t))) : missing())],
    ["GET", "/tasks/:t/runs", ({ t }) => ok({ items: find(t) ? data.runs(find(t)) : [], next: null })],
    [
      "POST",
      "/tasks/:t/runs",
      ({ t }) => ok({ task: t, run: find(t)?.last_run?.id ?? data.uuid(25), superseded: null }, 202),
    ],
    [
      "GET",
      "/tasks/:t/samples",
      ({ query }) => ok(data.samples(Date.parse(query.get("from") ?? "") || Date.now() - 3.6e6)),
    ],
    [
      "GET",
      "/tasks/:t/objects",
      ({ query }) => (query.get("key") === "nothing" ? missing() : ok(data.outcome(query.get("key")))),
    ],
    ["GET", "/tasks/:t/notices", ({ t }) => ok(find(t)?.notify ? data.notices() : { receivers: [], items: [] })],
    ["POST", "/tasks/:t/notify-test", () => begin("notify", { receivers: [{ channel: "webhook" }] })],
    ["GET", "/tasks/:t/dead-letters", () => ok(data.letters())],
    ["POST", "/tasks/:t/dead-letters/redrive", ({ t }) => ok({ task: t, moved: 0 }, 202)],
    ["POST", "/tasks/:t/dead-letters/purge", ({ t }) => ok({ task: t, moved: 0 }, 202)],
    ["POST", "/tasks/:t/verifications", () => begin("verify", data.operation("verify").result)],
    ["POST", "/definitions/check", ({ body }) => check(body)],
    ["POST", "/probes", ({ body }) => begin("probe", body.write_test ? data.allowed : data.probe)],
    ["POST", "/plans", () => begin("plan", data.plan)],
    [
      "GET",
      "/operations/:o",
      ({ o }) => {
        const one = asked.get(o);
        if (!one) return missing();
        const done = Date.now() - one.from > 1_500;
        return ok(
          data.operation(one.kind, {
            id: o,
            state: done ? "done" : "running",
            verdict: done ? "succeeded" : null,
            result: done ? one.result : null,
            progress: done ? null : "412,000 objects compared",
          }),
        );
      },
    ],
    ["GET", "/runs/:r", ({ r }) => (r === "nothing" ? missing() : ok(data.run(r, ofRun(r))))],
    ["GET", "/runs/:r/definition", ({ r }) => ok(data.definition(ofRun(r)))],
    [
      "GET",
      "/runs/:r/failures",
      ({ query }) => {
        const grouped = query.get("group") === "cause";
        return ok({
          items: grouped ? [] : data.failures(query.get("cause")),
          next: null,
          groups: grouped ? data.groups() : [],
          failed: 1_284,
        });
      },
    ],
    ["POST", "/runs/:r/cancel", ({ r }) => ok({ task: ofRun(r)?.name, run: r }, 202)],
    ["POST", "/runs/:r/retry", ({ r }) => ok({ task: ofRun(r)?.name, run: data.uuid(25), superseded: null }, 202)],
    [
      "GET",
      "/failures",
      () =>
        ok({
          next: null,
          items:
            mode === "empty"
              ? []
              : [
                  {
                    task: "tenant-assets",
                    run: data.uuid(16),
                    state: "done-with-failures",
                    ended: data.tasks()[5].last_run.ended,
                    failed: 1_284,
                    lost: 0,
                    not_judged: 0,
                    unlisted: 0,
                    error: null,
                    groups: data.groups(),
                  },
                  {
                    task: "vendor-drop",
                    run: null,
                    state: null,
                    ended: null,
                    failed: 0,
                    lost: 0,
                    not_judged: 0,
                    unlisted: 0,
                    error: data.tasks()[6].errors[0].error,
                    groups: [],
                  },
                  {
                    task: "weekly-dr-copy",
                    run: data.uuid(18),
                    state: "stopped",
                    ended: data.tasks()[7].last_run.ended,
                    failed: 0,
                    lost: 12,
                    not_judged: 3,
                    unlisted: 0,
                    error: data.tasks()[7].last_run.error,
                    groups: [],
                  },
                ],
        }),
    ],
    ["GET", "/workers", () => ok(mode === "empty" ? { items: [], group: null, group_error: null } : data.workers())],
    ["GET", "/credentials", () => ok({ items: mode === "empty" ? [] : data.credentials(), next: null })],
    ["GET", "/audit", () => ok({ items: data.changes(), next: null })],
  ];
  return (method, path, query, body) => {
    if (mode === "out" && !["/features", "/login"].includes(path))
      return problem(401, "not-signed-in", "nobody is signed in");
    if (mode === "error" && !["/features", "/me"].includes(path))
      return problem(500, "backend", "the table flotilla-prod does not answer (ThrottlingException)", {
        remedy: "try again in a minute",
      });
    for (const [verb, pattern, handle] of routes) {
      const names = [...pattern.matchAll(/:(\w)/g)].map(([, name]) => name);
      const match = verb === method && new RegExp(`^${pattern.replace(/:\w/g, "([^/]+)")}$`).exec(path);
      if (match)
        return handle({
          query,
          body,
          ...Object.fromEntries(names.map((name, n) => [name, decodeURIComponent(match[n + 1])])),
        });
    }
    return missing();
  };
}

async function file(path, response) {
  const name = /^\/assets\/[\w.-]+$/.test(path) ? path : "/index.html";
  const text = await readFile(join(DIST, name)).catch(() => null);
  response.writeHead(text ? 200 : 404, {
    "content-type": TYPES[extname(name)] ?? "text/plain",
    "content-security-policy": CSP,
  });
  response.end(text ?? "not built: npm run build");
}

/** Sends every second how the tasks and runs stand that the request names. */
function stream(url, response) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const names = (of) => (url.searchParams.get(of) ?? "").split(",").filter(Boolean);
  const send = (kind, value) => value && response.write(`event: ${kind}\ndata: ${JSON.stringify(value)}\n\n`);
  const timer = setInterval(() => {
    const all = data.tasks();
    names("tasks").forEach((name) =>
      send(
        "task",
        all.find((task) => task.name === name),
      ),
    );
    for (const id of names("runs")) {
      const task = all.find(({ run }) => run?.id === id);
      send("run", task && data.run(id, task));
    }
  }, 1_000);
  response.on("close", () => clearInterval(timer));
  response.write(": begin\n\n");
}

export function serve(port, mode = "") {
  const answer = api(mode);
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (!url.pathname.startsWith("/api/v1/")) return file(url.pathname, response);
    if (url.pathname.endsWith("/stream")) return stream(url, response);
    const parts = [];
    for await (const part of request) parts.push(part);
    const text = Buffer.concat(parts).toString();
    const isJson = (request.headers["content-type"] ?? "").includes("json");
    const { status, body } = answer(
      request.method,
      url.pathname.slice(7),
      url.searchParams,
      isJson && text ? JSON.parse(text) : text,
    );
    response.writeHead(status, {
      "content-type": status >= 400 ? "application/problem+json" : "application/json",
      etag: '"7"',
    });
    response.end(status === 204 ? undefined : JSON.stringify(body));
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mode = process.argv.includes("--mode") ? process.argv[process.argv.indexOf("--mode") + 1] : "";
  const server = await serve(Number(process.env["PORT"] ?? 7399), mode);
  console.log(`http://127.0.0.1:${server.address().port}/`);
}
