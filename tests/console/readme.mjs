// The pictures of the README, of a real `flotilla serve` and SeaweedFS: `tests/console/readme.mjs [DIR]`. It needs what
// `tests/console/run path` needs.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { signIn } from "./api.mjs";
import { launch } from "./browser.mjs";
import { endAll, flotilla, folder, until, weed } from "./services.mjs";
import { ENV, pictures } from "./steps.mjs";

const [dir = "docs/images"] = process.argv.slice(2);
const MIB = 1 << 20;
const trash = [];

/** A folder of files of one size. */
function files(many, bytes, name) {
  const made = folder();
  trash.push(made);
  for (let n = 0; n < many; n += 1)
    writeFileSync(join(made, name(n)), Buffer.alloc(bytes, n));
  return made;
}

const store = await weed("studio", ["backup/photos/a"]);
const serve = await flotilla(ENV);
const me = await signIn(serve);
const at = (place, user = "WRITER") => ({
  location: `s3://studio/${place}`,
  "endpoint-url": store.endpoint,
  credentials: `env:${user}`,
});

async function create(task, source, destination, more = {}) {
  const made = await me.send("POST", "/tasks", {
    task,
    source,
    destination,
    ...more,
  });
  if (made.status !== 201) throw new Error(made.text);
}

const begin = async (task) =>
  (await me.send("POST", `/tasks/${task}/runs`)).json().run;

async function ended(run) {
  return until(
    `run ${run} ends`,
    async () => (await me.send("GET", `/runs/${run}`)).json().ended,
  );
}

/** Puts a folder at a place of the store. */
async function fill(name, source) {
  const task = `fill-${name.replace("/", "-")}`;
  await create(task, { location: source }, at(name));
  await ended(await begin(task));
  await me.send("DELETE", `/tasks/${task}?records=true`);
  await until(
    `${task} is gone`,
    async () => (await me.send("GET", `/tasks/${task}`)).status === 404,
  );
}

const photos = pictures();
trash.push(photos);
mkdirSync(join(photos, "b"));
for (let n = 0; n < 40; n += 1)
  writeFileSync(join(photos, "b", `raw-${n}.cr3`), Buffer.alloc(40_000, n));
await Promise.all([
  fill("photos", photos),
  fill(
    "documents",
    files(350, 9_000, (n) => `letter-${n}.pdf`),
  ),
  fill(
    "website",
    files(1, 900, () => "index.html"),
  ),
  fill(
    "backup/website",
    files(240, 1_800, (n) => `page-${n}.html`),
  ),
]);
await create("photos", at("photos"), at("backup/photos", "PARTLY"), {
  description: "Camera uploads of the studio",
});
await create("documents", at("documents"), at("backup/documents"), {
  schedule: "every 1h",
});
// The store copies by itself what stays in it, whatever the limit: a folder's files pass the worker.
const videos = files(240, MIB, (n) => `take-${n}.mov`);
await create("videos", { location: videos }, at("backup/videos"), {
  limits: { bandwidth: "2MiB" },
});
await create("website", at("website"), at("backup/website"), {
  find: { delete: true, "max-delete": 100 },
});
await create("old-projects", at("documents"), at("backup/old"), {
  schedule: "cron 0 3 * * * UTC",
});
await me.send("POST", "/tasks/old-projects/pause");
const failed = await begin("photos");
await begin("videos");
await ended(await begin("website"));
await ended(failed);
await until("some of the videos are copied", async () => {
  const task = (await me.send("GET", "/tasks/videos")).json();
  return !task.run || (task.run.share ?? 0) > 0.15;
});

await until(
  "the documents are copied",
  async () => (await me.send("GET", "/tasks/documents")).json().last_run,
);

const browser = await launch();
const page = await browser.newPage({
  viewport: { width: 1280, height: 760 },
  colorScheme: "light",
  locale: "en-GB",
  timezoneId: "UTC",
  reducedMotion: "reduce",
});
await page.goto(serve.address);
await page.getByRole("link", { name: "videos" }).first().waitFor();
await page.waitForTimeout(1_000);
await page.screenshot({ path: `${dir}/console-tasks.png` });
await page.goto(`${serve.origin}/runs/${failed}`);
await page.locator("table.failures tbody tr").first().waitFor();
await page.waitForTimeout(500);
await page.screenshot({ path: `${dir}/console-run.png` });
await browser.close();
await serve.stop();
await store.stop();
endAll();
for (const path of trash) rmSync(path, { recursive: true, force: true });
