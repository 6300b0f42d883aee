/** Listener of one kind of event. */
export type Listener<Value> = (value: Value) => void;

/** Registry of listeners by the name of an event. A listener that throws stops no other. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Call `listener` for each event of this name; returns a function that stops it. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener as Listener<never>);
    return () => void listeners.delete(listener as Listener<never>);
  }

  /** Pass an event to its listeners. */
  protected emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as Listener<Events[Name]>)(value);
      } catch (error) {
        // The application sees its own mistake where it looks for them, and the stream goes on.
        queueMicrotask(() => { throw error; });
      }
    }
  }
}
