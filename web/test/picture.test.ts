import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  Assembler,
  encodeAcknowledgement,
  encodeProbe,
  parsePart,
  parseProbe,
  parseRectangles,
} from "../src/picture.ts";

interface PictureVector {
  name: string;
  hex: string;
  flags: number;
  codec: number;
  sequence: number;
  payload: string;
  [field: string]: unknown;
}

interface Vectors {
  pictures: PictureVector[];
  acknowledgements: { name: string; hex: string; sequence: number; decode: number; arrived: number; waiting: number }[];
  probes: { name: string; hex: string }[];
}

const vectors = JSON.parse(readFileSync("../signaling/wsmedia/testdata/wire.json", "utf8")) as Vectors;
const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
const hex = (data: Uint8Array) => [...data].map((byte) => byte.toString(16).padStart(2, "0")).join("");

test("pictures are read as the server's vectors say", () => {
  const configs = ["", "vp8", "avc1.42c034", "jpeg"];
  for (const { name, hex: message, payload, flags, codec, sequence, width, height, ...times } of vectors.pictures) {
    const part = parsePart(bytes(message).buffer);
    assert.ok(part, name);
    const { key, refinement, settled } = part.times;
    const got = (key ? 1 : 0) | (refinement ? 2 : 0) | (settled ? 4 : 0) | (part.more ? 8 : 0);
    const config = name.includes("4:4:4") ? "avc1.f40034" : configs[codec];
    assert.deepEqual([got, part.config, part.times.id], [flags, config, sequence], name);
    const kind = { "avc1.42c034": "h264", "avc1.f40034": "h264-444" }[part.config] ?? part.config;
    assert.equal(part.codec, kind, name);
    assert.deepEqual([part.width, part.height, hex(part.payload)], [width, height, payload], name);
    for (const [field, value] of Object.entries(times)) {
      assert.equal((part.times as unknown as Record<string, unknown>)[field], value, `${name}: ${field}`);
    }
    assert.equal(part.times.bytes, payload.length / 2);
  }
});

test("acknowledgements and probes are written as the vectors say", () => {
  for (const { name, hex: want, decode, arrived, ...rest } of vectors.acknowledgements) {
    assert.equal(hex(encodeAcknowledgement({ ...rest, decode: decode / 1000, arrived: arrived / 1000 })), want, name);
  }
  const wrapped = encodeAcknowledgement({ sequence: 1, decode: 1e9, arrived: 2 ** 32 / 1000 + 5, waiting: 400 });
  assert.equal(hex(wrapped), "1000000001ffffffff00001388ff");
  for (const { hex: message } of vectors.probes) assert.notEqual(parseProbe(bytes(message).buffer), null);
  assert.equal(parseProbe(encodeProbe(77).buffer), 77);
  for (const other of ["", "20", "2000000000000000", "010000000000000000"]) {
    assert.equal(parseProbe(bytes(other).buffer), null, other);
  }
});

/** A message of a picture. */
function message(sequence: number, more: boolean, payload: number[]): ArrayBuffer {
  const data = new Uint8Array(40 + payload.length);
  data.set([2, more ? 8 : 0, 1, 0, 0, 0, 0, sequence]);
  data.set(payload, 40);
  return data.buffer;
}

test("parts are put together", () => {
  const assembler = new Assembler();
  const whole = assembler.add(message(1, false, [1]));
  assert.ok(whole && whole !== "broken");
  assert.deepEqual([...whole.payload], [1]);
  assert.equal(assembler.add(message(2, true, [1, 2])), null);
  assert.equal(assembler.add(message(2, true, [3])), null);
  const joined = assembler.add(message(2, false, [4, 5]));
  assert.ok(joined && joined !== "broken");
  assert.deepEqual([joined.times.id, joined.times.bytes, [...joined.payload]], [2, 5, [1, 2, 3, 4, 5]]);
});

test("what does not fit is broken, and what follows it is not", () => {
  const cases: [string, ArrayBuffer[]][] = [
    ["a gap", [message(1, false, []), message(3, false, [])]],
    ["a replay", [message(1, false, []), message(1, false, [])]],
    ["not the first", [message(2, false, [])]],
    ["another picture's part", [message(1, true, []), message(2, false, [])]],
    ["short", [message(1, false, []).slice(0, 39)]],
    ["empty", [new ArrayBuffer(0)]],
    ["an unknown codec", [bytes(`0201ff${"00".repeat(37)}`).buffer]],
  ];
  for (const [name, messages] of cases) {
    const assembler = new Assembler();
    const results = messages.map((data) => assembler.add(data));
    assert.equal(results.at(-1), "broken", name);
    const last = parsePart(messages.at(-1) ?? new ArrayBuffer(0));
    const next = assembler.add(message((last?.times.id ?? 0) + 1, false, [9]));
    assert.ok(next && next !== "broken", name);
    assembler.reset();
    assert.notEqual(assembler.add(message(1, false, [])), "broken", "another socket counts anew");
  }
});

test("a picture is 16 MiB at most", () => {
  const assembler = new Assembler();
  const part = new ArrayBuffer(40 + (1 << 20));
  new Uint8Array(part).set([2, 8, 1, 0, 0, 0, 0, 1]);
  for (let i = 0; i < 16; i++) assert.equal(assembler.add(part), null);
  assert.equal(assembler.add(part), "broken");
});

test("rectangles are read, and nothing beyond their bytes", () => {
  const two = bytes("0002" + "000100020003000400000002" + "ffd8" + "00000000ffff000100000001" + "aa");
  const got = parseRectangles(two);
  assert.deepEqual(
    got?.map(({ jpeg, ...box }) => ({ ...box, jpeg: hex(jpeg) })),
    [
      { x: 1, y: 2, width: 3, height: 4, jpeg: "ffd8" },
      { x: 0, y: 0, width: 65535, height: 1, jpeg: "aa" },
    ],
  );
  assert.deepEqual(parseRectangles(bytes("0000")), []);
  for (let length = 0; length < two.length; length++) assert.equal(parseRectangles(two.slice(0, length)), null);
  assert.equal(parseRectangles(Uint8Array.from([...two, 0])), null, "more than there should be");
  const view = new Uint8Array([9, 9, ...two]).subarray(2);
  assert.equal(parseRectangles(view)?.length, 2, "a view into more");
});
