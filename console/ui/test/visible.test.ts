import "./browser";
import assert from "node:assert/strict";
import { test } from "node:test";
import { fill } from "../src/i18n";
import { pieces, visible } from "../src/visible";

test("regression: characters that turn or hide others are shown as escapes", () => {
  assert.equal(visible("a\u202egnp.exe"), "a\\u{202e}gnp.exe");
  assert.equal(visible("line\nbreak\u0007\ufeff"), "line\\nbreak\\u{7}\\u{feff}");
  assert.deepEqual(pieces("a\u202eb"), [
    { text: "a", escape: false },
    { text: "\\u{202e}", escape: true },
    { text: "b", escape: false },
  ]);
});

test("letters from right to left do not turn the words around them", () => {
  assert.equal(fill("Copy {what}", { what: "\u0645.jpg" }), "Copy \u2068\u0645.jpg\u2069");
  assert.equal(visible("日本語/写真 🧑‍🚀.jpg"), "日本語/写真 🧑‍🚀.jpg");
});
