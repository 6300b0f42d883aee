import type { HeartbeatEvent, SubscribedEvent } from "./messages.js";
import { keyOf, streamOf, type DataMessage, type Stream } from "./streams.js";

/** Loss in a stream: `missed` messages after `after`. A loss that is `recovered` has been filled since. */
export interface Gap {
  stream: string;
  after: number;
  missed: number;
  reason: "left out" | "told by a heartbeat" | "damaged" | "too long ago to resume";
}

/** Verdict on a message: give it to the application, ignore it, or ask for what is missing before it. */
export type Verdict = { take: true } | { take: false; gap?: Gap };

interface Position {
  stream: Stream;
  /** The last seq that the application has. */
  seq: number;
  /** True from the discovery of a loss until the server answers the request that repairs it. */
  isRepairing: boolean;
  /** True until the first message or the confirmation of the subscription. */
  isNew: boolean;
}

/** Positions in all streams of one epoch: finds what is lost, double or out of order. It has no socket and no clock. */
export class Progress {
  epoch: string | undefined;
  readonly #positions = new Map<string, Position>();

  /** The streams that the server has confirmed, with the last seq of each. */
  get streams(): readonly Readonly<Position>[] { return [...this.#positions.values()]; }

  /** Return the last seq of a stream. */
  seq(key: string): number | undefined { return this.#positions.get(key)?.seq; }

  /** Enter an epoch; numbers of another one mean nothing in it. */
  enter(epoch: string): boolean {
    if (epoch === this.epoch) return false;
    this.epoch = epoch;
    for (const position of this.#positions.values()) Object.assign(position, { seq: 0, isNew: true, isRepairing: false });
    return true;
  }

  /** Note a confirmed subscription; returns the loss if the messages in between can't be had any more. */
  subscribed(message: SubscribedEvent): Gap | undefined {
    const stream = streamOf(message);
    const key = keyOf(stream);
    const known = this.#positions.get(key);
    if (message.recovered === true && known !== undefined) {
      // What was missed follows; the position stays where the application is.
      Object.assign(known, { isRepairing: false, isNew: false });
      return undefined;
    }
    const lost = known !== undefined && !known.isNew && message.recovered === false ? message.seq - known.seq : 0;
    const after = known?.seq ?? 0;
    this.#positions.set(key, { stream, seq: message.seq, isRepairing: false, isNew: true });
    return lost > 0 ? { stream: key, after, missed: lost, reason: "too long ago to resume" } : undefined;
  }

  /** Forget a stream. */
  unsubscribed(key: string): void { this.#positions.delete(key); }

  /** Begin a repair; returns where to resume, or undefined if one is under way. */
  repair(key: string): { stream: Stream; seq: number } | undefined {
    const position = this.#positions.get(key);
    if (position === undefined || position.isRepairing) return undefined;
    position.isRepairing = true;
    return { stream: position.stream, seq: position.seq };
  }

  /** Forget repairs whose answers will not come, because the connection is gone. */
  disconnected(): void {
    for (const position of this.#positions.values()) position.isRepairing = false;
  }

  /** Judge a message of a channel, and advance if it is the next one. */
  judge(message: DataMessage): Verdict {
    const position = this.#positions.get(keyOf(streamOf(message)));
    if (position === undefined || position.isRepairing) return { take: false };
    if (message.type === "snapshot") return this.#takeSnapshot(position, message);
    if (message.seq <= position.seq) return { take: false };
    const missed = message.seq - position.seq - 1 - (message.skipped ?? 0);
    if (missed > 0) {
      return { take: false, gap: { stream: keyOf(position.stream), after: position.seq, missed, reason: "left out" } };
    }
    Object.assign(position, { seq: message.seq, isNew: false });
    return { take: true };
  }

  /** Return the losses that a heartbeat shows: messages that were sent before it and have not come. */
  heard(heartbeat: HeartbeatEvent): Gap[] {
    const gaps: Gap[] = [];
    for (const [key, position] of this.#positions) {
      const last = heartbeat.last[key];
      if (last !== undefined && last > position.seq && !position.isRepairing && !position.isNew) {
        gaps.push({ stream: key, after: position.seq, missed: last - position.seq, reason: "told by a heartbeat" });
      }
    }
    return gaps;
  }

  #takeSnapshot(position: Position, message: DataMessage): Verdict {
    // Frames of history come in order as well, and may be older than the confirmed number.
    position.seq = Math.max(position.seq, message.seq);
    position.isNew = false;
    return { take: true };
  }
}
