import "./browser";
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, count, dateTime, duration, percent, relative } from "../src/format";
import { chosenLanguage, chosenZone } from "../src/settings";
import { readSize, writeSize } from "../src/size";

test("sizes have the units of the command line", () => {
  assert.equal(bytes(0), "0 B");
  assert.equal(bytes(1023), "1,023 B");
  assert.equal(bytes(960_512), "938 KiB");
  assert.equal(bytes(1.5 * 1024 ** 4), "1.5 TiB");
});

test("nothing is complete before it is", () => {
  assert.equal(percent(0.99999), "99.9%");
  assert.equal(percent(1), "100%");
  assert.equal(percent(0), "0%");
  assert.equal(percent(0.455), "46%");
});

test("times have their two largest units", () => {
  assert.equal(duration(0), "0s");
  assert.equal(duration(8_050), "2h 14m");
  assert.equal(duration(90_000, true), "1d 1h");
  assert.equal(duration(2_190, true), "36m");
});

test("numbers and dates follow language and zone", () => {
  assert.equal(count(1_234_567), "1,234,567");
  chosenZone.value = "Asia/Shanghai";
  assert.match(dateTime("2026-11-27T23:30:00Z"), /28 Nov 2026, 07:30/);
  chosenLanguage.value = "zh";
  assert.match(dateTime("2026-11-27T23:30:00Z"), /2026年11月28日 07:30/);
  assert.equal(duration(8_050), "2小时 14分钟");
  chosenLanguage.value = "";
  chosenZone.value = "";
});

test("ages are rounded to what people say", () => {
  assert.equal(relative(new Date(Date.now() - 3_000).toISOString()), "now");
  assert.match(relative(new Date(Date.now() - 300_000).toISOString()), /5 min\.? ago/);
});

test("sizes of definitions are read and written", () => {
  assert.equal(readSize("100MiB"), 104_857_600);
  assert.equal(readSize("1k"), 1_024);
  assert.equal(readSize("500 kB"), 500_000);
  assert.equal(readSize("fast"), undefined);
  assert.equal(readSize(""), undefined);
  assert.equal(writeSize(524_288_000), "500MiB");
  assert.equal(writeSize(1_000), "1000");
});
