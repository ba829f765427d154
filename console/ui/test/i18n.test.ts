import "./browser";
import assert from "node:assert/strict";
import { test } from "node:test";
import { fill, t } from "../src/i18n";
import { en } from "../src/i18n/en";
import { zh } from "../src/i18n/zh";

const values = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

test("both languages name the same values in each text", () => {
  for (const [key, text] of Object.entries(en)) assert.deepEqual(values(zh[key as keyof typeof en]), values(text), key);
});

test("no text is left in the other language", () => {
  const same = Object.entries(en).filter(
    ([key, text]) => text && zh[key as keyof typeof en] === text && /[a-z]{4}/.test(text),
  );
  const names = [
    "channel.webhook",
    "form.bucket.example",
    "provider.amazon",
    "provider.gs",
    "provider.r2",
    "origin.secretsmanager.name",
  ];
  assert.deepEqual(same.map(([key]) => key).sort(), names.sort());
});

test("counts choose the form of a text", () => {
  assert.equal(t("jobs", { n: 1 }), "1 job");
  assert.equal(t("jobs", { n: 1_200 }), "1,200 jobs");
  assert.equal(fill("{a} of {b}", { a: "x" }), "x of {b}");
});
