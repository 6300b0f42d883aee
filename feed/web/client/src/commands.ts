import type { CommandDoneEvent } from "./messages.js";

/** Answer to a command, sent once it has happened and all data before it has been written. */
export type Done = Omit<CommandDoneEvent, "event" | "id">;

/** Fault, as `GET /faults` describes the kinds. */
export type Fault = { kind: string } & Record<string, unknown>;

/** Goal of `runUntil`; exactly one of time, seq, price, phase and event. */
export interface Goal {
  time?: string | number;
  channel?: string;
  symbol?: string;
  seq?: number;
  price?: number | string;
  phase?: string;
  event?: string;
  speed?: number | "max";
  limit?: string;
}

/** Commands of a market, as methods; how they travel is up to `act`. */
export abstract class Commands {
  /** Carry out an action by its name; resolves when it has happened, rejects with a `FeedError`. */
  abstract act(action: string, keys?: Record<string, unknown>): Promise<Done>;

  /** Let market time stand still. */
  pause(): Promise<Done> { return this.act("pause"); }

  /** Let market time run on. */
  resume(): Promise<Done> { return this.act("resume"); }

  /** Change how fast market time runs: market seconds a real second, or as fast as readers read. */
  speed(value: number | "max"): Promise<Done> { return this.act("speed", { value }); }

  /** Go on by so many trades (1), or by a length such as `{for: "250ms"}`, and stand there. */
  step(keys: { count?: number; symbol?: string } | { for: string } = {}): Promise<Done> { return this.act("step", { ...keys }); }

  /** Play to a goal, and stand at the instant that fulfilled it. */
  runUntil(goal: Goal): Promise<Done> { return this.act("run_until", { ...goal }); }

  /** Begin a new epoch at another market time. */
  seek(time: string | number): Promise<Done> { return this.act("seek", { time }); }

  /** Begin a new epoch at the beginning of the scenario, which may be another one. */
  restart(keys: { seed?: number; scenario?: string } = {}): Promise<Done> { return this.act("restart", { ...keys }); }

  /** Let a scenario event happen now, such as `{kind: "flash-crash", size: "-8%"}`. */
  shock(event: { kind: string } & Record<string, unknown>): Promise<Done> { return this.act("shock", event); }

  /** Arm a fault for the connections of the market; the answer has its number. */
  fault(fault: Fault | { clear: number | "all" }): Promise<Done> { return this.act("fault", { ...fault }); }

  /** Write a line into the log of commands. */
  mark(text: string): Promise<Done> { return this.act("mark", { text }); }
}
