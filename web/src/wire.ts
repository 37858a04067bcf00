/**
 * Input events as bytes: one event a message, big endian, the same on a data
 * channel and in a binary WebSocket message.
 *
 *     offset  size
 *     0       1     type
 *     1       4     sequence, one count over all channels, from 1
 *     5       4     the page's clock in ms, wrapping
 *     9       ...   by type
 */

export const enum Action {
  Up = 0,
  Down = 1,
  Repeat = 2,
}

/** X button numbers. */
export const enum MouseButton {
  Left = 1,
  Middle = 2,
  Right = 3,
  Back = 8,
  Forward = 9,
}

/**
 * Positions are pixels of the remote screen, or HERE; a wheel's dx and dy are 1/120 of a notch, right and down positive;
 * relative motion is the total since the page's input began, in 1/16 of a remote pixel; sure: it must arrive.
 */
export type InputEvent =
  | { type: "key"; action: Action; keysym: number; code: string }
  | { type: "motion"; x: number; y: number }
  | { type: "button"; action: Action; button: MouseButton; x: number; y: number }
  | { type: "wheel"; dx: number; dy: number; x: number; y: number }
  | { type: "release" }
  | { type: "renew" }
  | { type: "relative"; x: number; y: number; sure?: boolean }
  | { type: "text"; text: string }
  | { type: "locks"; caps: boolean; num: boolean };

/** The position of a button or wheel event where the pointer is. */
export const HERE = { x: 0xffff, y: 0xffff } as const;

/** The longest text of an event, in bytes of UTF-8. */
export const MAX_TEXT = 1024;

const HEADER = 9;
const MAX_CODE = 32;

const clamp = (value: number, low: number, high: number): number =>
  Math.min(high, Math.max(low, Math.round(value)));

function message(type: number, sequence: number, time: number, body: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(HEADER + body));
  view.setUint8(0, type);
  view.setUint32(1, sequence);
  view.setUint32(5, Math.floor(time) % 2 ** 32);
  return view;
}

function position(view: DataView, offset: number, at: { x: number; y: number }): void {
  view.setUint16(offset, clamp(at.x, 0, 0xffff));
  view.setUint16(offset + 2, clamp(at.y, 0, 0xffff));
}

/** Encodes an event with its sequence and the page's time in ms. */
export function encode(event: InputEvent, sequence: number, time: number): Uint8Array<ArrayBuffer> {
  let view: DataView<ArrayBuffer>;
  switch (event.type) {
    case "key": {
      const code = new TextEncoder().encode(event.code).subarray(0, MAX_CODE);
      view = message(1, sequence, time, 6 + code.length);
      view.setUint8(HEADER, event.action);
      view.setUint32(HEADER + 1, event.keysym);
      view.setUint8(HEADER + 5, code.length);
      new Uint8Array(view.buffer).set(code, HEADER + 6);
      break;
    }
    case "motion":
      view = message(2, sequence, time, 4);
      position(view, HEADER, event);
      break;
    case "button":
      view = message(3, sequence, time, 6);
      view.setUint8(HEADER, event.action);
      view.setUint8(HEADER + 1, event.button);
      position(view, HEADER + 2, event);
      break;
    case "wheel":
      view = message(4, sequence, time, 8);
      view.setInt16(HEADER, clamp(event.dx, -0x8000, 0x7fff));
      view.setInt16(HEADER + 2, clamp(event.dy, -0x8000, 0x7fff));
      position(view, HEADER + 4, event);
      break;
    case "release":
      view = message(5, sequence, time, 0);
      break;
    case "renew":
      view = message(6, sequence, time, 0);
      break;
    case "relative":
      view = message(7, sequence, time, 8);
      view.setInt32(HEADER, event.x);
      view.setInt32(HEADER + 4, event.y);
      break;
    case "text": {
      const buffer = new Uint8Array(MAX_TEXT);
      const { written } = new TextEncoder().encodeInto(event.text, buffer);
      view = message(8, sequence, time, 2 + written);
      view.setUint16(HEADER, written);
      new Uint8Array(view.buffer).set(buffer.subarray(0, written), HEADER + 2);
      break;
    }
    case "locks":
      view = message(9, sequence, time, 1);
      view.setUint8(HEADER, Number(event.caps) | (Number(event.num) << 1));
      break;
  }
  return new Uint8Array(view.buffer);
}
