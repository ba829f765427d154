// What a person does in the browser from nothing to a mended replication, over any console.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LOOKS, inspect, open } from "./browser.mjs";
import { mouse } from "./hands.mjs";
import { folder } from "./services.mjs";

export const FILES = 300;
/** Of them, those that the credentials `PARTLY` may not write. */
const DENIED = 12;
/** The credentials of the two users of SeaweedFS, for the programs that open stores. */
export const ENV = {
  PARTLY_ACCESS_KEY_ID: "partly",
  PARTLY_SECRET_ACCESS_KEY: "partly-secret",
  WRITER_ACCESS_KEY_ID: "writer",
  WRITER_SECRET_ACCESS_KEY: "writer-secret",
};
export const WORDS = {
  en: {
    first: "Create the first task",
    kind: "Kind",
    folder: "Path",
    bucket: "Bucket and prefix",
    endpoint: "Endpoint URL",
    credentials: "Credentials",
    prefix: "Prefix of the variables",
    name: "Name of the task",
    test: "Test connection",
    bad: "It does not work",
    good: "It works",
    next: "Continue",
    plan: "Plan",
    copies: "To copy",
    create: "Create task",
    failed: `${DENIED} failed`,
    more: "More actions",
    edit: "Edit",
    save: "Save changes",
    retry: "Retry all",
    done: "Done",
    start: "Start a run right away",
  },
  zh: {
    first: "创建第一个任务",
    kind: "类型",
    folder: "路径",
    bucket: "存储桶与前缀",
    endpoint: "服务地址（Endpoint）",
    credentials: "凭证",
    prefix: "变量前缀",
    name: "任务名称",
    test: "测试连接",
    bad: "连接不可用",
    good: "连接正常",
    next: "继续",
    plan: "预估",
    copies: "将复制",
    create: "创建任务",
    failed: `${DENIED} 个失败`,
    more: "更多操作",
    edit: "编辑",
    save: "保存修改",
    retry: "全部重试",
    done: "已完成",
    start: "立即开始一次运行",
  },
};

/** A folder of files, of which those below `z` are denied to `PARTLY`. */
export function pictures() {
  const source = folder();
  for (const place of ["a", "z"]) mkdirSync(join(source, place));
  for (let n = 0; n < FILES; n += 1) {
    const place = n < FILES - DENIED ? "a" : "z";
    writeFileSync(
      join(source, place, `photo-${String(n).padStart(4, "0")}.jpg`),
      `picture ${n}`.repeat(500),
    );
  }
  return source;
}

async function fill(page, hand, words, side, values) {
  const form = page.locator(".side-form").nth(side);
  for (const [label, value] of Object.entries(values)) {
    const field = form.getByLabel(words[label], { exact: true });
    if (["kind", "credentials"].includes(label))
      await hand.select(field, value);
    else await hand.fill(field, value);
  }
  return form;
}

/** Goes on through all steps of the form. */
async function toReview(page, hand, next) {
  for (let step = 0; step < 4; step += 1) {
    await hand.click(next);
    await page.locator(`.steps li:nth-child(${step + 2}).now`).waitFor();
  }
}

/**
 * Walks the path in one look: sign in, new task, test of the connection, plan, create, watch the run, see what failed
 * and why, mend it, retry. `hand` uses the page. `source` has the values of the form's first side. Pictures begin with `name`.
 */
export async function walk(
  browser,
  { look, name, address, source, backup, hand = mouse },
) {
  const words = WORDS[LOOKS[look].language];
  const opened = await open(browser, LOOKS[look]);
  const { page } = opened;
  const { origin } = new URL(address);
  const button = (name) =>
    page.getByRole("button", { name: words[name], exact: true });
  const keep = (step) => inspect(opened, `${name}-${step}-${look}`);
  try {
    await page.goto(address);
    await hand.click(page.getByRole("link", { name: words.first }));
    assert.ok(
      !page.url().includes("token"),
      "the token does not stay in the address",
    );
    await create(page, hand, words, { look, source, backup, button, keep });
    const failed = await watch(page, words, keep);
    await mend(page, hand, words, button);
    await retry(page, hand, words, failed);
    await keep("mended");
    await page.goto(`${origin}/objects?task=photos&key=z/photo-0299.jpg`);
    await page.locator(".badge.good").waitFor();
    await keep("object");
    for (const [step, path] of [
      ["tasks", "/"],
      ["task", "/tasks/photos"],
      ["machines", "/machines"],
      ["changes", "/changes"],
      ["credentials", "/credentials"],
      ["failures", "/failures"],
    ]) {
      await page.goto(origin + path);
      await page.locator("h1").waitFor();
      await page.waitForFunction(() => !document.querySelector(".skeleton"));
      await keep(step);
    }
  } catch (error) {
    const path = `target/console/broken-${name}-${look}.png`;
    await page.screenshot({ path, fullPage: true });
    throw error;
  } finally {
    await opened.close();
  }
}

async function create(
  page,
  hand,
  words,
  { look, source, backup, button, keep },
) {
  const first = await fill(page, hand, words, 0, source);
  const side = await fill(page, hand, words, 1, {
    kind: "other",
    bucket: `backup/${look}`,
    endpoint: backup.endpoint,
    credentials: "env",
    prefix: "PARTLY",
  });
  await hand.fill(page.getByLabel(words.name, { exact: true }), "photos");
  await hand.click(side.getByRole("button", { name: words.test }));
  await side.getByText(words.bad).waitFor({ timeout: 60_000 });
  if (source.kind !== "folder") {
    await hand.click(first.getByRole("button", { name: words.test }));
    await first.getByText(words.good).waitFor({ timeout: 60_000 });
  }
  await keep("tested");
  await toReview(page, hand, button("next"));
  await hand.click(button("plan"));
  await page.locator(".plan-box .stats").waitFor({ timeout: 60_000 });
  assert.match(
    (await page.locator(".plan-box .stat").first().textContent()) ?? "",
    new RegExp(String(FILES)),
  );
  await keep("planned");
  await hand.click(button("create"));
  await page.waitForURL(/\/runs\//);
}

/** Waits until the run shows what failed. Gives the run's address. */
async function watch(page, words, keep) {
  await page
    .getByRole("heading", { name: words.failed })
    .waitFor({ timeout: 90_000 });
  await page.locator(".group").first().waitFor();
  await page.locator("table.failures tbody tr").first().waitFor();
  await keep("failed");
  return page.url();
}

/** Gives the task credentials that may write everything. */
async function mend(page, hand, words, button) {
  await hand.click(page.locator(".above"));
  await hand.click(button("more"));
  await hand.pick(
    page.getByRole("menuitem", { name: words.edit, exact: true }),
  );
  const again = page.locator(".side-form").nth(1);
  await hand.fill(again.getByLabel(words.prefix, { exact: true }), "WRITER");
  await hand.click(again.getByRole("button", { name: words.test }));
  await again.getByText(words.good).waitFor({ timeout: 60_000 });
  await toReview(page, hand, button("next"));
  await hand.click(button("save"));
  await page.waitForURL(/\/tasks\/photos$/);
}

async function retry(page, hand, words, failed) {
  await page.goto(failed);
  await hand.click(page.locator("button:enabled", { hasText: words.retry }), {
    timeout: 90_000,
  });
  await page.waitForURL(
    (url) => url.pathname.startsWith("/runs/") && url.href !== failed,
  );
  await page
    .locator(".title-line .badge.good", { hasText: words.done })
    .waitFor({ timeout: 120_000 });
}
