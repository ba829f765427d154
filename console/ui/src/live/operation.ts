// An operation that workers carry out: asked for once, then looked at until it ends.
import { useEffect, useRef, useState } from "preact/hooks";
import { getOperation } from "../api/calls";
import { type Problem, problemOf } from "../api/problem";
import type { Operation } from "../api/types";

export interface Asked {
  operation: string;
  task?: string | null;
}

export interface OperationState {
  busy: boolean;
  operation: Operation | undefined;
  problem: Problem | undefined;
  ask: (request: () => Promise<Asked>) => Promise<void>;
  reset: () => void;
}

const EVERY_MS = 1_200;

export function useOperation(): OperationState {
  const [state, setState] = useState<{ busy: boolean; operation?: Operation; problem?: Problem }>({ busy: false });
  // Only the last question counts: an earlier one that ends late is dropped.
  const turn = useRef(0);
  useEffect(() => () => void (turn.current += 1), []);
  const ask = async (request: () => Promise<Asked>) => {
    const mine = ++turn.current;
    setState({ busy: true });
    try {
      const { operation, task } = await request();
      for (;;) {
        const now = await getOperation(operation, task ?? undefined);
        if (turn.current !== mine) return;
        const busy = now.state !== "done";
        setState({ busy, operation: now });
        if (!busy) return;
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
        if (turn.current !== mine) return;
      }
    } catch (error) {
      if (turn.current === mine) setState({ busy: false, problem: problemOf(error) });
    }
  };
  const reset = () => {
    turn.current += 1;
    setState({ busy: false });
  };
  return { busy: state.busy, operation: state.operation, problem: state.problem, ask, reset };
}
