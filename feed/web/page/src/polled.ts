import { useEffect, useState } from "preact/hooks";

/** Ask again and again while a component is shown; returns the last answer. */
export function usePolled<Answer>(ask: () => Promise<Answer>, every: number, key: unknown): Answer | undefined {
  const [answer, setAnswer] = useState<Answer>();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const again = async () => {
      try {
        const found = await ask();
        if (!isOver) setAnswer(found);
      } catch {
        // A market that is gone or a server that is away: the last answer stays, and the connection tells why.
      }
      if (!isOver) timer = setTimeout(() => void again(), every);
    };
    void again();
    return () => { isOver = true; clearTimeout(timer); };
  }, [key, every]);
  return answer;
}
