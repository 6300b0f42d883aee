import { useEffect, useState } from "preact/hooks";

/** Listeners by topic. However often a topic is told within a picture of the screen, its listeners are called once. */
export class Topics<Topic extends string> {
  readonly #listeners = new Map<Topic, Set<() => void>>();
  readonly #told = new Set<Topic>();
  #frame = 0;

  /** Note that topics have news. */
  tell(...topics: Topic[]): void {
    for (const topic of topics) this.#told.add(topic);
    this.#frame ||= requestAnimationFrame(() => this.#pass());
  }

  /** Call a listener when a topic has news; returns a function that stops it. */
  listen(topics: readonly Topic[], listener: () => void): () => void {
    for (const topic of topics) {
      const there = this.#listeners.get(topic) ?? new Set();
      this.#listeners.set(topic, there.add(listener));
    }
    return () => { for (const topic of topics) this.#listeners.get(topic)?.delete(listener); };
  }

  /** Tell nobody any more. */
  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#listeners.clear();
  }

  #pass(): void {
    this.#frame = 0;
    const listeners = new Set([...this.#told].flatMap((topic) => [...(this.#listeners.get(topic) ?? [])]));
    this.#told.clear();
    for (const listener of listeners) listener();
  }
}

/** Draw a component again when a topic has news, at most once in `every` milliseconds. */
export function useTopics<Topic extends string>(topics: Topics<Topic>, names: readonly Topic[], every = 0): void {
  const [, draw] = useState(0);
  useEffect(() => {
    let last = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const now = () => { timer = undefined; last = performance.now(); draw((count) => count + 1); };
    const stop = topics.listen(names, () => {
      if (timer !== undefined) return;
      const wait = last + every - performance.now();
      if (wait <= 0) now();
      else timer = setTimeout(now, wait);
    });
    return () => { stop(); clearTimeout(timer); };
  }, [topics, names.join(), every]);
}

/** Draw a component again every so many milliseconds. */
export function useClock(every: number): void {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw((count) => count + 1), every);
    return () => clearInterval(timer);
  }, [every]);
}
