// From nothing to a planned and created task with the keyboard alone, with made-up data, in both languages.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serve } from "../../console/ui/dev/server.js";
import { LOOKS, inspect, launch, open } from "./browser.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** Moves the focus by Tab until it is on what matches, as a person would who sees the focus. */
async function tabTo(page, role, name) {
  for (let turn = 0; turn < 80; turn += 1) {
    const wanted = page.getByRole(role, { name, exact: true }).first();
    if (
      (await wanted.count()) &&
      (await wanted.evaluate((element) => element === document.activeElement))
    )
      return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not reach ${role} "${name}"`);
}

const WORDS = {
  en: {
    first: "Create the first task",
    bucket: "Bucket and prefix",
    test: "Test connection",
    next: "Continue",
    plan: "Plan",
    create: "Create task",
    denied: "allow s3:PutObject and s3:AbortMultipartUpload",
    deletes: "Delete what the source does not have",
    dry: "Start the dry run",
  },
  zh: {
    first: "创建第一个任务",
    bucket: "存储桶与前缀",
    test: "测试连接",
    next: "继续",
    plan: "预估",
    create: "创建任务",
    denied: "allow s3:PutObject and s3:AbortMultipartUpload",
    deletes: "删除源端没有的对象",
    dry: "开始试运行",
  },
};

for (const look of ["desktop", "phone-zh"]) {
  test(`a task is created by keyboard alone: ${look}`, async () => {
    const server = await serve(0, "empty");
    const opened = await open(browser, LOOKS[look]);
    const { page } = opened;
    const words = WORDS[LOOKS[look].language];
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.getByRole("link", { name: words.first }).waitFor();
    await tabTo(page, "link", words.first);
    await page.keyboard.press("Enter");
    await page.getByRole("textbox", { name: words.bucket }).first().waitFor();
    await tabTo(page, "textbox", words.bucket);
    await page.keyboard.type("photos/2026");
    await page.keyboard.press("Tab");
    for (let turn = 0; turn < 20; turn += 1) {
      const second = page.getByRole("textbox", { name: words.bucket }).nth(1);
      if (
        await second.evaluate((element) => element === document.activeElement)
      )
        break;
      await page.keyboard.press("Tab");
    }
    await page.keyboard.type("backup");
    await page.keyboard.press("Tab");
    for (let turn = 0; turn < 20; turn += 1) {
      const second = page.getByRole("button", { name: words.test }).nth(1);
      if (
        await second.evaluate((element) => element === document.activeElement)
      )
        break;
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
    await page.getByText(words.denied).waitFor();
    await inspect(opened, `new-tested-${look}`);
    await tabTo(page, "button", words.next);
    await page.keyboard.press("Enter");
    await page.getByRole("checkbox", { name: words.deletes }).waitFor();
    await tabTo(page, "checkbox", words.deletes);
    await page.keyboard.press("Space");
    await inspect(opened, `new-what-${look}`);
    for (const step of ["how", "when", "review"]) {
      await tabTo(page, "button", words.next);
      await page.keyboard.press("Enter");
      await page
        .locator(
          `.steps li:nth-child(${["how", "when", "review"].indexOf(step) + 3}).now`,
        )
        .waitFor();
      await inspect(opened, `new-${step}-${look}`);
    }
    // Deletes are on, so a dry run comes first.
    assert.equal(
      await page.getByRole("button", { name: words.create }).count(),
      0,
    );
    await tabTo(page, "button", words.dry);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: words.create }).waitFor();
    await inspect(opened, `new-planned-${look}`);
    await tabTo(page, "button", words.create);
    await page.keyboard.press("Enter");
    await page.locator(".toast.good").waitFor();
    await opened.close();
    server.closeAllConnections();
    server.close();
  });
}

test("dialogs keep the focus and give it back", async () => {
  const server = await serve(0, "");
  const opened = await open(browser, LOOKS.desktop);
  const { page } = opened;
  await page.goto(
    `http://127.0.0.1:${server.address().port}/tasks/tenant-assets`,
  );
  await page.getByRole("button", { name: "More actions" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("[role=menuitem]:focus").waitFor();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Delete tenant-assets?" });
  await dialog.waitFor();
  await inspect(opened, "delete-desktop");
  assert.ok(
    await dialog.getByRole("button", { name: "Delete task" }).isDisabled(),
  );
  await page.getByLabel("Type tenant-assets to confirm").fill("tenant-assets");
  assert.ok(
    await dialog.getByRole("button", { name: "Delete task" }).isEnabled(),
  );
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  // A dialog that has closed is hidden a moment before it gives the focus back.
  await page.locator("button[aria-label='More actions']:focus").waitFor();
  await opened.close();
  server.closeAllConnections();
  server.close();
});
