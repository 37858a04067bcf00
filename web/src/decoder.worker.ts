/** The worker that decodes the pictures on the WebSocket. */

import { Decoding, type Order, type Report } from "./decoder.ts";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<Order>) => void) | null;
  postMessage(report: Report, transfer: Transferable[]): void;
};
const decoding = new Decoding((report, transfer) => scope.postMessage(report, transfer));
scope.onmessage = ({ data }) => decoding.take(data);
