import type { SubscribeRequest } from "./messages.js";
import type { DataMessage } from "./streams.js";

/** What to subscribe to; `resume` is the client's own business. */
export type Wish = Omit<SubscribeRequest, "event" | "id" | "resume">;

/** Milliseconds after which a request without an answer is sent again. */
const ANSWER_WAIT = 2_000;

/** Subscription of the application: one request, which may bring several streams. */
export class Subscription {
  readonly keys = new Set<string>();
  #sentAt: number | undefined;

  constructor(
    readonly id: string,
    readonly wish: Wish,
    readonly listener: (message: DataMessage) => void,
  ) {}

  /** The request that is sent until it has been answered. */
  get request(): SubscribeRequest {
    return { event: "subscribe", ...this.wish, id: this.id };
  }

  /** Note that the request is on its way. */
  sent(now: number): void { this.#sentAt = now; }

  /** Note that the connection is gone, and with it the request. */
  disconnected(): void { this.#sentAt = undefined; }

  /** Note a stream that the server has confirmed. */
  answered(key: string): void {
    this.keys.add(key);
    this.#sentAt = undefined;
  }

  /** Tell whether the request has to be sent again, because its answer was lost. */
  isOverdue(now: number): boolean {
    return this.keys.size === 0 && this.#sentAt !== undefined && now - this.#sentAt > ANSWER_WAIT;
  }
}
