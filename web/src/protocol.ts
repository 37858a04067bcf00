/**
 * The control messages of the WebSocket: JSON objects, "type" says which.
 *
 * The server leaves out fields at their zero value, so parse fills them in: the
 * rest of the page never meets an absent one.
 */

import { readCodec, type Codec } from "./codec.ts";

export type Role = "owner" | "controller" | "viewer";
export type Feature = "video" | "keyboard" | "pointer" | "copy-in" | "copy-out" | "resize" | "limits" | "give" | "share" | "upload" | "download" | "awake";
/** Why a feature that a role could use may not be used: by the policy, or because it must be recorded and cannot be now. */
export type Refusal = "policy" | "audit";
export type Refusals = Partial<Record<Feature, Refusal>>;
export type DisplayState = "starting" | "up" | "failed" | "gone";

/** Which ways of the picture there are to be; "none": neither, but control, input and clipboard. */
export type Transport = "auto" | "ws" | "webrtc" | "none";

/** Why something is as it is: a code of the catalogues and what to put into its words. */
export interface Reason {
  code: string;
  args: string[];
}

export interface DisplayMessage extends Reason {
  type: "display";
  state: DisplayState;
}

/** A representation of a clipboard's content, and its bytes. */
export interface ClipboardItemSize {
  mime: string;
  size: number;
}

export interface HelloMessage {
  type: "hello";
  version: string;
  viewer: string;
  role: Role;
  allow: Feature[];
  refuse: Refusals;
  display: DisplayMessage;
  width: number;
  height: number;
  /** What the server can encode; null where it does not say. */
  codecs: Codec[] | null;
  /** Up to where the input of the viewer that this one replaces has been handled; 0 where it replaces none. */
  seq: number;
  /** Bytes of a clipboard at most. */
  maxClipboard: number;
  /** What is marked with the mouse on the desktop may be asked for. */
  primary: boolean;
}

export interface CursorMessage {
  type: "cursor";
  serial: number;
  hotX: number;
  hotY: number;
  /** Where the pointer was when it came to look like this, in pixels of the desktop. */
  x: number;
  y: number;
  /** PNG in base64; "" for a hidden cursor; null when the serial is known already. */
  image: string | null;
}

/** How the pictures that are shown are made, and what of that has given way. */
export interface Encoding {
  codec: Codec | "";
  /** The library. */
  encoder: string;
  /** Steps by which it hurries; 0: none. */
  speed: number;
  /** Frames a second at most; 0: as many as there are. */
  maxFPS: number;
  /** What each side of the picture is divided by; 1: nothing. */
  scale: number;
  /** To what: "slow", a frame takes too long to encode, or "quota", the processors' time is used up; "" while nothing has. */
  reason: string;
  /** Whether there is a GPU that encodes; null where the server knows of none. */
  gpu: Reason | null;
}

/** How a GPU is, or a slice of one; -1: unknown. */
export interface GPU {
  name: string;
  /** In bytes; 0 of 0: unknown. */
  memoryUsed: number;
  memoryTotal: number;
  /** Percent of the time that it computes. */
  busy: number;
  /** Percent of its encoders' capacity. */
  encoding: number;
  /** Of encoders, all programs' together. */
  sessions: number;
  /** Why it is slower than it could be: "heat", "power" or "". */
  throttled: string;
}

export type ProcessState = "waiting" | "starting" | "ready" | "retrying" | "failed" | "stopped";

/** What a check of the desktop has found. */
export interface Finding {
  check: string;
  state: "ok" | "warn" | "fail" | "skip";
  code: string;
  args: string[];
  /** In English, for a code that the page has no words for; so are these: what to change, by whom. */
  found: string;
  user: string;
  admin: string;
}

/** One of the processes that keep the desktop running. */
export interface Process {
  name: string;
  state: ProcessState;
  /** Of the state, in Unix milliseconds by the server's clock. */
  since: number;
  /** How often it has been started again. */
  restarts: number;
  /** Why it ended last, or why it cannot be started; "" where it has not. */
  error: string;
  /** The last lines that it has written. */
  lines: string[];
  /** Without it there is nothing to be seen. */
  needed: boolean;
}

/** A viewer; times are Unix milliseconds, 0 for none. */
export interface Person {
  id: string;
  /** As the link says by which it has come; "" without one. */
  name: string;
  /** That it acts in now. */
  role: Role;
  /** It may only look by itself, and has been given control. */
  lent: boolean;
  you: boolean;
  leads: boolean;
  /** By which it watches: "ws", "webrtc", "vnc", or "". */
  path: string;
  since: number;
  /** When it asked for control; 0: it has not, or has got it. */
  asked: number;
}

/** What a link may let others do. */
export type ShareRole = "viewer" | "controller";

/** A link by which others come, until a Unix time in milliseconds. */
export interface SharedLink {
  share: string;
  name: string;
  role: ShareRole;
  until: number;
}

/** A link that has just been made. */
export interface Shared extends SharedLink {
  secret: string;
  /** Whoever has the page's address may come as owner, link or not. */
  open: boolean;
}

