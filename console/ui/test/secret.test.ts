import "./browser";
import assert from "node:assert/strict";
import { test } from "node:test";
import { keepSecret, prove, secret } from "../src/api/secret";

const sent = () => {
  const headers = new Headers();
  prove(headers);
  return headers.get("x-flotilla-session");
};

test("each request has the secret that any tab stored last", () => {
  assert.equal(sent(), "", "nobody is signed in");
  keepSecret("one");
  assert.equal(sent(), "one");
  localStorage.setItem("flotilla-session", "of another tab");
  assert.equal(sent(), "of another tab");
  keepSecret(null);
  assert.equal(secret(), null);
});

test("without storage the secret lasts as long as the page", () => {
  const refuse = () => {
    throw new Error("storage is off");
  };
  const storage = globalThis.localStorage;
  Object.assign(globalThis, { localStorage: { getItem: refuse, setItem: refuse, removeItem: refuse } });
  keepSecret("one");
  assert.equal(sent(), "one");
  keepSecret(null);
  assert.equal(sent(), "");
  Object.assign(globalThis, { localStorage: storage });
});
