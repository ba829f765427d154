// What went wrong, and what to do about it.
export const reasons = {
  "why.too.many.deletes":
    "The run found {n} object to delete, more than “Most deletes in one run” allows ({most}). It deleted none. Check the source, or allow more.|The run found {n} objects to delete, more than “Most deletes in one run” allows ({most}). It deleted none. Check the source, or allow more.",
  "why.empty.source":
    "The source has no objects, and a run would delete {n} object. It deletes none. Check the source's bucket and prefix, or allow the deletes for one run.|The source has no objects, and a run would delete {n} objects. It deletes none. Check the source's bucket and prefix, or allow the deletes for one run.",
  "why.allow": "Run once with {n} delete…|Run once with {n} deletes…",
  "outage.title": "A store does not answer",
  "outage.title.source": "The source does not answer",
  "outage.title.destination": "The destination does not answer",
  "outage.about": "Transfers wait. They go on by themselves once the store answers; nothing is lost.",
  "failures.attention": "Needs attention",
  "failures.settled": "Settled since",
  "failures.settled.retry": "A later retry ended and nothing of it failed:",
  "failures.settled.run": "A later run compared both sides, and nothing failed:",
  "task.plan": "Plan",
  "plan.keys": "{what}: the first keys",
  "plan.of.destination": "of {n} at the destination",
  "plan.about": "Lists both sides and counts what a run would do now. It writes nothing.",
  "plan.confirm": "Plan",
  close: "Close",
  "objects.elsewhere": "This address is in neither of the task's locations",
  "objects.elsewhere.about": "Choose the task that copies it, or give the key without the bucket and prefix.",
  "objects.unknown.maybe": "Check the spelling: upper and lower case count. There may be no such object at all.",
  "run.older": "This run has version {run} of the definition, and the task is at version {task}",
  "run.older.about":
    "It has the credentials of now. What else was changed since, such as an endpoint, does not reach it: if it waits for that, cancel it and run again.",
  "bars.title": "Runs",
  "bars.summary": "last {n}: {copied} copied, {deleted} deleted, {failed} failed",
  "bars.run": "{at}: {copied} copied, {deleted} deleted, {failed} failed, {state}, {took}",
  "bars.peak": "{n} object|{n} objects",
  "changes.show": "What changed",
} satisfies Record<string, string>;
