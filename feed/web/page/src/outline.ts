/** Outline of a scenario: times in milliseconds from its start. */
export interface Outline {
  name: string;
  description: string;
  start: number;
  script_end: number | null;
  symbols: string[];
  phases: { name: string; at: number; for: number | null; status: string }[];
  events: { kind: string; at: number; for: number; symbols: string[] }[];
}

/** Mistake in a scenario's text. */
export interface Mistake {
  line: number;
  where: string;
  message: string;
  hint: string | null;
}
