// The whole path against `flotilla serve` and SeaweedFS: sign in, new task, test of the connection, plan, create, watch
// the run, see what failed and why, mend it, retry. Nothing is done outside the browser.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LOOKS, inspect, launch, open } from "./browser.mjs";
import { flotilla, folder, missing, weed } from "./services.mjs";

const FILES = 300;
/** Of them, those that the first credentials may not write. */
const DENIED = 12;
const ENV = {
  PARTLY_ACCESS_KEY_ID: "partly",
  PARTLY_SECRET_ACCESS_KEY: "partly-secret",
  WRITER_ACCESS_KEY_ID: "writer",
  WRITER_SECRET_ACCESS_KEY: "writer-secret",
};
const WORDS = {
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
    bad: "Something is missing",
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
    bad: "有权限或设置缺失",
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

const why = missing();
const services = {};
let source;
before(async () => {
  if (why) return console.log(`tests/console: the path was skipped: ${why}`);
  source = folder();
  for (const place of ["a", "z"]) mkdirSync(join(source, place));
  for (let n = 0; n < FILES; n += 1) {
    const place = n < FILES - DENIED ? "a" : "z";
    writeFileSync(
      join(source, place, `photo-${String(n).padStart(4, "0")}.jpg`),
      `picture ${n}`.repeat(500),
    );
  }
  [services.browser, services.weed] = await Promise.all([
    launch(),
    weed(
      "backup",
      Object.keys(LOOKS).map((look) => `${look}/a`),
    ),
  ]);
});
after(async () => {
  await services.browser?.close();
  await services.weed?.stop();
  if (source) rmSync(source, { recursive: true, force: true });
});

async function fill(page, words, side, values) {
  const form = page.locator(".side-form").nth(side);
  for (const [label, value] of Object.entries(values)) {
    const field = form.getByLabel(words[label], { exact: true });
    if (["kind", "credentials"].includes(label))
      await field.selectOption(value);
    else await field.fill(value);
  }
  return form;
}

for (const look of ["desktop", "phone-zh"]) {
  test(
    `from nothing to a mended replication: ${look}`,
    { skip: why || false },
    async () => {
      const words = WORDS[LOOKS[look].language];
      const serve = await flotilla(ENV);
      const opened = await open(services.browser, LOOKS[look]);
      const { page } = opened;
      const button = (name) =>
        page.getByRole("button", { name: words[name], exact: true });
      const look_ = (name) => inspect(opened, `real-${name}-${look}`);
      try {
        await page.goto(serve.address);
        await page.getByRole("link", { name: words.first }).click();
        assert.ok(
          !page.url().includes("token"),
          "the token does not stay in the address",
        );

        await fill(page, words, 0, { kind: "folder", folder: source });
        const side = await fill(page, words, 1, {
          kind: "other",
          bucket: `backup/${look}`,
          endpoint: services.weed.endpoint,
          credentials: "env",
          prefix: "PARTLY",
        });
        await page.getByLabel(words.name, { exact: true }).fill("photos");
        await side.getByRole("button", { name: words.test }).click();
        await side.getByText(words.bad).waitFor({ timeout: 60_000 });
        await look_("tested");
        for (let step = 0; step < 4; step += 1) {
          await button("next").click();
          await page.locator(`.steps li:nth-child(${step + 2}).now`).waitFor();
        }
        await button("plan").click();
        await page.locator(".plan-box .stats").waitFor({ timeout: 60_000 });
        assert.match(
          (await page.locator(".plan-box .stat").first().textContent()) ?? "",
          new RegExp(String(FILES)),
        );
        await look_("planned");
        await button("create").click();

        await page.waitForURL(/\/runs\//);
        await page
          .getByRole("heading", { name: words.failed })
          .waitFor({ timeout: 90_000 });
        await page.locator(".group").first().waitFor();
        await page.locator("table.failures tbody tr").first().waitFor();
        await look_("failed");
        const failed = page.url();

        await page.locator(".above").click();
        await button("more").click();
        await page
          .getByRole("menuitem", { name: words.edit, exact: true })
          .click();
        const again = page.locator(".side-form").nth(1);
        await again.getByLabel(words.prefix, { exact: true }).fill("WRITER");
        await again.getByRole("button", { name: words.test }).click();
        await again.getByText(words.good).waitFor({ timeout: 60_000 });
        for (let step = 0; step < 4; step += 1) {
          await button("next").click();
          await page.locator(`.steps li:nth-child(${step + 2}).now`).waitFor();
        }
        await button("save").click();
        await page.waitForURL(/\/tasks\/photos$/);

        await page.goto(failed);
        await page
          .locator("button:enabled", { hasText: words.retry })
          .click({ timeout: 90_000 });
        await page.waitForURL(
          (url) => url.pathname.startsWith("/runs/") && url.href !== failed,
        );
        await page
          .locator(".title-line .badge.good", { hasText: words.done })
          .waitFor({ timeout: 120_000 });
        await look_("mended");

        await page.goto(
          `${serve.origin}/objects?task=photos&key=z/photo-0299.jpg`,
        );
        await page.locator(".badge.good").waitFor();
        await look_("object");
        for (const [name, path] of [
          ["tasks", "/"],
          ["task", "/tasks/photos"],
          ["machines", "/machines"],
          ["credentials", "/credentials"],
          ["failures", "/failures"],
        ]) {
          await page.goto(serve.origin + path);
          await page.locator("h1").waitFor();
          await page.waitForFunction(
            () => !document.querySelector(".skeleton"),
          );
          await look_(name);
        }
      } catch (error) {
        await page.screenshot({
          path: `target/console/broken-${look}.png`,
          fullPage: true,
        });
        console.log(serve.output.text.slice(-3_000));
        throw error;
      } finally {
        await opened.close();
        await serve.stop();
      }
    },
  );
}
