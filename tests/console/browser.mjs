// A browser for the tests, and what they ask of every page.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(
  new URL("../../console/ui/package.json", import.meta.url),
);
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = fileURLToPath(
  new URL("../../target/console", import.meta.url),
);
mkdirSync(PICTURES, { recursive: true });

export const LOOKS = {
  desktop: { language: "en", scheme: "light", width: 1280 },
  "desktop-zh": { language: "zh", scheme: "dark", width: 1280 },
  phone: { language: "en", scheme: "dark", width: 390 },
  "phone-zh": { language: "zh", scheme: "light", width: 390 },
};

export function launch() {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
    ],
  });
}

/** A page in one look. What it logs as an error, such as a refusal by the content security policy, fails the test. */
export async function open(browser, { language, scheme, width }) {
  const context = await browser.newContext({
    viewport: { width, height: width > 600 ? 800 : 844 },
    colorScheme: scheme,
    locale: language === "zh" ? "zh-CN" : "en-GB",
    timezoneId: "Europe/Berlin",
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    // Answers that are no success are logged by the browser, and are shown by the page.
    if (
      message.type() === "error" &&
      !/status of (4|5)\d\d|ERR_(CONNECTION|INCOMPLETE|SOCKET|EMPTY)/.test(
        message.text(),
      )
    )
      errors.push(message.text());
  });
  return { page, errors, close: () => context.close() };
}

/** The page has no violation that axe finds, nothing that is wider than the window, and its picture is kept. */
export async function inspect({ page, errors }, name) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const found = await globalThis.axe.run(document, {
      runOnly: [
        "wcag2a",
        "wcag2aa",
        "wcag21a",
        "wcag21aa",
        "wcag22aa",
        "best-practice",
      ],
    });
    return found.violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`,
    );
  });
  await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  assert.deepEqual(violations, [], `${name}: axe`);
  const tooWide = await page.evaluate(
    () =>
      document.documentElement.scrollWidth -
      document.documentElement.clientWidth,
  );
  assert.ok(tooWide <= 0, `${name}: ${tooWide} px too wide`);
  assert.deepEqual(errors, [], `${name}: errors of the page`);
}
