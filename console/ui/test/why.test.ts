import "./browser";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Run } from "../src/api/types";
import { inside } from "../src/pages/objects";
import { settledBy } from "../src/pages/run/settled";
import { explain, outage, refused, why, withoutKey } from "../src/why";

const tooMany =
  "refused to delete 353 objects, because max-delete allows 5: nothing was deleted; check the source, or raise --max-delete";
const empty =
  "the source has no objects, and the run would delete 1,353 objects: nothing was deleted; check the source, or allow the deletes with --max-delete 1353";

test("refused deletes are told in the page's words", () => {
  assert.deepEqual(refused(tooMany), { deletes: 353, most: 5 });
  assert.deepEqual(refused(empty), { deletes: 1_353 });
  for (const error of [tooMany, empty]) assert.doesNotMatch(why(error), /max-delete/);
  assert.equal(why("some other error"), "some other error");
});

test("an outage names its side and the last error", () => {
  const error = "transfers wait: the last requests to the source failed: list: Connection refused";
  assert.deepEqual(outage(error), { side: "source", error: "list: Connection refused" });
  assert.equal(outage('bucket "b" does not exist'), undefined);
});

test("an address inside a location is its key", () => {
  const locations = ["s3://photos", "s3://backup/photos/"];
  assert.equal(inside("s3://photos/large/a b.mp4", locations), "large/a b.mp4");
  assert.equal(inside("s3://backup/photos/a", locations), "a");
  assert.equal(inside("s3://photos-2/a", locations), undefined);
  assert.equal(inside("s3://photos/", locations), undefined);
});

test("a run is settled by a later one that leaves nothing", () => {
  const run = (id: string, more: object) =>
    ({ id, kind: "find", state: "done", enqueued: 0, settled: { failed: 0 }, ...more }) as Run;
  const failed = run("2", { state: "done-with-failures", settled: { failed: 13 } });
  assert.equal(settledBy(failed, [failed, run("1", {})]), undefined);
  assert.equal(settledBy(failed, [run("3", { kind: "retry", enqueued: 5 }), failed]), undefined);
  assert.equal(settledBy(failed, [run("4", {}), run("3", { kind: "retry", enqueued: 13 }), failed])?.id, "3");
});

test("an error of a store has its side, its meaning and a remedy", () => {
  const denied =
    "transfers wait: the last requests to the destination failed: put s3://b/k: AccessDenied: Access Denied (HTTP 403, request 18EC); allow s3:PutObject";
  assert.deepEqual(explain(denied), {
    side: "destination",
    title: "Destination: Access denied",
    fix: "Allow these credentials what is missing, or choose other credentials. Then retry.",
    detail: "put s3://b/k: AccessDenied: Access Denied (HTTP 403, request 18EC); allow s3:PutObject",
  });
  const down =
    "cannot begin, trying again in 60 s: open photos: source: list s3://b/: no answer from 127.0.0.1:9: Connection refused (os error 111); check endpoint-url in [source] and the network";
  const { title, again, side } = explain(down);
  assert.deepEqual([title, again, side], ["Source: The connection failed", 60, "source"]);
  assert.equal(explain("list: SignatureDoesNotMatch: The signature (HTTP 403)").title?.includes("secret"), true);
});

test("an unknown error stays as it is, whole", () => {
  assert.deepEqual(explain("the moon is full"), { detail: "the moon is full" });
  assert.equal(why("the moon is full"), "the moon is full");
});

test("the error of an object does not repeat its key", () => {
  const error = "put s3://b/p/z/photo 1.jpg: AccessDenied: Access Denied";
  assert.equal(withoutKey(error, "z/photo 1.jpg"), "AccessDenied: Access Denied");
  assert.equal(withoutKey(error, "another"), error);
});