/** Who is here, and the links that the person may end. */
export interface People {
  people: Person[];
  shares: SharedLink[];
}

/** Who controls the desktop, and what this page may do now. */
export interface Control {
  viewer: string;
  /** Of who leads, as its link says. */
  name: string;
  /** What who leads acts as. */
  as: Role;
  you: boolean;
  /** Control has been given to who leads. */
  given: boolean;
  role: Role;
  allow: Feature[];
  refuse: Refusals;
}

export type ServerMessage =
  | HelloMessage
  | DisplayMessage
  | CursorMessage
  | { type: "offer"; sdp: string; generation: number; ice: RTCConfiguration }
  | { type: "candidate"; candidate: RTCIceCandidateInit; generation: number }
  | { type: "size"; width: number; height: number }
  | ({ type: "control" } & Control)
  | ({ type: "people" } & People)
  | ({ type: "shared" } & Shared)
  | { type: "keyboard"; layout: string; variant: string }
  | { type: "encoding"; encoding: Encoding }
  | { type: "gpus"; gpus: GPU[] }
  | { type: "processes"; processes: Process[] }
  | { type: "doctor"; findings: Finding[] }
  | { type: "idle"; left: number }
  | { type: "clipboard"; serial: number; selection: string; items: ClipboardItemSize[] }
  | ({ type: "transfer"; way: string; bytes: number; serial: number } & Reason)
  | { type: "input"; seq: number }
  | { type: "pong"; t: number; now: number }
  | ({ type: "reason" } & Reason)
  | ({ type: "bye"; retry: boolean } & Reason);

export type ClientMessage =
  | {
      type: "hello";
      version: string;
      lang: string;
      transport: Transport;
      codecs?: Codec[];
      codec?: Codec;
      page?: string;
      key?: string;
      share?: string;
    }
  | { type: "share"; role: ShareRole; minutes: number; name: string }
  | { type: "revoke"; share: string }
  | { type: "give"; viewer: string }
  | { type: "take" }
  | { type: "ask" }
  | { type: "codec"; codec: Codec | "" }
  | { type: "answer"; sdp: string; generation: number }
  | { type: "candidate"; candidate: RTCIceCandidateInit; generation: number }
  | { type: "watch"; paths: string[] }
  | { type: "restart" }
  | { type: "key" }
  /** Whether the page wants to know how the GPUs are, each second. */
  | { type: "gpus"; on: boolean }
  | { type: "awake"; minutes: number }
  /** What does the desktop lack? paths has the page's own directory, t the browser's time in Unix milliseconds. */
  | { type: "doctor"; paths: string[]; t: number }
  /** Where the desktop's pointer is: a cursor message says it. */
  | { type: "pointer" }
  | { type: "resize"; width: number; height: number; scale: number }
  | { type: "visibility"; hidden: boolean }
  | { type: "keyboard"; layout: string; variant: string; mode: "physical" | "text" }
  /** What the video may take at most: bits and frames a second; 0: all. */
  | { type: "limits"; bitrate: number; maxFPS: number }
  | { type: "clipboard"; serial: number; items: ClipboardItemSize[] }
  | { type: "transfer"; way: "in" | "out"; bytes: number }
  | { type: "transfer"; way: "in" | "out"; serial: number; code: "cancelled" }
  | { type: "primary"; primary: boolean }
  | { type: "ping"; t: number }
  | { type: "bye" };

type Fields = Record<string, unknown>;

const number = (value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) ? value : 0;
const string = (value: unknown): string => (typeof value === "string" ? value : "");
const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
const object = (value: unknown): Fields | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;

const objects = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(object).filter((item) => item !== null) : []);

/** Reads a control message; null when it is none that the page knows. */
export function parse(text: string): ServerMessage | null {
  let fields: Fields | null;
  try {
    fields = object(JSON.parse(text));
  } catch {
    return null;
  }
  return fields && parseFields(fields);
}

