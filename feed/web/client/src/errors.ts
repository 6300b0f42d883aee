/** Refusal of a request or command, with the server's code, the key at fault and the nearest right value. */
export class FeedError extends Error {
  override readonly name = "FeedError";

  constructor(
    message: string,
    readonly code: string,
    readonly field?: string,
    readonly hint?: string,
  ) {
    super(hint === undefined ? message : `${message} (${hint})`);
  }

  /** Return the error of an `error` event, or of the body of a refused HTTP request. */
  static of(body: { message?: unknown; code?: unknown; field?: unknown; hint?: unknown }): FeedError {
    const text = (value: unknown) => (typeof value === "string" ? value : undefined);
    return new FeedError(text(body.message) ?? "refused", text(body.code) ?? "UNKNOWN", text(body.field), text(body.hint));
  }
}
