/** Return a decimal with thousands apart. */
export function amount(value: number | string | undefined, decimals: number): string {
  if (value === undefined) return "–";
  return Number(value).toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** Return the time of day, UTC, of milliseconds since 1970. */
export const timeOfDay = (ms: number, withMillis = false) => new Date(ms).toISOString().slice(11, withMillis ? 23 : 19);

/** Return date and time, UTC. */
export const dateTime = (ms: number) => new Date(ms).toISOString().replace("T", " ").slice(0, 19);

/** Return a length such as `00:05:00`, as scenarios write their times. */
export function length(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** Return what went wrong, as text for people. */
export const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
