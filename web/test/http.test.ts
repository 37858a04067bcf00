import assert from "node:assert/strict";
import { test } from "node:test";
import { login, opener } from "../src/http.ts";

test("a login tells the page's path, and how it has ended", async () => {
  const cases: [number, number, string][] = [
    [204, 204, "in"],
    [204, 401, "cookie"],
    [204, 0, "in"],
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
      return { status };
    };
    Object.assign(globalThis, { document: { baseURI: "https://h/user/a/proxy/lab.html?x=1" }, fetch });
    assert.equal(await login("t"), want, `${answer} ${session}`);
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
