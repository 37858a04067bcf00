/** What the server tells of the frames that it has sent: binary messages, big endian. */

/** One frame on the server. */
export interface FrameTimes {
  /** The RTP timestamp, which the page finds again in the video frame's metadata. */
  id: number;
  /** µs on the server's clock: the change was noticed. */
  damaged: number;
  /** µs after damaged. */
  grabbed: number;
  converted: number;
  encoded: number;
  sent: number;
  /** Size of the encoded frame. */
  bytes: number;
  quantizer: number;
  key: boolean;
  refinement: boolean;
  settled: boolean;
}

const TYPE = 1;
const HEADER = 2;
const RECORD = 34;

/** Reads a batch; empty when it is none, or is cut short. */
export function parseFrameTimes(data: ArrayBuffer): FrameTimes[] {
  const view = new DataView(data);
  if (view.byteLength < HEADER || view.getUint8(0) !== TYPE) return [];
  const count = view.getUint8(1);
  if (view.byteLength !== HEADER + count * RECORD) return [];
  return Array.from({ length: count }, (_, index) => record(view, HEADER + index * RECORD));
}

function record(view: DataView, at: number): FrameTimes {
  const flags = view.getUint8(at + 33);
  return {
    id: view.getUint32(at),
    damaged: view.getUint32(at + 4) * 2 ** 32 + view.getUint32(at + 8),
    grabbed: view.getUint32(at + 12),
    converted: view.getUint32(at + 16),
    encoded: view.getUint32(at + 20),
    sent: view.getUint32(at + 24),
    bytes: view.getUint32(at + 28),
    quantizer: view.getUint8(at + 32),
    key: (flags & 1) !== 0,
    refinement: (flags & 2) !== 0,
    settled: (flags & 4) !== 0,
  };
}
