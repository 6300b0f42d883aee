/** Parameter of a fault or an event, as JSON Schema describes it. */
export interface Parameter {
  type?: string | string[];
  description?: string;
  enum?: (string | number)[];
  minimum?: number | string;
  maximum?: number | string;
  examples?: unknown[];
  required?: boolean;
  default?: unknown;
}

/** Draw a field for each parameter. */
export function Parameters({ parameters, given, change }: {
  parameters: Record<string, Parameter>;
  given: Record<string, string>;
  change: (given: Record<string, string>) => void;
}) {
  return (
    <>
      {Object.entries(parameters).map(([name, parameter]) => (
        <label key={name} title={parameter.description}>
          {name}
          {parameter.enum ? (
            <select value={given[name] ?? ""} required={parameter.required} onChange={(event) => change({ ...given, [name]: event.currentTarget.value })}>
              <option value="" />
              {parameter.enum.map((value) => <option key={value} value={value}>{value}</option>)}
            </select>
          ) : (
            <input value={given[name] ?? ""} required={parameter.required} placeholder={hintOf(parameter)}
              onInput={(event) => change({ ...given, [name]: event.currentTarget.value })} />
          )}
        </label>
      ))}
    </>
  );
}

function hintOf({ default: usual, examples, minimum, maximum }: Parameter): string {
  if (usual !== undefined && usual !== null && typeof usual !== "object") return String(usual);
  if (examples?.length) return `such as ${String(examples[0])}`;
  return minimum === undefined ? "" : `${minimum} to ${maximum ?? "…"}`;
}

/** Return the values of fields as JSON: numbers where the parameter is a number; empty fields are left out. */
export function fieldsOf(given: Record<string, string>, parameters: Record<string, Parameter>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(given)) {
    if (text === "" || !(name in parameters)) continue;
    const types = [parameters[name]!.type ?? "string"].flat();
    const isNumber = /^-?\d+(\.\d+)?$/.test(text) && (types.includes("number") || types.includes("integer"));
    fields[name] = types.includes("boolean") ? text === "true" : isNumber ? Number(text) : text;
  }
  return fields;
}
