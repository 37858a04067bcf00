/** The worker that draws the pictures on the WebSocket. */

import { Painter, type Order, type Report } from "./painter.ts";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<Order>) => void) | null;
  postMessage(report: Report): void;
};
const painter = new Painter((report) => scope.postMessage(report));
scope.onmessage = ({ data }) => painter.take(data);
