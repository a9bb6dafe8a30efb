// A developer's program on the generated types; checked by tsc, never run.
import type { components, operations, paths } from "agora-types";

type Problem = components["schemas"]["Problem"];
type Predicted = operations["predict"]["responses"]["200"]["content"]["application/json"];
type Submitted = paths["/api/v1/batch-predictions"]["post"]["responses"]["202"]["content"]["application/json"];
type Happened = components["schemas"]["BatchPredictionSucceededEvent"];

export async function predict(address: string, token: string): Promise<number> {
  const body: components["schemas"]["PredictionsInput"] = { features: [[1, 2, 3]] };
  const answer = await fetch(`${address}/api/v1/predict`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) {
    const problem: Problem = await answer.json();
    throw new Error(`${problem.code}: ${problem.detail}`);
  }
  const predicted: Predicted = await answer.json();
  return predicted.prediction.length;
}

export function isDone(job: Submitted): boolean {
  return job.status === "succeeded" || job.status === "failed";
}

export function heard(event: Happened): string {
  const succeeded: number = event.data.counts.succeeded;
  return `${event.type} #${event.object.sequence}: ${succeeded}`;
}

// @ts-expect-error - a status that there is not
export const wrong: Submitted["status"] = "sleeping";
