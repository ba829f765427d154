import "./browser";
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  get,
  isInterval,
  isName,
  locationOf,
  placeOf,
  providerOf,
  readSchedule,
  set,
  stepOf,
  suggestName,
  writeSchedule,
} from "../src/pages/form/draft";
import { changes } from "../src/pages/form/changed";
import { differences, rebased } from "../src/pages/form/conflict";

test("a setting without a value leaves no trace", () => {
  const draft = set(set({}, "find.compare", "size"), "task", "photos");
  assert.deepEqual(draft, { find: { compare: "size" }, task: "photos" });
  assert.deepEqual(set(draft, "find.compare", ""), { task: "photos" });
  assert.deepEqual(set({}, "work.tags", false), { work: { tags: false } });
  assert.equal(get(draft, "find.delete"), undefined);
});

test("a draft is never changed in place", () => {
  const draft = { find: { compare: "size" } };
  set(draft, "find.delete", true);
  assert.deepEqual(draft, { find: { compare: "size" } });
});

test("locations carry their provider", () => {
  assert.equal(locationOf("oss", "photos/2026"), "oss://photos/2026");
  assert.equal(locationOf("amazon", "s3://photos"), "s3://photos");
  assert.equal(locationOf("folder", "/data"), "/data");
  assert.equal(placeOf("s3://photos/a"), "photos/a");
  assert.equal(providerOf({ source: { location: "s3://a", "endpoint-url": "http://x" } }, "source"), "other");
  assert.equal(providerOf({ source: { location: "/a" } }, "source"), "folder");
  assert.equal(providerOf({}, "source"), undefined);
});

test("names are suggested as the command line takes them", () => {
  const draft = { source: { location: "s3://Photos_2026/" }, destination: { location: "s3://b/backup" } };
  assert.equal(suggestName(draft), "photos-2026-to-backup");
  assert.ok(isName("photos-2026") && !isName("-a") && !isName("a--b") && !isName("A") && !isName("a".repeat(41)));
});

test("schedules are read and written alike", () => {
  for (const text of ["", "once", "every 6h", "cron 0 3 * * mon-fri Europe/Berlin"]) {
    assert.equal(writeSchedule(readSchedule(text, "UTC")), text);
  }
});

test("each setting has its step", () => {
  assert.equal(stepOf("find.max-delete"), "what");
  assert.equal(stepOf("max-delete"), "what");
  assert.equal(stepOf("source.location"), "where");
  assert.equal(stepOf("schedule"), "when");
  assert.equal(stepOf("unheard-of"), undefined);
});

test("an edit says what it changes", () => {
  const before = { task: "a", find: { delete: true }, schedule: "every 1h" };
  const after = { task: "a", find: { delete: true, exclude: ["a", "b"] } };
  assert.deepEqual(changes(before, after), [
    { setting: "find.exclude", before: undefined, after: "a, b" },
    { setting: "schedule", before: "every 1h", after: undefined },
  ]);
  assert.deepEqual(changes(before, before), []);
});

test("after a conflict nothing of either side is lost", () => {
  const older = { schedule: "every 1h", find: { delete: true }, description: "old" };
  const draft = { schedule: "every 2h", find: { delete: true, exclude: ["tmp/*"] }, description: "old" };
  const newer = { schedule: "every 3h", find: { delete: true }, description: "new" };
  assert.deepEqual(rebased(older, draft, newer), {
    schedule: "every 2h",
    find: { delete: true, exclude: ["tmp/*"] },
    description: "new",
  });
  assert.deepEqual(
    differences(older, draft, newer).map(({ setting, mine, theirs, both }) => [setting, mine, theirs, both]),
    [
      ["description", "old", "new", false],
      ["find.exclude", "tmp/*", undefined, false],
      ["schedule", "every 2h", "every 3h", true],
    ],
  );
});

test("an interval is a number with a unit", () => {
  for (const good of ["15m", "1h 30m", "7d", "1 day"]) assert.ok(isInterval(good), good);
  for (const bad of ["hourly", "", "1", "h"]) assert.ok(!isInterval(bad), bad);
});
