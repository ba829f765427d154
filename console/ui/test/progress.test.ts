import "./browser";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Run } from "../src/api/types";
import { lines } from "../src/pages/run/counters";
import { steps } from "../src/pages/run/phases";
import { left, parts, widths } from "../src/progress";

const found = {
  listed: 1_000,
  listed_destination: 900,
  unchanged: 800,
  filtered: 5,
  not_judged: 10,
  enqueued: 190,
  enqueued_bytes: 1_024,
  deletes: 20,
  unlisted: 0,
};
const settled = {
  copied: 150,
  deleted: 10,
  skipped: 4,
  skipped_by: { archived: 4 },
  failed: 6,
  failed_by: {},
  cancelled: 0,
  bytes: 512,
  last: null,
};
const run = { found, settled, state: "copying", enqueued: 210, share: 0.8 } as unknown as Run;

test("the parts of a run add up", () => {
  assert.equal(left(run), 40);
  const sum = parts(run).reduce((sum, { objects }) => sum + objects, 0);
  assert.equal(sum, found.unchanged + found.enqueued + found.deletes + found.not_judged);
});

test("a part that is there is seen, and all fill the bar", () => {
  const width = widths(parts({ ...run, settled: { ...settled, failed: 1 } } as Run));
  assert.ok(width.every((one) => one > 0.5));
  assert.ok(Math.abs(width.reduce((sum, one) => sum + one, 0) - 100) < 1e-9);
});

test("counters that are nothing are left out, but for totals", () => {
  const names = lines(run).map(({ name }) => name);
  assert.ok(names.includes("Archived, not restored") && !names.includes("Cancelled"));
  assert.ok(
    lines({ ...run, found: { ...found, enqueued: 0, deletes: 0 } } as Run).some(
      ({ name }) => name === "To copy or delete",
    ),
  );
});

const at = (second: number) => new Date(second * 1000).toISOString();
const entered = (...states: [Run["state"], number][]) =>
  states.map(([state, second]) => ({ state, entered: at(second) }));
const shown = (state: Run["state"], phases: Run["phases"], deletes = 0) =>
  steps({ state, phases, found: { ...found, deletes } }, 100_000).map(({ state, look, took }) => [state, look, took]);

test("a run shows how long each of its phases took, and what is to come", () => {
  assert.deepEqual(shown("listing", entered(["queued", 0], ["listing", 10])), [
    ["queued", "past", 10],
    ["listing", "now", 90],
    ["copying", "ahead", undefined],
    ["done", "ahead", undefined],
  ]);
  assert.deepEqual(shown("done", entered(["queued", 0], ["listing", 10], ["copying", 40], ["done", 60])), [
    ["queued", "past", 10],
    ["listing", "past", 30],
    ["copying", "past", 20],
    ["done", "past", undefined],
  ]);
  assert.equal(shown("listing", entered(["listing", 10]), 5)[1]?.[0], "releasing");
});

test("nothing is to come of a run that is cut", () => {
  assert.deepEqual(shown("cancelling", entered(["listing", 10], ["cancelling", 40])), [
    ["listing", "past", 30],
    ["cancelling", "cut", 60],
  ]);
  assert.deepEqual(shown("stopped", entered(["listing", 10], ["copying", 40], ["stopped", 41]))[2], [
    "stopped",
    "cut",
    undefined,
  ]);
});
