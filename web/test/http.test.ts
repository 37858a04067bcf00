import assert from "node:assert/strict";
import { test } from "node:test";
import { exchange, opener, session, takeSecrets } from "../src/http.ts";

test("a login tells the page's path, and how it has ended", async () => {
  const cases: [number, number, string][] = [
    [200, 200, "in"],
    [200, 401, "cookie"],
    [200, 0, "in"],
    [401, 401, "wrong"],
    [400, 401, "wrong"],
    [429, 401, "throttled"],
    [0, 0, "unreachable"],
    [502, 401, "unreachable"],
  ];
  for (const [answer, session, want] of cases) {
    const asked: [string, unknown][] = [];
    const fetch = async (url: URL, { body }: { body?: string }) => {
      asked.push([url.href, body && JSON.parse(body)]);
      const status = url.pathname.endsWith("/login") ? answer : session;
      if (status === 0) throw new Error("no answer");
      return { status, json: async () => ({ key: "k" }) };
    };
    Object.assign(globalThis, { document: { baseURI: "https://h/user/a/proxy/lab.html?x=1" }, fetch });
    assert.deepEqual(await exchange({ token: "t" }), { result: want, key: want === "in" ? "k" : "", share: "" }, `${answer} ${session}`);
    assert.deepEqual(asked[0], ["https://h/user/a/proxy/login", { token: "t", path: "/user/a/proxy/" }]);
  }
});

test("the first socket is opened ahead, and used once", () => {
  const opened: string[] = [];
  class Opened {
    constructor(url: string) {
      opened.push(url);
    }
  }
  Object.assign(globalThis, { WebSocket: Opened });
  const open = opener("https://h/user/a/?x=1", true);
  assert.deepEqual(opened, ["wss://h/user/a/ws"]);
  const first = open();
  assert.equal(opened.length, 1);
  assert.notEqual(open(), first);
  assert.equal(opened.length, 2);
  opener("https://h/", false);
  assert.equal(opened.length, 2);
});

test("the server says how one may log in, and a proxy's page says nothing", async () => {
  const cases: [string, object][] = [
    ['{"methods":["password","palm"],"key":true}', { status: 401, code: "", methods: ["password"] }],
    ['{"methods":[],"code":"no-identity"}', { status: 401, code: "no-identity", methods: [] }],
    ["<html>", { status: 401, code: "", methods: [] }],
    ["null", { status: 401, code: "", methods: [] }],
  ];
  for (const [body, want] of cases) {
    Object.assign(globalThis, { fetch: async () => new Response(body, { status: 401 }) });
    assert.deepEqual(await session("https://h/"), want, body);
  }
});

test("secrets leave the address at once", () => {
  const location = { hash: "#token=t&key=k&share=s&keep=1", pathname: "/a/", search: "?x" };
  const replaced: unknown[] = [];
  const history = { state: 7, replaceState: (...args: unknown[]) => void replaced.push(args) };
  const secrets = takeSecrets(location as unknown as Location, history as unknown as History);
  assert.deepEqual(secrets, { token: "t", view: "", key: "k", share: "s", code: "", refused: "" });
  assert.deepEqual(replaced, [[7, "", "/a/?x#keep=1"]]);
});