function parseFields(m: Fields): ServerMessage | null {
  switch (m.type) {
    case "hello":
      return parseHello(m);
    case "offer":
      return { type: "offer", sdp: string(m.sdp), generation: number(m.generation), ice: parseICE(m) };
    case "candidate": {
      const candidate = object(m.candidate);
      return candidate && { type: "candidate", candidate, generation: number(m.generation) };
    }
    case "cursor":
      return {
        type: "cursor",
        serial: number(m.serial),
        hotX: number(m.hotX),
        hotY: number(m.hotY),
        x: number(m.x),
        y: number(m.y),
        image: typeof m.image === "string" ? m.image : null,
      };
    case "size":
      return { type: "size", width: number(m.width), height: number(m.height) };
    case "display":
      return parseDisplay(m);
    case "control":
      return {
        type: "control",
        viewer: string(m.viewer),
        name: string(m.name),
        as: role(m.as),
        you: m.you === true,
        given: m.given === true,
        role: role(m.role),
        allow: strings(m.allow) as Feature[],
        refuse: parseRefusals(m.refuse),
      };
    case "people":
      return { type: "people", people: objects(m.people).map(parsePerson), shares: objects(m.shares).map(parseShare) };
    case "shared":
      return { type: "shared", ...parseShare(m), secret: string(m.secret), open: m.open === true };
    case "keyboard":
      return { type: "keyboard", layout: string(m.layout), variant: string(m.variant) };
    case "encoding":
      return { type: "encoding", encoding: parseEncoding(m) };
    case "idle":
      return { type: "idle", left: number(m.left) };
    case "doctor":
      return { type: "doctor", findings: objects(m.findings).map(parseFinding) };
    case "processes":
      return { type: "processes", processes: objects(m.processes).map(parseProcess) };
    case "gpus":
      return { type: "gpus", gpus: objects(m.gpus).map(parseGPU) };
    case "clipboard":
      return { type: "clipboard", serial: number(m.serial), selection: string(m.selection), items: parseItems(m.items) };
    case "transfer": {
      const reason = { code: string(m.code), args: strings(m.args) };
      return { type: "transfer", way: string(m.way), bytes: number(m.bytes), serial: number(m.serial), ...reason };
    }
    case "input":
      return { type: "input", seq: number(m.seq) };
    case "pong":
      return { type: "pong", t: number(m.t), now: number(m.now) };
    case "reason":
      return { type: "reason", code: string(m.code), args: strings(m.args) };
    case "bye":
      return { type: "bye", code: string(m.code), args: strings(m.args), retry: m.retry === true };
    default:
      return null;
  }
}

function parseItems(value: unknown): ClipboardItemSize[] {
  const items = Array.isArray(value) ? value.map(object).filter((item) => item !== null) : [];
  return items.map((item) => ({ mime: string(item.mime), size: number(item.size) }));
}

/** How the connection that takes the offer is to be configured. */
function parseICE(m: Fields): RTCConfiguration {
  return {
    iceServers: (Array.isArray(m.iceServers) ? m.iceServers : []) as RTCIceServer[],
    iceTransportPolicy: m.iceTransportPolicy === "relay" ? "relay" : "all",
  };
}

/** A role; one that the page does not know may look. */
const role = (value: unknown): Role => (value === "owner" || value === "controller" ? value : "viewer");

function parsePerson(m: Fields): Person {
  return {
    id: string(m.id),
    name: string(m.name),
    role: role(m.role),
    lent: m.lent === true,
    you: m.you === true,
    leads: m.leads === true,
    path: string(m.path),
    since: number(m.since),
    asked: number(m.asked),
  };
}

function parseProcess(m: Fields): Process {
  const states: ProcessState[] = ["waiting", "starting", "ready", "retrying", "failed", "stopped"];
  return {
    name: string(m.name),
    state: states.find((state) => state === m.state) ?? "waiting",
    since: number(m.since),
    restarts: number(m.restarts),
    error: string(m.error),
    lines: strings(m.lines),
    needed: m.needed === true,
  };
}

function parseShare(m: Fields): SharedLink {
  return {
    share: string(m.share),
    name: string(m.name),
    role: m.role === "controller" ? "controller" : "viewer",
    until: number(m.until),
  };
}

function parseRefusals(value: unknown): Refusals {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([feature, why]) => [feature, why === "audit" ? "audit" : "policy"]));
}

function parseHello(m: Fields): HelloMessage {
  return {
    type: "hello",
    version: string(m.version),
    viewer: string(m.viewer),
    role: role(m.role),
    allow: strings(m.allow) as Feature[],
    refuse: parseRefusals(m.refuse),
    display: parseDisplay(m),
    width: number(m.width),
    height: number(m.height),
    codecs: Array.isArray(m.codecs) ? strings(m.codecs).map(readCodec).filter((codec) => codec !== "") : null,
    seq: number(m.seq),
    maxClipboard: number(m.maxClipboard),
    primary: m.primary === true,
  };
}

function parseFinding(m: Fields): Finding {
  const states = ["ok", "warn", "fail"] as const;
  return {
    check: string(m.check),
    state: states.find((state) => state === m.state) ?? "skip",
    code: string(m.code),
    args: strings(m.args),
    found: string(m.found),
    user: string(m.user),
    admin: string(m.admin),
  };
}

function parseGPU(m: Fields): GPU {
  return {
    name: string(m.name),
    memoryUsed: number(m.memoryUsed),
    memoryTotal: number(m.memoryTotal),
    busy: number(m.busy),
    encoding: number(m.encoding),
    sessions: number(m.sessions),
    throttled: string(m.throttled),
  };
}

function parseEncoding(m: Fields): Encoding {
  const gpu = object(m.gpu);
  return {
    codec: readCodec(string(m.codec)),
    encoder: string(m.encoder),
    speed: number(m.speed),
    maxFPS: number(m.maxFPS),
    scale: number(m.scale) || 1,
    reason: string(m.code),
    gpu: gpu && { code: string(gpu.code), args: strings(gpu.args) },
  };
}

function parseDisplay(m: Fields): DisplayMessage {
  const states: DisplayState[] = ["starting", "up", "failed", "gone"];
  return {
    type: "display",
    state: states.find((state) => state === m.state) ?? "starting",
    code: string(m.code),
    args: strings(m.args),
  };
}
